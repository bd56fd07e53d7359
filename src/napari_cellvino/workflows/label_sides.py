"""The two sides of an evaluation: label images that were found, and what says which cells there are.

Truth is drawn in other programs as masks that are imported are, and has the same faults: one value for all cells, a
background of 1, rows and columns exchanged. A score of 0 looks like a bad model, so that truth is read as masks are.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.formats.cell_masks import folder_of_image
from napari_cellvino.formats.mask_files import ENDING, PICTURE, files_of_image, names_of
from napari_cellvino.formats.matching import ImageQuery, plain
from napari_cellvino.formats.reading import find_annotations, holds_one_image, read_cells
from napari_cellvino.io.label_tiff import read_label_pixels, read_labels
from napari_cellvino.quality.masks_fit import describe_masks_fit
from napari_cellvino.results.rescue import recover_results
from napari_cellvino.results.schema import LABELS_NAME

TIFFS = (".tif", ".tiff")
OUTLINES = (".npy", ".zip", ".roi", ".geojson", ".json", ".txt", ".npz")  # of truth, beside label images
POOR = 0.5  # Dice, below which truth may lie elsewhere
Labels = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class TruthFiles:
    """The files of the truth by the name of the result, those of no result, and results without a truth."""

    files: dict[str, Path]
    others: tuple[str, ...]
    missing: tuple[str, ...]


def label_files(folder: Path) -> dict[str, Path]:
    """Return label images by name: ``<name>/labels.tif`` of results, or ``<name>.tif``, without what programs add.

    Raises
    ------
    ImageReadError
        If it is no folder.
    """
    if not folder.is_dir():
        raise ImageReadError(f"{folder} is no folder")
    recover_results(folder)
    results = {path.parent.name: path for path in sorted(folder.glob(f"*/{LABELS_NAME}"))}
    tiffs = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in TIFFS and path.name[0] != "."]
    return results or {names_of(path)[1]: path for path in tiffs}


def holds_outlines(truth: Path) -> bool:
    """Return whether a truth holds label images, or outlines of another program, and not tables of boxes alone."""
    if truth.is_file():
        return truth.suffix.lower() in (*OUTLINES, *TIFFS)
    if label_files(truth):
        return True
    below = (path for path in truth.rglob("*") if ENDING.search(path.name) and path.is_file())
    return any(PICTURE.search(path.name) or path.suffix.lower() in OUTLINES for path in below)


def truth_files(truth: Path, names: Collection[str]) -> TruthFiles:
    """Return which file of a truth belongs to each result; a file of its own may hold that of several.

    Raises
    ------
    ImageReadError
        If several files are called like one result.
    """
    if truth.is_file():
        own = [name for name in names if len(names) == 1 or plain(names_of(truth)[1]) == plain(name)]
        held = own if holds_one_image(truth) else names
        return TruthFiles(dict.fromkeys(held, truth), (), tuple(sorted(set(names) - set(held))))
    known = label_files(truth)
    files = {name: known[name] for name in names if name in known}
    if not any(path.name == LABELS_NAME for path in known.values()):
        others = frozenset(map(plain, names))
        for name in sorted(set(names) - files.keys()):
            query = ImageQuery(name, several=len(names) > 1, others=others)
            if folder_of_image(truth, query) or files_of_image(truth, query):
                files[name] = find_annotations(truth, query)
    used = set(files.values())
    unused = tuple(name for name, path in known.items() if path not in used)
    return TruthFiles(files, unused, tuple(sorted(set(names) - files.keys())))


def read_found(path: Path) -> tuple[Labels, tuple[str, ...]]:
    """Return the label image of a result, or of another program, and what to say of that.

    Raises
    ------
    ImageReadError, ImageValueError
        If it cannot be read, or holds no labels.
    """
    if path.name == LABELS_NAME:
        return read_labels(path)[0], ()
    return _outlines(path, np.squeeze(read_label_pixels(path)[0]).shape, path.stem)


def read_truth(path: Path, found: Labels, name: str) -> tuple[Labels, tuple[str, ...]]:
    """Return the truth of a result as a label image of its shape, and what to say of it; errors as `read_found`."""
    if path.name == LABELS_NAME:
        return read_labels(path)[0], ()
    labels, notices = _outlines(path, found.shape, name)
    return labels, (*notices, *_lies_elsewhere(path, labels, found))


def _outlines(path: Path, shape: tuple[int, ...], name: str) -> tuple[Labels, tuple[str, ...]]:
    cells = read_cells(path, shape, ImageQuery(name))
    if cells.labels is None:
        raise ImageValueError(f"{path} holds boxes and no outlines: they are scored against tables of boxes alone")
    return cells.labels, cells.notices


def _lies_elsewhere(path: Path, true: Labels, found: Labels) -> tuple[str, ...]:
    """Return what to say of a truth that hardly overlaps with what was found, and would if it were turned or moved."""
    there, here = true > 0, found > 0
    both = int(there.sum()) + int(here.sum())
    if not (there.any() and here.any()) or 2 * np.count_nonzero(there & here) >= POOR * both:
        return ()
    flat = here if here.ndim == len("YX") else here.max(axis=0)
    return describe_masks_fit(path.name, true.astype(np.int32), flat[None].astype(np.float32), of="result")
