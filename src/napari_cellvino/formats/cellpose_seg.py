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
import pickletools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.formats.decoding import decoding
from napari_cellvino.formats.field import Cell, Cells, ExportField, Labels, cell_from
from napari_cellvino.formats.label_canvas import fitting_labels, labelled
from napari_cellvino.formats.label_pixels import array_header, check_shape
from napari_cellvino.formats.label_pixels import read_npy as read_array
from napari_cellvino.formats.label_values import cells_in_values
from napari_cellvino.formats.writer import SplitAssignment, put_annotated_image

SUFFIX = "_seg.npy"
OURS = "cellvino"  # key of what other readers pass over
ADVICE = "open it in Cellpose and save it again, or save its masks as TIFF"
HARMLESS = {
    (f"numpy{core}.{module}", name)
    for core in (".core", "._core")
    for module, name in (("multiarray", "_reconstruct"), ("multiarray", "scalar"), ("numeric", "_frombuffer"))
} | {
    ("numpy", "ndarray"), ("numpy", "dtype"), ("builtins", "set"), ("_codecs", "encode"),
    ("collections", "OrderedDict"), ("builtins", "slice"), ("builtins", "complex"),
}  # fmt: skip


class CellposeFolder:
    """Writes ``cellpose``."""

    def __init__(self, folder: Path, book: SplitAssignment) -> None:
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
        OURS: [{"id": cell.id, "class": cell.kind, **cell.properties()} for cell in cells],
    }


def _inner_edge(masks: NDArray[np.unsignedinteger[Any]]) -> NDArray[np.bool_]:
    """Return the pixels with another value, or the image's end, above, below, left or right, plane by plane."""
    around = [(0, 0)] * (masks.ndim - 2) + [(1, 1), (1, 1)]
    padded = np.pad(masks, around)
    middle = padded[..., 1:-1, 1:-1]
    sides = (padded[..., :-2, 1:-1], padded[..., 2:, 1:-1], padded[..., 1:-1, :-2], padded[..., 1:-1, 2:])
    return np.asarray(np.logical_or.reduce([side != middle for side in sides]) & (middle != 0))


def read_npy(path: Path, shape: tuple[int, ...], name: str = "") -> Cells:
    """Return the objects in a ``.npy``: what Cellpose saved, or a label image as an array.

    Raises
    ------
    ImageReadError
        If the file is neither, or wants to run code.
    ImageValueError
        If its masks are not of ``shape``, or no labels.
    """
    with decoding(path, "a numpy array"), path.open("rb") as handle:
        dtype = array_header(handle)[2]
    return (
        read_seg(path, shape, name) if dtype.hasobject else cells_in_values(path, read_array(path, shape).pixels, shape)
    )


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
    check_shape(path, masks.shape, shape)
    records = content.get(OURS)
    if not isinstance(records, list):
        return cells_in_values(path, masks, shape)
    labels = fitting_labels(path, masks, shape)
    if len(records) != labels.max(initial=0):
        return labelled(labels, ())
    with decoding(path, f"a _seg.npy of an export ({OURS})"):
        ids = np.array([0, *(record["id"] for record in records)], np.int32)
        cells = [cell_from(record["id"], record["class"], record) for record in records]
        return labelled(ids[labels], cells)


def _as_text(*parts: str) -> str:
    """Stand in for a path in a pickle: it is of no use here, and a path of Windows cannot be made elsewhere."""
    return "/".join(map(str, parts))


class _PlainUnpickler(pickle.Unpickler):
    """Makes arrays and plain values, and refuses everything else."""

    def find_class(self, module: str, name: str) -> object:
        """Return what is known to be harmless."""
        if module.partition(".")[0] == "pathlib" and name.endswith("Path"):
            return _as_text
        if (module, name) in HARMLESS:
            found: object = super().find_class(module, name)
            return found
        raise pickle.UnpicklingError(f"it wants to run {module}.{name}, which is not needed for masks; {ADVICE}")


def _unpickled(path: Path) -> dict[str, Any]:
    with decoding(path, "a _seg.npy of Cellpose"), path.open("rb") as handle:
        array_header(handle)
        pickled = handle.read()
        _check_memo(pickled)
        held = _PlainUnpickler(io.BytesIO(pickled)).load()
        content = held.item() if isinstance(held, np.ndarray) else held
    if not isinstance(content, dict):
        raise ImageReadError(f"{path} holds no masks; it should be the _seg.npy that Cellpose saved")
    return content


def _check_memo(pickled: bytes) -> None:
    """Raise UnpicklingError where a place in the memo is beyond what the pickle can fill: it would take the memory."""
    for code, argument, _ in pickletools.genops(pickled):
        if code.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(argument or 0) > len(pickled):
            raise pickle.UnpicklingError(f"it is damaged (memo {argument})")
