"""Files that hold cells and no picture: somebody opens the masks of an image where they mean to take them in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.core.image import MetadataOverrides
from napari_cellvino.io import open_as
from napari_cellvino.segmentation.mask_test import describe_mask

MOST_PX = 100_000_000  # of a plane that is looked at; a larger label image is opened as an image


def label_files(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Return the files among these that hold a label image, by the pixels of their middle plane, in their order."""
    return tuple(path for path in paths if path.is_file() and _holds_labels(path))


def _holds_labels(path: Path) -> bool:
    try:
        source = open_as(path, MetadataOverrides())
        stack = source.read(source.positions[0])
        if stack.rgb or stack.shape.t > 1 or stack.shape.c > 1 or stack.shape.y * stack.shape.x > MOST_PX:
            return False
        return bool(describe_mask(stack.plane(t=0, c=0, z=stack.shape.z // 2)[None]))
    except CellvinoError:  # told when it is opened
        return False
