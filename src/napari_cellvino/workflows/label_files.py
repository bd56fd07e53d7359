"""Files that hold cells and no picture: somebody opens the masks of an image where they mean to take them in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.core.image import MetadataOverrides
from napari_cellvino.formats.label_folder import read_label_image
from napari_cellvino.formats.label_pixels import READ_PIXELS
from napari_cellvino.io import open_as

MOST_PX = 100_000_000  # that are looked at: a larger label image is opened as an image


def label_files(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Return the files among these that hold a label image, by their pixels, in their order."""
    return tuple(path for path in paths if path.suffix.lower() in READ_PIXELS and _holds_labels(path))


def _holds_labels(path: Path) -> bool:
    try:
        source = open_as(path, MetadataOverrides())
        stack = source.read(source.positions[0])
        t, c, z, y, x = stack.shape
        if stack.rgb or t > 1 or c > 1 or stack.dtype.kind not in "bui" or z * y * x > MOST_PX:
            return False
        found = read_label_image(path, (y, x) if z == 1 else (z, y, x))
        return bool(found.cells) and not found.notices  # where numbers are in doubt, they may be grey values
    except CellvinoError:  # it is no label image, or is told when it is opened
        return False
