"""What every exporter takes: one field of view with its cells, as plain frozen values.

Formats know nothing of sessions, models or result folders, and whoever has fields (a results folder, the window) makes
these values one at a time: memory does not grow with their number.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_cellvino.annotation.index import ObjectIndex
from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import Spacing
from napari_cellvino.core.objects import ObjectOrigin, ReviewState
from napari_cellvino.core.region import PlaceInImage
from napari_cellvino.figures.composite import Picture, composite, to_rgb
from napari_cellvino.formats.contours import Ring, trace_rings

Labels = NDArray[np.int32]
Box = tuple[float, float, float, float]
REJECTED, UNSEEN, IMPORTED = "rejected", "unseen", "imported"
STACKED = "label TIFF, _seg.npy, OME-Zarr, or ImageJ ROIs or GeoJSON with positions along z"  # what stacks come in


class MisfitError(ImageValueError):
    """Annotations in ``path`` of shape ``found`` are not those of an image of ``wanted``, (Y, X) or (Z, Y, X)."""

    def __init__(self, path: Path, found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
        super().__init__(f"{path} holds masks of shape {tuple(found)}, but the image is {tuple(wanted)}")
        self.found, self.wanted = tuple(found), tuple(wanted)


@dataclass(frozen=True, slots=True)
class Cell:
    """One object: ``id`` is its value in the label image, ``box`` is half-open (y0, x0, y1, x1) in px.

    ``review`` and ``origin`` are words (``unseen``, ``accepted``, …; ``model``, ``drawn``, …).
    """

    id: int
    kind: str
    box: Box
    score: float = 1.0
    review: str = UNSEEN
    origin: str = "model"
    excluded: bool = False
    note: str = ""

    def properties(self) -> dict[str, str | float | bool]:
        """Return what formats keep beside id, class and box: score, origin, review, excluded, note."""
        states = {"origin": self.origin, "review": self.review, "note": self.note}
        return {"score": self.score, "excluded": self.excluded, **states}

    @property
    def centre(self) -> tuple[float, float]:
        """The middle of the box (y, x) in px, pixel centres on integers."""
        y0, x0, y1, x1 = self.box
        return (y0 + y1 - 1) / 2, (x0 + x1 - 1) / 2


def known_word(word: object, words: type[IntEnum], what: str) -> str:
    """Return a word for a state as we write it; `ImageValueError` with the words that are known if it is none."""
    known = [state.name.lower() for state in words]
    if str(word).lower() not in known:
        raise ImageValueError(f"{what} {word!r}; known are {', '.join(known)}")
    return str(word).lower()


def cell_from(id_: int, kind: str, said: Mapping[str, Any], box: Box = (0, 0, 0, 0)) -> Cell:
    """Return a cell with what a file says of it in the names of `Cell.properties`; what it does not say is unknown.

    Raises
    ------
    ImageValueError
        If it says a review or an origin that does not exist.
    """
    return Cell(
        int(id_),
        str(kind),
        box,
        float(said.get("score", 1)),
        known_word(said.get("review", UNSEEN), ReviewState, f"object {id_} has the review"),
        known_word(said.get("origin", IMPORTED), ObjectOrigin, f"object {id_} has the origin"),
        str(said.get("excluded", False)).casefold() in ("true", "1"),
        str(said.get("note", "")),
    )


@dataclass(frozen=True)  # without slots: what several formats need is worked out once and kept
class Cells:
    """Label image (Y, X) or (Z, Y, X), None where only boxes are known; one `Cell` per id; names of all classes.

    ``notices`` are sentences on what a reader had to leave out.
    """

    labels: Labels | None
    cells: tuple[Cell, ...]
    classes: tuple[str, ...] = ("cell",)
    notices: tuple[str, ...] = ()

    def outlines(self, name: str, wanted_by: str) -> Labels:
        """Return the label image.

        Raises
        ------
        ImageValueError
            If the field has boxes only; ``name`` and ``wanted_by`` (a format) go into the message.
        """
        if self.labels is None:
            raise ImageValueError(
                f"{name} holds boxes and no outlines, which {wanted_by} needs",
                remedy="choose label images, a training set, COCO, YOLO boxes, ImageJ or QuPath",
                command="export it as labels, training, coco, yolo-detect, imagej or qupath",
            )
        return self.labels

    @cached_property
    def rings(self) -> Mapping[int, list[Ring]]:
        """The outlines of each id in (Y, X) labels, along the edges of pixels; none where only boxes are known."""
        return {} if self.labels is None else trace_rings(self.labels)

    def only(self, kept: tuple[Cell, ...]) -> Cells:
        """Return these cells alone, all others gone from the label image."""
        if len(kept) == len(self.cells) or self.labels is None:
            return replace(self, cells=kept)
        ids = np.array([cell.id for cell in kept], np.int32)
        return replace(self, cells=kept, labels=np.where(np.isin(self.labels, ids), self.labels, 0).astype(np.int32))


@dataclass(frozen=True)
class ExportField:
    """One field of view.

    ``pixels`` (C, Y, X) or (C, Z, Y, X) are the raw values that the labels lie on. ``seen`` is the channel in which the
    cells were found, None where red, green and blue were (``rgb``). ``place`` says where ``pixels`` lie in the image
    file, for formats that do not bring them along. ``measurements`` has a column per name with a value per cell. Fields
    of one ``group`` (well, animal) stay in one split.
    """

    name: str
    pixels: NDArray[np.generic]
    cells: Cells
    spacing: Spacing = field(default_factory=Spacing)
    channels: tuple[str, ...] = ("Channel 1",)
    rgb: bool = False
    seen: int | None = 0
    place: PlaceInImage = field(default_factory=PlaceInImage)
    group: str = ""
    measurements: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    provenance: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        labels = self.cells.labels
        if self.pixels.ndim not in (3, 4) or (labels is not None and labels.shape != self.pixels.shape[1:]):
            shape = "no labels" if labels is None else f"labels of shape {labels.shape}"
            raise ImageValueError(f"{self.name}: pixels of shape {self.pixels.shape} and {shape} are not one field")

    @property
    def shape(self) -> tuple[int, ...]:
        """(Y, X) or (Z, Y, X)."""
        return self.pixels.shape[1:]

    @property
    def reviewed(self) -> bool:
        """Whether a person has looked at every cell of the field, and there is one."""
        return bool(self.cells.cells) and all(cell.review != UNSEEN for cell in self.cells.cells)

    def annotated_image(self) -> NDArray[np.generic]:
        """Return the image that the cells were found in, raw: (Y, X), (Z, Y, X) or (Y, X, RGB)."""
        return np.moveaxis(self.pixels, 0, -1) if self.seen is None else self.pixels[self.seen]

    @cached_property
    def picture(self) -> Picture:
        """The image (Y, X) as people see it, of 8 bits: grey, stretched to its range, or red, green and blue."""
        if self.seen is None:
            return to_rgb(self.pixels, self.pixels.dtype == np.uint8)
        return composite(self.pixels[self.seen][None])[..., 0]

    @cached_property
    def png(self) -> bytes:
        """The picture as a PNG file."""
        file = io.BytesIO()
        Image.fromarray(self.picture).save(file, format="PNG", compress_level=1)
        return file.getvalue()

    def without_rejected(self) -> ExportField:
        """Return the field without the cells that a person rejected: they are no cells."""
        rows = [row for row, cell in enumerate(self.cells.cells) if cell.review != REJECTED]
        if len(rows) == len(self.cells.cells):
            return self
        kept = self.cells.only(tuple(self.cells.cells[row] for row in rows))
        columns = {name: tuple(values[row] for row in rows) for name, values in self.measurements.items()}
        return replace(self, cells=kept, measurements=columns)


def plane_endings(shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return what the planes of a stack (Z, Y, X) are called behind its name; an image (Y, X) has none."""
    return tuple(f"_z{number:03d}" for number in range(1, shape[0] + 1)) if len(shape) == 3 else ()


