"""Add objects that were missed: drawn, or grown from a click.

From a map of the network, an object is grown at a lower threshold than it was run with; where there is no map, from
intensity, at half the height between the background round it and its own brightest place.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_cellvino.annotation.document import Annotation, describe
from napari_cellvino.annotation.edit import Edit
from napari_cellvino.annotation.paint_strokes import repainted
from napari_cellvino.annotation.record import drawn
from napari_cellvino.annotation.region import Region
from napari_cellvino.annotation.tools.drawing import Drawing, Mask, pixel_at
from napari_cellvino.core.errors import EditError

LOWEST = 0.1  # a map below this says that there is no cell
STEP = 1.25  # by which the threshold rises until the object is no larger than usual
LARGEST = 6.0  # times the usual area
REACH = 3.0  # usual diameters that are looked at on each side of a click
USUAL_AREA = 700.0  # px, where there is no other object to tell
ENOUGH = 200  # objects that tell the usual area
BLUR = 1.0  # px
LEAST_CONTRAST = 3.0  # standard deviations of the background that a cell is brighter, or darker

Values = NDArray[np.number[Any]]


def add_drawn(annotation: Annotation, drawing: Drawing, *, class_index: int = 0) -> Edit:
    """Return the edit that makes a new object of a drawing, where it is background: others are not overwritten.

    Raises
    ------
    EditError
        If all of it is taken by other objects.
    """
    free = drawing.mask & (annotation.pixels[drawing.region.slices] == 0)
    if not free.any():
        raise EditError("there is no room: all of it lies on other cells; draw where there is background")
    return _added(annotation, drawing.region, free, class_index)


def add_from_map(
    annotation: Annotation,
    point: tuple[float, float],
    foreground_probability: Values,
    *,
    plane: int | None = None,
    level: float = 0.25,
    class_index: int = 0,
) -> Edit:
    """Return the edit that adds the object at a click, grown from a network's map at a lower threshold.

    Parameters
    ----------
    annotation, point, plane
        Where was clicked.
    foreground_probability
        Probability of a cell, (Y, X), of the image or of the plane clicked in.
    level
        Threshold to begin with; it rises while the object is much larger than usual.

    Raises
    ------
    EditError
        If the click is on a cell, or the model sees nothing there.
    """
    region, seed = _surroundings(annotation, point, plane)
    values = _cut(foreground_probability, annotation, region)
    if values[seed] < LOWEST:
        raise EditError(f"the model sees no cell here ({values[seed]:.2f}); draw its outline instead")
    free = (annotation.pixels[region.slices] == 0).reshape(values.shape)
    grown = _grown(values, seed, free, min(level, float(values[seed]) / 2), LARGEST * _usual_area(annotation))
    return _added(annotation, region, grown.reshape(region.shape), class_index)


def add_from_intensity(
    annotation: Annotation,
    point: tuple[float, float],
    pixels: Values,
    *,
    plane: int | None = None,
    class_index: int = 0,
) -> Edit:
    """Return the edit that adds the bright or dark object at a click, grown from intensities (Y, X).

    Raises
    ------
    EditError
        If the click is on a cell, or nothing stands out there.
    """
    region, seed = _surroundings(annotation, point, plane)
    raw = ndi.gaussian_filter(_cut(pixels, annotation, region), BLUR)
    free = (annotation.pixels[region.slices] == 0).reshape(raw.shape)
    background = float(np.median(raw[free]))
    spread = 1.4826 * float(np.median(np.abs(raw[free] - background)))
    contrast = float(raw[seed]) - background
    if contrast == 0 or abs(contrast) < LEAST_CONTRAST * spread:
        raise EditError("nothing stands out from the background here; draw the outline instead")
    height = (raw - background) / contrast
    grown = _grown(height, seed, free, 0.5, LARGEST * _usual_area(annotation))
    return _added(annotation, region, grown.reshape(region.shape), class_index)


def _added(annotation: Annotation, region: Region, mask: Mask, class_index: int) -> Edit:
    new = annotation.next_id
    after = np.where(mask, np.int32(new), annotation.pixels[region.slices])
    edit = repainted(annotation, f"Add #{new}", region, after)
    return describe(annotation, edit.name, edit.pixels, [drawn(new, class_index=class_index)])


def _surroundings(
    annotation: Annotation, point: tuple[float, float], plane: int | None
) -> tuple[Region, tuple[int, int]]:
    """Return what is looked at round a click in the background, and where in it the click is."""
    place = pixel_at(annotation, point, plane=plane)
    taken = int(annotation.pixels[place])
    if taken:
        raise EditError(f"there is a cell already, #{taken}; click where one is missing")
    reach = round(REACH * np.sqrt(_usual_area(annotation)))
    near = Region(place, tuple(p + 1 for p in place)).grown(reach, annotation.shape).in_plane(plane)
    y, x = (p - low for p, low in zip(place[-2:], near.low[-2:], strict=True))
    return near, (y, x)


def _usual_area(annotation: Annotation) -> float:
    """Return the median area in one plane of the first objects: the more of them, the less another one tells."""
    places = [annotation.index[id_] for id_ in islice(annotation.records, ENOUGH)]
    areas = [place.area / (place.region.shape[0] if len(annotation.shape) == 3 else 1) for place in places]
    return float(np.median(areas)) if areas else USUAL_AREA


def _cut(values: Values, annotation: Annotation, region: Region) -> NDArray[np.float32]:
    if values.shape != annotation.shape[-2:]:
        raise EditError(f"a map of {values.shape} px does not fit a plane of {annotation.shape[-2:]} px")
    return values[region.slices[-2:]].astype(np.float32)


def _grown(values: NDArray[np.float32], seed: tuple[int, int], free: Mask, level: float, largest: float) -> Mask:
    """Return the piece round a seed where values reach a level, which rises until it is not too large; no holes."""
    top = float(values[seed])
    while True:
        pieces, _ = ndi.label((values >= level) & free)
        piece = pieces == pieces[seed]
        if piece.sum() <= largest or level * STEP >= top:
            break
        level *= STEP
    return np.asarray(ndi.binary_fill_holes(piece) & free, bool)
