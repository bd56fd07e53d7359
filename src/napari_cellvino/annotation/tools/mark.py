"""Edits of records without pixels: class, review state, exclusion and notes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from napari_cellvino.annotation.document import Annotation, make_edit
from napari_cellvino.annotation.edit import Edit
from napari_cellvino.annotation.record import ObjectRecord
from napari_cellvino.core.errors import EditError
from napari_cellvino.core.objects import ReviewState

LONGEST_NOTE = 10_000  # characters


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
    return _edit_records(annotation, ids, name, lambda record: _classified(record, class_index))


def accept(annotation: Annotation, ids: Sequence[int]) -> Edit:
    """Return the edit that accepts objects; `EditError` if all are accepted already."""
    return _edit_records(annotation, ids, "Accept", lambda r: replace(r, review=ReviewState.ACCEPTED))


def reject(annotation: Annotation, ids: Sequence[int]) -> Edit:
    """Return the edit that rejects objects as no cells; `EditError` if all are rejected already."""
    return _edit_records(annotation, ids, "Reject", lambda r: replace(r, review=ReviewState.REJECTED))


def exclude(annotation: Annotation, ids: Sequence[int], *, excluded: bool = True) -> Edit:
    """Return the edit that excludes objects from the counts, or includes them; `EditError` if nothing changes."""
    name = "Exclude" if excluded else "Include"
    return _edit_records(annotation, ids, name, lambda r: _mark_reviewed(replace(r, excluded=excluded)))


def set_note(annotation: Annotation, ids: Sequence[int], note: str) -> Edit:
    """Return the edit that sets the note of objects; an empty note removes it. A note is not a review.

    Raises
    ------
    EditError
        If the note is too long, or already there.
    """
    if len(note) > LONGEST_NOTE:
        raise EditError(f"a note of {len(note):,} letters is too long; {LONGEST_NOTE:,} are kept")
    return _edit_records(annotation, ids, "Note on", lambda r: replace(r, note=note))


def _classified(record: ObjectRecord, class_index: int) -> ObjectRecord:
    if record.class_index == class_index and not record.reviewed:
        return replace(record, review=ReviewState.ACCEPTED)
    return _mark_reviewed(replace(record, class_index=class_index))


def _mark_reviewed(record: ObjectRecord) -> ObjectRecord:
    """Return the record as reviewed, so that a new run leaves it unchanged."""
    return record if record.reviewed else replace(record, review=ReviewState.EDITED)


def _edit_records(
    annotation: Annotation, ids: Sequence[int], name: str, change: Callable[[ObjectRecord], ObjectRecord]
) -> Edit:
    chosen = list(dict.fromkeys(ids))
    if not chosen:
        raise EditError("no cell is chosen; click on one first")
    what = f"#{chosen[0]}" if len(chosen) == 1 else f"{len(chosen)} cells"
    edit = make_edit(annotation, f"{name} {what}", None, [change(annotation.record(id_)) for id_ in chosen])
    if edit.empty:
        raise EditError(f"{name} {what} changes nothing: it is so already")
    return edit
