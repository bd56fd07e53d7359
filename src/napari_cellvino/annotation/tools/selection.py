"""Selections of many objects, to be checked before an edit.

Accepted objects are never selected, so that a limit does not undo reviews.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from napari_cellvino.annotation.document import Annotation
from napari_cellvino.annotation.index import Geometry
from napari_cellvino.annotation.tools.drawing import Points, check_plane
from napari_cellvino.core.errors import EditError
from napari_cellvino.core.objects import ReviewState


@dataclass(frozen=True, slots=True)
class Selection:
    """Ids of the selected objects, a description, and the number of accepted objects that were spared."""

    ids: tuple[int, ...]
    description: str
    spared: int = 0

    @property
    def count(self) -> int:
        """Number of selected objects."""
        return len(self.ids)

    def __str__(self) -> str:
        spared = f"; {self.spared} accepted {'ones are' if self.spared > 1 else 'one is'} spared" if self.spared else ""
        return f"{self.count} {'cell' if self.count == 1 else 'cells'} {self.description}{spared}"


def below_score(annotation: Annotation, score: float) -> Selection:
    """Return the objects with a score below a limit; drawn objects have no score."""
    return _chosen(annotation, lambda id_: annotation.records[id_].score < score, f"with a score below {score:g}")


def smaller_than(annotation: Annotation, area_px: float) -> Selection:
    """Return the objects with fewer pixels (voxels) than ``area_px``."""
    return _chosen(annotation, lambda id_: annotation.geometry(id_).area < area_px, f"smaller than {area_px:g} px")


def larger_than(annotation: Annotation, area_px: float) -> Selection:
    """Return the objects with more pixels (voxels) than ``area_px``."""
    return _chosen(annotation, lambda id_: annotation.geometry(id_).area > area_px, f"larger than {area_px:g} px")


def touching_edge(annotation: Annotation) -> Selection:
    """Return the objects that touch the edge of the image in Y or X."""

    def touches(id_: int) -> bool:
        region = annotation.geometry(id_).region
        return min(region.low[-2:]) == 0 or region.high[-2] == annotation.shape[-2] or region.high[-1] == last

    last = annotation.shape[-1]
    return _chosen(annotation, touches, "touching the edge of the image")


def inside(annotation: Annotation, lasso: Points, *, plane: int | None = None) -> Selection:
    """Return the objects with their centroid in a polygon (P, 2) and, in a z-stack, with pixels in the plane.

    Raises
    ------
    EditError
        If the polygon has fewer than three corners.
    """
    from skimage.measure import points_in_poly

    check_plane(annotation, plane)
    corners = np.asarray(lasso, np.float64).reshape(-1, 2)
    if len(corners) < 3:
        raise EditError(f"a lasso needs three corners or more, not {len(corners)}; draw round the cells")
    low, high = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    near = {
        id_: place.centroid[-2:]
        for id_ in annotation.records
        if _near(place := annotation.geometry(id_), low, high) and _in_plane(place, plane)
    }
    within = points_in_poly(np.array(list(near.values())).reshape(-1, 2), corners)
    held = {id_ for id_, inner in zip(near, within.tolist(), strict=True) if inner}
    return _chosen(annotation, held.__contains__, "in the lasso")


def _near(place: Geometry, low: list[float], high: list[float]) -> bool:
    """Return whether the box of an object overlaps the box of a drawing."""
    (y0, x0), (y1, x1) = place.region.low[-2:], place.region.high[-2:]
    return y0 <= high[0] and x0 <= high[1] and y1 > low[0] and x1 > low[1]


def _in_plane(place: Geometry, plane: int | None) -> bool:
    return plane is None or place.region.low[0] <= plane < place.region.high[0]


def _chosen(annotation: Annotation, holds: Callable[[int], bool], description: str) -> Selection:
    found = [id_ for id_ in sorted(annotation.records) if holds(id_)]
    ids = tuple(id_ for id_ in found if annotation.records[id_].review is not ReviewState.ACCEPTED)
    return Selection(ids, description, len(found) - len(ids))