def planes_of(whole: ExportField) -> Iterator[ExportField]:
    """Yield the field as formats that have no z take it: itself, or its planes, called ``name_z001`` and so on.

    A plane has the cells that show in it, with their ids, so that those of one number are one cell.
    """
    if len(whole.shape) == 2:
        yield whole
        return
    for number, ending in enumerate(plane_endings(whole.shape)):
        labels = None if whole.cells.labels is None else whole.cells.labels[number]
        cells = whole.cells.cells if labels is None else _in_plane(whole.cells.cells, labels)
        yield replace(
            whole,
            name=f"{whole.name}{ending}",
            pixels=whole.pixels[:, number],
            cells=replace(whole.cells, labels=labels, cells=cells),
            measurements={},
        )


def _in_plane(cells: tuple[Cell, ...], labels: Labels) -> tuple[Cell, ...]:
    boxes = boxes_of(labels)
    return tuple(replace(cell, box=boxes[cell.id]) for cell in cells if cell.id in boxes)


def boxes_of(labels: Labels) -> dict[int, Box]:
    """Return the box (y0, x0, y1, x1) of each id in (Y, X) or (Z, Y, X), over all planes."""
    index = ObjectIndex(labels)
    boxes: dict[int, Box] = {}
    for id_ in index.ids():
        (y0, x0), (y1, x1) = index[id_].region.low[-2:], index[id_].region.high[-2:]
        boxes[id_] = (float(y0), float(x0), float(y1), float(x1))
    return boxes


def cells_of(labels: Labels, kind: str = "cell", origin: str = IMPORTED) -> tuple[Cell, ...]:
    """Return a cell of one class for each id of a label image."""
    return tuple(Cell(id_, kind, box, origin=origin) for id_, box in boxes_of(labels).items())
