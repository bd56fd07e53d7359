"""``_seg.npy``, which the Cellpose window opens and ``cellpose --train --mask_filter _seg.npy`` learns from.

``<split>/<field>.tif`` (the channel that the cells were found in, raw) and ``<split>/<field>_seg.npy`` beside it. Masks
are numbered 1 to N, as Cellpose wants them; the ids, classes, scores and review states stand under the key
``cellvino``, which Cellpose passes over, and come back here. Holes and parts stay. Lost: other channels and, for other
readers, everything but the masks; boxes cannot be exported.

The file is a pickle, which could run code of whoever made it; so it is read here with nothing but arrays and plain
values allowed.

References
----------
https://cellpose.readthedocs.io/en/latest/outputs.html
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.formats.field import Cell, Cells, ExportField, Labels, cell_from
from napari_cellvino.formats.label_canvas import fitting_labels, labelled
from napari_cellvino.formats.writer import SplitBook, put_annotated_image

SUFFIX = "_seg.npy"
HARMLESS = {
    (f"numpy{core}.{module}", name)
    for core in (".core", "._core")
    for module, name in (("multiarray", "_reconstruct"), ("multiarray", "scalar"), ("numeric", "_frombuffer"))
} | {("numpy", "ndarray"), ("numpy", "dtype"), ("builtins", "set"), ("_codecs", "encode")}


class CellposeFolder:
    """Writes ``cellpose``."""

    def __init__(self, folder: Path, book: SplitBook) -> None:
        self._folder, self._book = folder, book

    def add(self, field: ExportField) -> None:
        """Write a field; z-stacks stay whole.

        Raises
        ------
        ImageValueError
            If only boxes are known.
        """
        labels = field.cells.outlines(field.name, "cellpose")
        side = self._folder / self._book.of(field)
        side.mkdir(exist_ok=True)
        put_annotated_image(side / f"{field.name}.tif", field)
        content = seg_content(labels, field.cells.cells, f"{field.name}.tif", channels=2 if field.seen is None else 0)
        with (side / f"{field.name}{SUFFIX}").open("wb") as handle:
            np.save(handle, np.array(content, dtype=object), allow_pickle=True)

    def finish(self) -> None:
        """Write the splits."""
        self._book.write(self._folder)


def seg_content(labels: Labels, cells: tuple[Cell, ...], image: str, *, channels: int = 0) -> dict[str, object]:
    """Return what Cellpose 2 to 4 keep in a ``_seg.npy``; ``channels`` 0 is grey."""
    ids = np.array([cell.id for cell in cells], np.int32)
    number = np.zeros(int(labels.max(initial=0)) + 1, np.uint32)
    number[ids] = np.arange(1, len(ids) + 1)
    kind = np.uint16 if len(ids) < np.iinfo(np.uint16).max else np.uint32
    masks: NDArray[np.unsignedinteger[Any]] = number[labels].astype(kind)
    areas = np.bincount(masks.ravel(), minlength=1)[1:]
    return {
        "filename": image,
        "masks": masks,
        "outlines": np.where(_inner_edge(masks), masks, 0).astype(masks.dtype),
        "chan_choose": [channels, 0],
        "ismanual": np.array([cell.origin != "model" for cell in cells], bool),
        "manual_changes": [],
        "flows": [],
        "diameter": float(np.median(np.sqrt(4 / np.pi * areas))) if len(areas) and labels.ndim == 2 else None,
        "cellvino": [{"id": cell.id, "class": cell.kind, **cell.words()} for cell in cells],
    }


def _inner_edge(masks: NDArray[np.unsignedinteger[Any]]) -> NDArray[np.bool_]:
    """Return the pixels with another value, or the image's end, above, below, left or right, plane by plane."""
    around = [(0, 0)] * (masks.ndim - 2) + [(1, 1), (1, 1)]
    padded = np.pad(masks, around)
    middle = padded[..., 1:-1, 1:-1]
    sides = (padded[..., :-2, 1:-1], padded[..., 2:, 1:-1], padded[..., 1:-1, :-2], padded[..., 1:-1, 2:])
    return np.asarray(np.logical_or.reduce([side != middle for side in sides]) & (middle != 0))


def read_seg(path: Path, shape: tuple[int, ...], name: str = "") -> Cells:
    """Return the objects in a ``_seg.npy`` of Cellpose, or of an export.

    Raises
    ------
    ImageReadError
        If the file is no such thing, or wants to run code.
    ImageValueError
        If its masks are not of ``shape``.
    """
    content = _unpickled(path)
    masks = content.get("masks")
    if not isinstance(masks, np.ndarray):
        raise ImageReadError(f"{path} holds no masks; it should be the _seg.npy that Cellpose saved")
    labels = fitting_labels(path, masks, shape)
    records = content.get("cellvino")
    if not isinstance(records, list) or len(records) != labels.max(initial=0):
        return labelled(labels, ())
    ids = np.array([0, *(record["id"] for record in records)], np.int32)
    cells = [cell_from(record["id"], record["class"], record) for record in records]
    return labelled(ids[labels], cells)


class _PlainUnpickler(pickle.Unpickler):
    """Makes arrays and plain values, and refuses everything else."""

    def find_class(self, module: str, name: str) -> object:
        """Return what is known to be harmless."""
        if (module, name) in HARMLESS:
            found: object = super().find_class(module, name)
            return found
        raise pickle.UnpicklingError(f"it wants to run {module}.{name}, which is not needed for masks")


def _unpickled(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as handle:
            _skip_header(handle)
            held = _PlainUnpickler(io.BytesIO(handle.read())).load()
        content = held.item() if isinstance(held, np.ndarray) else held
    except Exception as error:  # a broken pickle can raise anything
        raise ImageReadError(f"{path} cannot be read as a _seg.npy of Cellpose: {error}") from error
    if not isinstance(content, dict):
        raise ImageReadError(f"{path} holds no masks; it should be the _seg.npy that Cellpose saved")
    return content


def _skip_header(handle: BinaryIO) -> None:
    version = np.lib.format.read_magic(handle)
    (np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0)(handle)
