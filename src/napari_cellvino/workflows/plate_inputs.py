"""Whether a path is a plate, and whether what is asked of it is possible: for the command line and Python alike."""

from __future__ import annotations

import os
from pathlib import Path

from napari_cellvino.core.errors import CellvinoError, OptionError
from napari_cellvino.core.image import MetadataOverrides
from napari_cellvino.core.plate import FieldOfView
from napari_cellvino.io.plates import INDEX_SUFFIXES, PlateSource, find_plate

RING_PX = (1, 100)


def is_plate(path: Path, pattern: str) -> bool:
    """Return whether a path is a plate; one that cannot be read is, so that its reason is told."""
    if pattern:
        return True
    if not os.path.isdir(path) and path.suffix.lower() not in INDEX_SUFFIXES:
        return False
    try:
        return find_plate(path.absolute(), MetadataOverrides()) is not None
    except CellvinoError:
        return os.path.exists(path)


def check_plate_run(
    source: PlateSource, field: FieldOfView, said: MetadataOverrides, *, ring_px: int, labels_back: bool
) -> None:
    """Raise OptionError if axes, ring or labels in the plate are asked for and not possible."""
    plate, (least, most) = source.plate, RING_PX
    if said.axes is not None:
        raise OptionError(f"axes {said.axes} are for image files; leave them out for the plate {plate.name}")
    if not least <= ring_px <= most:
        raise OptionError(f"a ring of {ring_px} px is not possible; give {least} to {most} px")
    if labels_back and source.zarr_group(field) is None:
        raise OptionError(f"labels can be written back into OME-Zarr, and {plate.name} is a plate of {plate.kind}")
