"""A folder of one mask per cell, as the Data Science Bowl 2018 and many scripts write them.

``<image>/masks/*.png`` beside ``<image>/images/<image>.png``, or ``masks/<image>/*.png``: every file is as large as the
image, and one cell is white in it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.formats.field import Cells, cells_of
from napari_cellvino.formats.label_canvas import fitting_labels, labelled
from napari_cellvino.formats.label_pixels import READ_PIXELS
from napari_cellvino.formats.label_values import whole_numbers
from napari_cellvino.formats.mask_files import names_of
from napari_cellvino.formats.matching import ImageQuery, plain

MASKS = "masks"
SHOWN = 3


def folder_of_image(masks: Path, wanted: ImageQuery) -> Path | None:
    """Return the folder of an image's masks, one file per cell, in ``masks`` or that itself; None where there is none.

    That is ``masks`` where the folder above it is called like the image, or the folder in it of the image's name, or
    ``masks`` in that. A file in it that is called like the image is one of all cells, so that there is no such folder.
    """
    named = [path for path in masks.iterdir() if path.is_dir() and plain(path.name) in wanted.names]
    folders = [folder for path in named[:1] for folder in (path / MASKS, path) if len(named) == 1 and folder.is_dir()]
    if masks.name.lower() == MASKS and plain(masks.resolve().parent.name) in wanted.names:
        folders.append(masks)
    found = next(((folder, files) for folder in folders if (files := mask_files(folder))), None)
    if found is None or any(plain(names_of(path)[1]) in wanted.names for path in found[1]):
        return None
    return found[0]


def mask_files(folder: Path) -> list[Path]:
    """Return the label images in a folder, sorted by name."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in READ_PIXELS and path.name[0] != ".")


def read_cell_masks(folder: Path, shape: tuple[int, ...]) -> Cells:
    """Return the cells of a folder of one mask each, in an image of ``shape`` (Y, X) or (Z, Y, X).

    Where masks overlap, the first by name keeps the pixel, and a notice says how many pixels that were.

    Raises
    ------
    ImageReadError
        If the folder holds none, or one cannot be read.
    ImageValueError
        If one has several values, so that it is no mask of one cell.
    MisfitError
        If one has another size than the image.
    """
    files = mask_files(folder)
    if not files:
        raise ImageReadError(f"{folder} is a folder without masks; name a file of annotations")
    labels, shared, empty = np.zeros(shape, np.int32), 0, []
    for number, path in enumerate(files, 1):
        inside = _one_cell(path, shape)
        if not inside.any():
            empty.append(path.name)
        shared += int(np.count_nonzero(labels[inside]))
        labels[inside & (labels == 0)] = number
    words = (f"{folder} was read as one mask per cell ({len(files)} files)", *_words(shared, empty))
    hidden = len(files) - len(empty) - len(cells := cells_of(labels))
    words += (f"{hidden} cells lie wholly under others: left out",) if hidden else ()
    return labelled(labels, cells, notices=words)


def _one_cell(path: Path, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return where a mask is not 0."""
    pixels = whole_numbers(path, READ_PIXELS[path.suffix.lower()](path, shape).pixels, shape)
    values = np.unique(pixels)
    if len(values) > 2 or (len(values) == 2 and values[0] != 0):
        shown = ", ".join(map(str, values[:SHOWN].tolist())) + (" …" if len(values) > SHOWN else "")
        raise ImageValueError(
            f"{path} has the values {shown}, and {path.parent} was taken for a folder of one mask per cell (0 and one "
            "value in each file); name the file of masks itself"
        )
    return np.asarray(fitting_labels(path, pixels, shape) > 0)


def _words(shared: int, empty: list[str]) -> list[str]:
    words = [f"{shared:,} pixels lie in several of its masks: the first by name has them"] if shared else []
    return words + ([f"{len(empty)} of its masks are empty ({', '.join(empty[:SHOWN])})"] if empty else [])
