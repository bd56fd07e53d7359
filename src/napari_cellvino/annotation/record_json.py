"""Records as plain values for JSON, and back; records written by version 0.2, with fewer fields, are read too.

Of many records in which few fields change, only these are written, as columns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Annotated, Any

import numpy as np
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from napari_cellvino.annotation.record import ObjectRecord
from napari_cellvino.annotation.record_changes import RecordChanges
from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.objects import Doubt, ObjectOrigin, ReviewState

_PLAIN = ("excluded", "note", "model", "by", "at", "parent")  # left out where empty
_ORIGINS = {origin: origin.name.lower() for origin in ObjectOrigin}
_REVIEWS = {review: review.name.lower() for review in ReviewState}
_DOUBTS = [(int(doubt), doubt.name.lower()) for doubt in Doubt if doubt.name]
_plain_of = attrgetter(*_PLAIN)


def record_dict(record: ObjectRecord, box: Sequence[int] | None = None) -> dict[str, object]:
    """Return a record as plain values; empty fields are left out. A deleted record has the key ``deleted``.

    A score is written so that the very float32 is read back: what is saved again stays the same. ``box`` is given where
    it is not the record's own.
    """
    box = record.box if box is None else box
    doubts = int(record.doubts)
    values: dict[str, object] = {
        "id": record.id,
        "class": record.class_index,
        "score": None if math.isnan(record.score) else float(str(np.float32(record.score))),
        "box": None if box is None else list(box),
        "origin": _ORIGINS[record.origin],
        "review": _REVIEWS[record.review],
        "doubts": [word for doubt, word in _DOUBTS if doubts & doubt] if doubts else [],
    }
    plain = _plain_of(record)
    if any(plain):
        values |= {name: value for name, value in zip(_PLAIN, plain, strict=True) if value}
    if record.deleted:
        values["deleted"] = True
    if record.found_class is not None:
        values["found_class"] = record.found_class
    if record.sources:
        values["sources"] = list(record.sources)
    return values


def read_records(rows: object, *, boxes: bool) -> list[ObjectRecord]:
    """Return the records in a list of plain values; with their boxes where objects have no pixels.

    Raises
    ------
    ImageValueError
        If an item is not a valid record.
    """
    try:
        return [_record(row, boxes=boxes) for row in _ROWS.validate_python(rows)]
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise ImageValueError(
            f"the objects cannot be read: {place}: {fault['msg']} (got {fault['input']!r})"
        ) from error
    except KeyError as error:
        raise ImageValueError(f"the objects cannot be read: {error} is not known to this version") from error


def marks_dict(changes: RecordChanges) -> dict[str, object]:
    """Return the fields of records that changes alone set, as columns; a column of equal values has one of them."""
    columns: dict[str, object] = {"ids": changes.ids}
    for field in changes.fields:
        values = [getattr(record, field) for record in changes.after]
        column = values[:1] if values.count(values[0]) == len(values) else values
        columns[field] = [_REVIEWS[value] for value in column] if field == "review" else column
    return columns


def read_marks(content: object, find: Callable[[int], ObjectRecord | None]) -> RecordChanges:
    """Return the changes that `marks_dict` describes; ``find`` finds the records before them by id.

    Raises
    ------
    ImageValueError
        If they are not valid, or of a cell that is not there.
    """
    try:
        marks = _Marks.model_validate(content)
        columns = marks.columns()
    except (ValidationError, KeyError) as error:
        raise ImageValueError(f"the marks of cells cannot be read: {error}") from error
    found = [find(id_) for id_ in marks.ids]
    before = tuple([record for record in found if record is not None])
    if len(before) < len(found):
        raise ImageValueError(f"the marks of cells cannot be read: there is no cell #{marks.ids[found.index(None)]}")
    return RecordChanges(before, before, columns, [*columns])


class _Marks(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    ids: tuple[int, ...] = Field(min_length=1)
    review: tuple[str, ...] | None = None
    class_index: tuple[Annotated[int, Field(ge=0)], ...] | None = None
    excluded: tuple[bool, ...] | None = None
    note: tuple[str, ...] | None = None
    box: tuple[tuple[int, ...] | None, ...] | None = None
    deleted: tuple[bool, ...] | None = None
    by: tuple[str, ...] | None = None
    at: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _fit(self) -> _Marks:
        for field in self.model_fields_set - {"ids"}:
            if len(getattr(self, field) or ()) not in (1, len(self.ids)):
                raise ValueError(f"{field} does not have a value for each cell")
        return self

    def columns(self) -> dict[str, Sequence[Any]]:
        """Return a value of each field for each cell; `KeyError` for a state that is not known."""
        found: dict[str, Sequence[Any]] = {f: getattr(self, f) for f in _MARKED if f in self.model_fields_set}
        if "review" in found:
            found["review"] = [ReviewState[word.upper()] for word in found["review"]]
        return {f: column if len(column) == len(self.ids) else [*column] * len(self.ids) for f, column in found.items()}


_MARKED = tuple(name for name in _Marks.model_fields if name != "ids")


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    id: int = Field(ge=1)
    class_index: int = Field(default=0, ge=0, alias="class")
    score: float | None = None
    box: tuple[int, ...] | None = None
    origin: str = "model"
    review: str = "unseen"
    doubts: tuple[str, ...] = ()
    excluded: bool = False
    note: str = ""
    sources: tuple[int, ...] = ()
    model: str = ""
    by: str = ""
    at: str = ""
    parent: int = Field(default=0, ge=0)
    found_class: int | None = Field(default=None, ge=0)
    deleted: bool = Field(default=False, validation_alias=AliasChoices("deleted", "gone"))  # "gone" in format 2


_ROWS: TypeAdapter[list[_Row]] = TypeAdapter(list[_Row])


def _record(row: _Row, *, boxes: bool) -> ObjectRecord:
    given: dict[str, Any] = {name: getattr(row, name) for name in (*_PLAIN, "sources", "found_class")}
    return ObjectRecord(
        row.id,
        row.class_index,
        math.nan if row.score is None else row.score,
        ObjectOrigin[row.origin.upper()],
        ReviewState[row.review.upper()],
        doubts=Doubt(sum(Doubt[word.upper()] for word in row.doubts)),
        box=row.box if boxes or row.deleted else None,
        deleted=row.deleted,
        **given,
    )
