"""The folder of one field's result, read: what stands in its files, each parsed once for as long as it is held."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from napari_cellvino.annotation import Annotation
from napari_cellvino.annotation.document_json import read_annotation_dict
from napari_cellvino.annotation.recovery import UnsavedSteps, find_unsaved
from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.core.objects import ObjectOrigin, ReviewState
from napari_cellvino.formats.field import UNSEEN, Box, Cell, Cells, Labels, known_word
from napari_cellvino.io.label_tiff import read_labels
from napari_cellvino.results.schema import (
    ANNOTATION_NAME,
    CELLS_NAME,
    LABELS_NAME,
    MODEL,
    OBJECTS_NAME,
    QC_NAME,
    SPOTS_NAME,
    FieldSummary,
    StoredResult,
    check_content,
    parse_content,
)
from napari_cellvino.storage.csv_table import open_rows

Stamp = tuple[int, int, int]
"""Size, time and number of a file: another stamp, another content."""


class FieldFolder:
    """One field's result as it stands on the disk; what others wrote after it was read needs another one.

    Parameters
    ----------
    path
        The folder, there or not.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.path.name

    @property
    def is_result(self) -> bool:
        """Whether there is a result."""
        return (self.path / ANNOTATION_NAME).is_file()

    @property
    def stamp(self) -> Stamp | None:
        """The stamp of ``annotation.json`` as it is now; None where there is none."""
        return stamp_of(self.path)

    @property
    def journal(self) -> Path:
        """The file beside the folder that corrections go to until they are saved."""
        return journal_path(self.path)

    @cached_property
    def result(self) -> StoredResult:
        """What ``annotation.json`` says.

        Raises
        ------
        ImageReadError
            If it cannot be read, or something in it is not what it should be.
        """
        return check_content(self.path / ANNOTATION_NAME, self._content)

    @cached_property
    def _content(self) -> dict[str, Any]:
        return parse_content(self.path / ANNOTATION_NAME)

    def annotation(self, *, shape: tuple[int, ...] | None = None) -> Annotation:
        """Return the annotation, of this version or of 0.2.

        Parameters
        ----------
        shape
            Size of the image, for results that hold boxes and do not tell it.

        Raises
        ------
        ImageReadError
            If a file is missing or cannot be read.
        ImageValueError
            If the files do not belong together, or say what this version does not know.
        """
        content = self._content
        labels = read_labels(self.path / LABELS_NAME)[0] if content.get("outlines", True) else None
        return read_annotation_dict(content, labels, shape=shape)

    def labels(self) -> Labels:
        """Return the label image (Y, X) or (Z, Y, X); `ImageReadError` if there is none."""
        path = self.path / LABELS_NAME
        labels, _ = read_labels(path)
        if labels.max() > np.iinfo(np.int32).max:
            raise ImageValueError(f"{path} has the label {labels.max()}; ids go to 2147483647")
        return labels.astype(np.int32)

    def cells(self) -> Cells:
        """Return the cells as exporters take them; what a file does not say of one takes its default.

        Raises
        ------
        ImageReadError
            If a file is missing or broken.
        """
        result = self.result
        labels = self.labels() if result.outlines else None
        records = (_record(self.path, raw) for raw in result.objects)
        return Cells(labels, tuple(_cell(record, result.classes) for record in records), result.classes)

    def model(self) -> FieldFolder | None:
        """Return what the model had found: this where nobody changed it; None if the result does not keep it."""
        own = FieldFolder(self.path / MODEL)
        if own.is_result:
            return own
        return None if self.result.corrected else self

    def unsaved(self) -> UnsavedSteps | None:
        """Return the corrections that only a journal has; None where there are none, or none of this result.

        Raises
        ------
        ImageReadError, ImageValueError, JournalError
            If result or journal cannot be read.
        """
        found = find_unsaved(self.journal, self.annotation()) if self.journal.is_file() else None
        return found if found is not None and found.steps else None

    @contextmanager
    def open_objects(
        self, only: Collection[str] | None = None
    ) -> Iterator[tuple[Sequence[str], Iterator[dict[str, str]]]]:
        """Yield the names of the columns of ``objects.csv``, and its rows one by one, or ``only`` some columns of them.

        Raises
        ------
        OSError, ValueError, csv.Error
            If it cannot be read.
        """
        with open_rows(self.path / OBJECTS_NAME, only) as table:
            yield table


def journal_path(folder: Path) -> Path:
    """Return the file beside a result's folder that corrections go to until they are saved."""
    return folder.with_name(f"{folder.name}.corrections")


def read_annotation(folder: Path, *, shape: tuple[int, ...] | None = None) -> Annotation:
    """Return the annotation in a result's folder; see `FieldFolder.annotation`."""
    return FieldFolder(folder).annotation(shape=shape)


def stamp_of(folder: Path) -> Stamp | None:
    """Return the stamp of the ``annotation.json`` in a folder; None where there is none."""
    return file_stamp(f"{folder}/{ANNOTATION_NAME}")


def file_stamp(path: Path | str) -> Stamp | None:
    """Return the stamp of a file; None where there is none."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns, stat.st_ino


def has_all_files(folder: Path, summary: FieldSummary) -> bool:
    """Return whether a folder has every file that a result consists of, beside the one that the summary is of."""
    more = ((LABELS_NAME, summary.outlines), (CELLS_NAME, summary.whole_cells), (SPOTS_NAME, summary.spots))
    asked = [name for name, wanted in more if wanted]
    return all(os.path.isfile(f"{folder}/{name}") for name in (OBJECTS_NAME, QC_NAME, *asked))


class _Record(BaseModel):
    """One object in ``annotation.json``."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=())

    id: int
    class_: int | str = 0
    score: float | None = 1.0
    box: tuple[int, ...] = (0, 0, 0, 0)
    review: str = UNSEEN
    origin: str = "model"
    excluded: bool = False
    note: str = ""


def _record(folder: Path, raw: dict[str, Any]) -> _Record:
    try:
        return _Record.model_validate({**raw, "class_": raw.get("class", 0)})
    except ValidationError as error:
        raise ImageReadError(f"{folder / ANNOTATION_NAME} describes an object wrongly: {error}") from error


def _cell(record: _Record, classes: Sequence[str]) -> Cell:
    known = isinstance(record.class_, int) and record.class_ < len(classes)
    kind = classes[int(record.class_)] if known else str(record.class_)
    score = float("nan") if record.score is None else record.score
    box = _in_plane(record.box)
    review = known_word(record.review, ReviewState, f"object {record.id} has the review")
    origin = known_word(record.origin, ObjectOrigin, f"object {record.id} has the origin")
    return Cell(record.id, kind, box, score, review, origin, record.excluded, record.note)


def _in_plane(box: Sequence[float]) -> Box:
    """Return (y0, x0, y1, x1) of a box of two or three axes, lows before highs."""
    axes = len(box) // 2
    return box[axes - 2], box[axes - 1], box[2 * axes - 2], box[2 * axes - 1]
