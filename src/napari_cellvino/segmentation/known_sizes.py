"""Cells of a size that a model never saw: it cuts large ones in pieces and misses small ones, without being unsure.

What was found is asked, not the image: pieces of cells that are far too large still are large themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.objects import Objects
from napari_cellvino.model_package import ModelOutput, ModelSpec

FEWEST = 5  # cells that say how large cells are
SOUGHT = 1.25  # where the size was sought, cells may be so much smaller or larger: most are still found


@dataclass(frozen=True, slots=True)
class UnknownSize:
    """The median diameter of what was found, and the least and largest one that the model knows, in px of the image."""

    diameter_px: float
    smallest: float
    largest: float


def find_unknown_size(area_px: NDArray[np.integer], spec: ModelSpec, zoom: float) -> UnknownSize | None:
    """Return what is said of cells of so many px² that were found at a zoom; None where the model knows their size.

    Nothing is said of fewer than `FEWEST` cells, and of a model that outlines one cell in a crop of its size.
    """
    if len(area_px) < FEWEST or spec.gives is ModelOutput.MASK:
        return None
    diameter = median_diameter(area_px, spec)
    known = UnknownSize(diameter, spec.diameter_px.smallest / zoom, spec.diameter_px.largest / zoom)
    reach = SOUGHT if spec.diameter_px.always_sought else 1.0
    return None if known.smallest / reach <= diameter <= known.largest * reach else known


def median_diameter(area_px: NDArray[np.integer], spec: ModelSpec) -> float:
    """Return the diameter in px of half of the cells with so many px² each, at least one; of boxes their side."""
    round_area = 1.0 if spec.gives is ModelOutput.BOXES else np.pi / 4
    return float(np.sqrt(np.median(area_px) / round_area))


def unusual_size(found: Objects, shape: tuple[int, int], spec: ModelSpec) -> float | None:
    """Return the median diameter in px of cells that were found in a plane (Y, X) as it is, if it has to be sought.

    That is so where a model seeks sizes outside a range only, and half of the cells are: of large ones any will do, as
    most are missed; of small ones, which may be pieces and dirt, a few that the border does not cut.
    """
    outside = spec.diameter_px.sought_outside
    if outside is None or not len(found):
        return None
    diameter = median_diameter(found.area_px, spec)
    if diameter > outside[1]:
        return diameter
    whole = found.area_px[((found.box[:, :2] > 0) & (found.box[:, 2:] < np.array(shape))).all(1)]
    if len(whole) < FEWEST:
        return None
    diameter = median_diameter(whole, spec)
    return diameter if diameter < outside[0] else None


def describe_unknown_size(found: UnknownSize) -> Sequence[str]:
    """Return the sentence for the user."""
    half = f"Half of what was found is {{}} than {found.diameter_px:.0f} px across, and this model knows cells of"
    span = f"{found.smallest:.0f} to {found.largest:.0f} px here"
    if found.diameter_px > found.largest:
        return (
            f"{half.format('larger')} {span}: it may cut large cells in pieces. Give the cell diameter (--diameter)",
        )
    return (f"{half.format('smaller')} {span}: it may miss small cells. Give the cell diameter (--diameter)",)
