"""Whether a path is a plate, and whether what is asked of it is possible: for the command line and Python alike."""

from __future__ import annotations

import os
from pathlib import Path

from napari_cellvino.core.errors import CellvinoError, OptionError
from napari_cellvino.core.image import MetadataOverrides
from napari_cellvino.core.plate import FieldOfView
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.io.plates import INDEX_SUFFIXES, PlateSource, find_plate
from napari_cellvino.io.plates.name_pattern import compile_pattern
from napari_cellvino.results.plate_place import RING_PX
from napari_cellvino.workflows.effective_choices import check_choices


def is_plate(path: Path, pattern: str, wanted: bool | None = None) -> bool:
    """Return whether a path is taken as a plate; one that cannot be read is, so that its reason is told.

    ``wanted`` is what the user said of it; None leaves it to what lies there.

    Raises
    ------
    OptionError
        If the pattern cannot be used.
    """
    if pattern:
        return compile_pattern(pattern).tells_well
    if wanted is not None:
        return wanted
    if not os.path.isdir(path) and path.suffix.lower() not in INDEX_SUFFIXES:
        return False
    try:
        return find_plate(path.absolute(), MetadataOverrides()) is not None
    except CellvinoError:
        return os.path.exists(path)


def check_plate_run(
    source: PlateSource, field: FieldOfView, recipe: Recipe, *, ring_px: int, labels_back: bool
) -> None:
    """Raise OptionError if ring or labels in the plate are asked for and not possible.

    Raises
    ------
    ImageValueError
        If a choice of planes or time points can have no effect.
    """
    plate, (least, most) = source.plate, RING_PX
    check_choices(recipe, plate.name, z=plate.z, t=plate.t)
    if not least <= ring_px <= most:
        raise OptionError(f"a ring of {ring_px} px is not possible; give {least} to {most} px")
    if labels_back and source.zarr_group(field) is None:
        raise OptionError(f"labels can be written back into OME-Zarr, and {plate.name} is a plate of {plate.kind}")
