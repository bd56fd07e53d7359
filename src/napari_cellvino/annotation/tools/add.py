"""Add missed objects: drawn, or grown from a click.

With a foreground map, an object is grown at a lower threshold than the run used. Without one, it is grown in the image,
at half the contrast between the clicked pixel and the background around it.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_cellvino.annotation.document import Annotation, make_edit
from napari_cellvino.annotation.edit import Edit
from napari_cellvino.annotation.paint_strokes import edit_region
from napari_cellvino.annotation.record import drawn_record
from napari_cellvino.annotation.region import Region
from napari_cellvino.annotation.tools.drawing import Drawing, Mask, pixel_at
from napari_cellvino.core.errors import EditError

MIN_PROBABILITY = 0.1  # a lower probability at the click means no cell
LEVEL_FACTOR = 1.25  # the threshold is raised by this factor until the object is small enough
MAX_AREA_FACTOR = 6.0  # times the typical area
WINDOW_DIAMETERS = 3.0  # size of the window on each side of a click, in typical diameters
DEFAULT_AREA = 700.0  # px, typical area where there is no other object
MAX_SAMPLED = 200  # objects for the typical area
SMOOTHING = 1.0  # px
MIN_CONTRAST = 3.0  # minimum contrast of a cell, in standard deviations of the background

Values = NDArray[np.number[Any]]


def add_drawn(annotation: Annotation, drawing: Drawing, *, class_index: int = 0) -> Edit:
    """Return the edit that makes a new object from the background pixels of a drawing.

    Raises
    ------
    EditError
        If the drawing has no background pixel.
    """
    free = drawing.mask & (annotation.pixels[drawing.region.slices] == 0)
    if not free.any():
        raise EditError("there is no room: all of it lies on other cells; draw where there is background")
    return _add_object(annotation, drawing.region, free, class_index)


def add_from_map(
    annotation: Annotation,
    point: tuple[float, float],
    foreground_probability: Values,
    *,
    plane: int | None = None,
    level: float = 0.25,
    class_index: int = 0,
) -> Edit:
    """Return the edit that adds the object at a click, grown in the foreground map at a lower threshold.

    Parameters
    ----------
    annotation, point, plane
        Position of the click.
    foreground_probability
        Foreground map (Y, X) of the image, or of the clicked plane.
    level
        First threshold; it is raised while the object is much larger than typical.

    Raises
    ------
    EditError
        If the click is on a cell, or the probability there is too low.
    """
    region, seed = _surroundings(annotation, point, plane)
    values = _cut(foreground_probability, annotation, region)
    if values[seed] < MIN_PROBABILITY:
        raise EditError(f"the model sees no cell here ({values[seed]:.2f}); draw its outline instead")
    free = (annotation.pixels[region.slices] == 0).reshape(values.shape)
    grown = _grow_region(
        values, seed, free, min(level, float(values[seed]) / 2), MAX_AREA_FACTOR * _typical_area(annotation)
    )
    return _add_object(annotation, region, grown.reshape(region.shape), class_index)


def add_from_intensity(
    annotation: Annotation,
    point: tuple[float, float],
    pixels: Values,
    *,
    plane: int | None = None,
    class_index: int = 0,
) -> Edit:
    """Return the edit that adds the bright or dark object at a click, grown in the intensities ``pixels`` (Y, X).

    Raises
    ------
    EditError
        If the click is on a cell, or the contrast there is too low.
    """
    region, seed = _surroundings(annotation, point, plane)
    raw = ndi.gaussian_filter(_cut(pixels, annotation, region), SMOOTHING)
    free = (annotation.pixels[region.slices] == 0).reshape(raw.shape)
    background = float(np.median(raw[free]))
    spread = 1.4826 * float(np.median(np.abs(raw[free] - background)))
    contrast = float(raw[seed]) - background
    if contrast == 0 or abs(contrast) < MIN_CONTRAST * spread:
        raise EditError("nothing stands out from the background here; draw the outline instead")
    height = (raw - background) / contrast
    grown = _grow_region(height, seed, free, 0.5, MAX_AREA_FACTOR * _typical_area(annotation))
    return _add_object(annotation, region, grown.reshape(region.shape), class_index)


def _add_object(annotation: Annotation, region: Region, mask: Mask, class_index: int) -> Edit:
    new = annotation.next_id
    after = np.where(mask, np.int32(new), annotation.pixels[region.slices])
    edit = edit_region(annotation, f"Add #{new}", region, after)
    return make_edit(annotation, edit.name, edit.pixels, [drawn_record(new, class_index=class_index)])


def _surroundings(
    annotation: Annotation, point: tuple[float, float], plane: int | None
) -> tuple[Region, tuple[int, int]]:
    """Return the window around a click on background, and the click (y, x) in the window."""
    place = pixel_at(annotation, point, plane=plane)
    taken = int(annotation.pixels[place])
    if taken:
        raise EditError(f"there is a cell already, #{taken}; click where one is missing")
    reach = round(WINDOW_DIAMETERS * np.sqrt(_typical_area(annotation)))
    near = Region(place, tuple(p + 1 for p in place)).expanded(reach, annotation.shape).in_plane(plane)
    y, x = (p - low for p, low in zip(place[-2:], near.low[-2:], strict=True))
    return near, (y, x)


def _typical_area(annotation: Annotation) -> float:
    """Return the median area (px) in one plane of the first `MAX_SAMPLED` objects."""
    places = annotation.index.places(list(islice(annotation.records, MAX_SAMPLED)))
    planes = places.high[:, 0] - places.low[:, 0] if len(annotation.shape) == 3 else 1
    return float(np.median(places.area / planes)) if len(places) else DEFAULT_AREA


def _cut(values: Values, annotation: Annotation, region: Region) -> NDArray[np.float32]:
    if values.shape != annotation.shape[-2:]:
        raise EditError(f"a map of {values.shape} px does not fit a plane of {annotation.shape[-2:]} px")
    return values[region.slices[-2:]].astype(np.float32)


def _grow_region(values: NDArray[np.float32], seed: tuple[int, int], free: Mask, level: float, largest: float) -> Mask:
    """Return the filled component at a seed where values reach a level, raised until the area is small enough."""
    top = float(values[seed])
    while True:
        pieces, _ = ndi.label((values >= level) & free)
        piece = pieces == pieces[seed]
        if piece.sum() <= largest or level * LEVEL_FACTOR >= top:
            break
        level *= LEVEL_FACTOR
    return np.asarray(ndi.binary_fill_holes(piece) & free, bool)
