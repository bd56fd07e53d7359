"""What the Review panel shows, decided in one place from what is known; the panel only sets it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan

from napari_cellvino.annotation import Annotation, ObjectRecord
from napari_cellvino.gui.reviewer import Reviewer
from napari_cellvino.gui.wording import count_words
from napari_cellvino.objects import ReviewState

STATES = {
    ReviewState.UNSEEN: "not looked at yet",
    ReviewState.ACCEPTED: "accepted",
    ReviewState.EDITED: "edited",
    ReviewState.REJECTED: "rejected",
}
_FIRST = "Nothing to review yet: run the model first (tab 2)."
_NONE = "The model found no cell here. Paint one with napari's brush, or lower the confidence in tab 2."


@dataclass(frozen=True, slots=True)
class ReviewView:
    """Texts and numbers; an empty text takes no room."""

    hint: str  # what to do first, where there is nothing to review
    title: str  # for the tab
    progress: str
    objects: int
    reviewed: int
    cell: str  # what is chosen
    why: str  # why it is doubtful
    notice: str
    last: str
    undo: str
    redo: str


def resolve_review(reviewer: Reviewer) -> ReviewView:
    """Return what to show now."""
    annotation, progress = reviewer.annotation, reviewer.progress
    if annotation is None:
        return ReviewView(_FIRST, "", "", 0, 0, "", "", "", "", "", "")
    said = reviewer.failure.words if reviewer.failure is not None else ""
    again = " Press G again to do it." if reviewer.unsure else ""
    unsaved = reviewer.session.unsaved if reviewer.session is not None else 0
    return ReviewView(
        hint="",
        title=f"{progress.reviewed}/{progress.objects}",
        progress=f"{progress.reviewed} of {progress.objects} reviewed · {progress.edited} edited",
        objects=progress.objects,
        reviewed=progress.reviewed,
        cell=_chosen(annotation, reviewer.selection) if progress.objects else _NONE,
        why=reviewer.reasons,
        notice=said + again,
        last=f"{count_words(unsaved, 'step')} not saved yet (tab 4)" if unsaved else "",
        undo=reviewer.undo_name,
        redo=reviewer.redo_name,
    )


def _chosen(annotation: Annotation, ids: Sequence[int]) -> str:
    records = [annotation.records[id_] for id_ in ids if id_ in annotation.records]
    if not records:
        return "Click on a cell, or press N for the most doubtful one."
    if len(records) > 1:
        return f"{count_words(len(records))} chosen: " + ", ".join(f"#{record.id}" for record in records[:8])
    return " · ".join(_facts(annotation, records[0]))


def _facts(annotation: Annotation, record: ObjectRecord) -> list[str]:
    several = len(annotation.classes) > 1 and record.class_index < len(annotation.classes)
    found = [f"#{record.id}", STATES[record.review]]
    found += ["not counted"] if not record.counted else []
    found += [annotation.classes[record.class_index]] if several else []
    found += [f"score {record.score:.2f}"] if not isnan(record.score) else []
    return [*found, f"{annotation.geometry(record.id).area} px"]
