"""Drawings as pixels: filled polygons, brush strokes and thin lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation.document import Annotation
from napari_cellvino.annotation.region import Region
from napari_cellvino.core.errors import EditError

Points = Sequence[tuple[float, float]] | NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """Pixels of one plane: a region with as many axes as the image, and the mask of its drawn pixels."""

    region: Region
    mask: Mask


def check_plane(annotation: Annotation, plane: int | None) -> None:
    """Raise EditError unless ``plane`` is a plane of the z-stack, or None for an image of one plane."""
    if len(annotation.shape) == 2:
        if plane is not None:
            raise EditError(f"this image has no plane {plane}: it is a single one")
        return
    if plane is None:
        raise EditError("this is a z-stack; say which plane was drawn in")
    if not 0 <= plane < annotation.shape[0]:
        raise EditError(f"there is no plane {plane + 1}; the stack has {annotation.shape[0]}")


def draw_polygon(annotation: Annotation, outline: Points, *, plane: int | None = None) -> Drawing:
    """Return the pixels whose centres lie in a polygon (P, 2), including its corners; it is closed automatically.

    Raises
    ------
    EditError
        If it has fewer than three corners, or contains no pixel of the image.
    """
    from skimage.draw import polygon

    corners = _points(outline)
    if len(corners) < 3:
        raise EditError(f"an outline needs three corners or more, not {len(corners)}; draw round the cell")
    area = _plane_region(annotation, corners, 0.5, plane)
    size, local = np.array(area.shape[-2:]), corners - np.asarray(area.low[-2:])
    mask = np.zeros(size, bool)
    mask[polygon(*local.T, shape=area.shape[-2:])] = True
    if not mask.any():
        near = np.rint(local).astype(int)  # it is finer than the pixels
        mask[tuple(near[((near >= 0) & (near < size)).all(axis=1)].T)] = True
    return _drawing(area, mask)


def draw_stroke(annotation: Annotation, path: Points, radius: float, *, plane: int | None = None) -> Drawing:
    """Return the pixels within ``radius`` px of a path (P, 2) of one point or more.

    Raises
    ------
    EditError
        If there is no point, the radius is not positive, or no pixel of the image is covered.
    """
    points = _points(path)
    if len(points) == 0 or not radius > 0:
        raise EditError(f"a brush stroke needs a point and a radius above 0, not {len(points)} points of {radius:g} px")
    area = _plane_region(annotation, points, radius, plane)
    y, x = np.ogrid[tuple(slice(a, b) for a, b in zip(area.low[-2:], area.high[-2:], strict=True))]
    mask = np.zeros(area.shape[-2:], bool)
    for begin, end in zip(points, [*points[1:], points[-1]], strict=True):
        mask |= _distance_squared(y, x, begin, end) <= radius**2
    if not mask.any():
        near = np.clip(np.rint(points[0]).astype(int) - area.low[-2:], 0, np.asarray(mask.shape) - 1)
        mask[tuple(near)] = True
    return _drawing(area, mask)


def draw_line(annotation: Annotation, path: Points, *, plane: int | None = None, beyond: float = 0) -> Drawing:
    """Return the 8-connected pixels of a line (P, 2).

    Both ends are extended by ``beyond`` px.

    Raises
    ------
    EditError
        If the line has fewer than two points or lies outside the image.
    """
    from skimage.draw import line

    points = _points(path)
    if len(points) < 2:
        raise EditError("a line needs two points or more; draw it across the cell")
    points = _prolonged(points, beyond)
    area = _plane_region(annotation, points, 1, plane)
    mask = np.zeros(area.shape[-2:], bool)
    corners = np.rint(points).astype(int) - np.asarray(area.low[-2:])
    for begin, end in pairwise(corners):
        y, x = line(*begin.tolist(), *end.tolist())
        inside = (y >= 0) & (x >= 0) & (y < mask.shape[0]) & (x < mask.shape[1])
        mask[y[inside], x[inside]] = True
    return _drawing(area, mask)


def ids_under(annotation: Annotation, drawing: Drawing) -> list[int]:
    """Return the ids of the objects that a drawing touches, ascending."""
    ids = np.unique(annotation.pixels[drawing.region.slices][drawing.mask])
    return [id_ for id_ in ids.tolist() if id_]


def pixel_at(annotation: Annotation, point: tuple[float, float], *, plane: int | None = None) -> tuple[int, ...]:
    """Return the pixel index at a point; `EditError` if it lies outside the image."""
    check_plane(annotation, plane)
    y, x = (round(value) for value in point)
    if not (0 <= y < annotation.shape[-2] and 0 <= x < annotation.shape[-1]):
        raise EditError(f"({y}, {x}) lies outside the image of {annotation.shape[-2]} × {annotation.shape[-1]} px")
    return (y, x) if plane is None else (plane, y, x)


def _points(points: Points) -> NDArray[np.float64]:
    array = np.asarray(points, np.float64).reshape(-1, 2)
    if not np.isfinite(array).all():
        raise EditError("a point of the drawing has no place; draw it again")
    return array


def _plane_region(annotation: Annotation, points: NDArray[np.float64], margin: float, plane: int | None) -> Region:
    check_plane(annotation, plane)
    area = Region.around(points, margin, annotation.shape[-2:])
    if area.empty:
        raise EditError("what was drawn lies outside the image")
    return area if plane is None else Region((plane, *area.low), (plane + 1, *area.high))


def _drawing(region: Region, mask: Mask) -> Drawing:
    if not mask.any():
        raise EditError("what was drawn holds no pixel of the image; draw it larger")
    return Drawing(region, mask.reshape(region.shape))


def _prolonged(points: NDArray[np.float64], beyond: float) -> NDArray[np.float64]:
    longer = points.copy()
    for end, inner in ((0, 1), (-1, -2)):
        step = points[end] - points[inner]
        length = float(np.hypot(*step))
        if length > 0:
            longer[end] = points[end] + step * (beyond / length)
    return longer


def _distance_squared(
    y: NDArray[np.intp], x: NDArray[np.intp], begin: NDArray[np.float64], end: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the squared distance (px²) of each pixel to the segment between two points."""
    step = end - begin
    length = float(step @ step)
    along = ((y - begin[0]) * step[0] + (x - begin[1]) * step[1]) / length if length > 0 else np.zeros((1, 1))
    along = np.clip(along, 0, 1)
    squared: NDArray[np.float64] = (y - begin[0] - along * step[0]) ** 2 + (x - begin[1] - along * step[1]) ** 2
    return squared
