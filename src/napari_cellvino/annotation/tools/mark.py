"""Edits of records without pixels: class, review state, exclusion and notes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from napari_cellvino.annotation.document import Annotation
from napari_cellvino.annotation.edit import Edit
from napari_cellvino.annotation.record import ObjectRecord
from napari_cellvino.annotation.record_changes import RecordChanges, Values
from napari_cellvino.core.errors import EditError
from napari_cellvino.core.objects import ReviewState

LONGEST_NOTE = 10_000  # characters
_Records = Sequence[ObjectRecord]


def set_class(annotation: Annotation, ids: Sequence[int], class_index: int) -> Edit:
    """Return the edit that sets the class of objects; classes count from 0. One that has it already is accepted.

    Raises
    ------
    EditError
        If there is no such class or object, or all have it already.
    """
    if not 0 <= class_index < len(annotation.classes):
        known = ", ".join(f"{n} {name}" for n, name in enumerate(annotation.classes, 1)) or "none"
        raise EditError(f"there is no class {class_index + 1}; the classes are {known}")
    name = f"Class {annotation.classes[class_index]} for"

    def values(records: _Records) -> Values:
        same = [
            ReviewState.ACCEPTED if r.class_index == class_index and not r.reviewed else state
            for r, state in zip(records, _reviewed(records), strict=True)
        ]
        return {"class_index": [class_index] * len(records), "review": same}

    return _mark(annotation, ids, name, values)


def set_class_by_name(annotation: Annotation, ids: Sequence[int], name: str) -> Edit:
    """Return the edit that sets the class of objects by its name: other fields may number their classes otherwise.

    Raises
    ------
    EditError
        As `set_class`.
    """
    if name not in annotation.classes:
        raise EditError(f"this field has no class {name!r}; its classes are {', '.join(annotation.classes)}")
    return set_class(annotation, ids, annotation.classes.index(name))


def accept(annotation: Annotation, ids: Sequence[int]) -> Edit:
    """Return the edit that accepts objects; `EditError` if all are accepted already."""
    return _mark(annotation, ids, "Accept", lambda records: {"review": [ReviewState.ACCEPTED] * len(records)})


def reject(annotation: Annotation, ids: Sequence[int]) -> Edit:
    """Return the edit that rejects objects as no cells; `EditError` if all are rejected already."""
    return _mark(annotation, ids, "Reject", lambda records: {"review": [ReviewState.REJECTED] * len(records)})


def exclude(annotation: Annotation, ids: Sequence[int], *, excluded: bool = True) -> Edit:
    """Return the edit that excludes objects from the counts, or includes them; `EditError` if nothing changes."""
    name = "Exclude" if excluded else "Include"

    def values(records: _Records) -> Values:
        return {"excluded": [excluded] * len(records), "review": _reviewed(records)}

    return _mark(annotation, ids, name, values)


def turn_excluded(annotation: Annotation, ids: Sequence[int]) -> Edit:
    """Return the edit that excludes objects from the counts, or where all of these are excluded, includes them."""
    return exclude(annotation, ids, excluded=not ids or not all(annotation.record(id_).excluded for id_ in ids))


def set_note(annotation: Annotation, ids: Sequence[int], note: str) -> Edit:
    """Return the edit that sets the note of objects; an empty note removes it. A note is not a review.

    Raises
    ------
    EditError
        If the note is too long, or already there.
    """
    if len(note) > LONGEST_NOTE:
        raise EditError(f"a note of {len(note):,} letters is too long; {LONGEST_NOTE:,} are kept")
    return _mark(annotation, ids, "Note on", lambda records: {"note": [note] * len(records)})


def _reviewed(records: _Records) -> list[ReviewState]:
    """Return the states by which the records count as reviewed, so that a new run leaves them unchanged."""
    return [record.review if record.reviewed else ReviewState.EDITED for record in records]


def _mark(annotation: Annotation, ids: Sequence[int], name: str, values: Callable[[_Records], Values]) -> Edit:
    chosen = dict.fromkeys(ids)
    if not chosen:
        raise EditError("no cell is chosen; click on one first")
    what = f"#{next(iter(chosen))}" if len(chosen) == 1 else f"{len(chosen)} cells"
    records = [annotation.record(id_) for id_ in sorted(chosen)]
    edit = Edit(f"{name} {what}", records=RecordChanges.marked(records, values(records)))
    if edit.empty:
        raise EditError(f"{name} {what} changes nothing: it is so already")
    return edit
