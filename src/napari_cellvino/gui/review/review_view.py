"""What the Review panel shows, decided in one place from what is known; the panel only shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from math import isnan

from napari_cellvino.annotation import Annotation, ObjectRecord
from napari_cellvino.core.image import Spacing
from napari_cellvino.core.objects import ReviewState
from napari_cellvino.gui.review.pointer_tools import PointerTool
from napari_cellvino.gui.review.review_controller import ReviewController
from napari_cellvino.gui.widgets.formatting import SizeUnit, format_count, format_number

STATES = {
    ReviewState.UNSEEN: "not looked at yet",
    ReviewState.ACCEPTED: "accepted",
    ReviewState.EDITED: "edited",
    ReviewState.REJECTED: "rejected",
}
_FIRST = "Nothing to review yet: run the model first (tab 2)."
_NONE = "The model found no cell here. Add one by a click (K), or try another model or channel (tabs 1 and 2)."
_NAMED = 8  # cells of a selection that are named
_KEYS = "A accepts it, R rejects it, D deletes it; Ctrl+Z takes that back. All keys: ?"
_KEYS_OF_MANY = "A accepts all of them, R rejects them, D deletes them; Ctrl+Z takes that back."
_CERTAIN = "Nothing about it is doubtful."


@dataclass(frozen=True, slots=True)
class ReviewView:
    """Texts and numbers; an empty text takes no room."""

    hint: str = ""  # what to do first, where there is nothing to review
    progress: str = ""
    objects: int = 0
    reviewed: int = 0
    cell: str = ""  # what is chosen
    why: str = ""  # why it is doubtful, else what can be done
    doubtful: bool = False
    note: str | None = None  # of the chosen cells; None where none is chosen
    stack: bool = False  # whether cells go through planes
    said: str = ""  # what the last action did, or how to use the tool
    notice: str = ""
    offer: str = ""  # what was corrected earlier
    last: str = ""


def resolve_review(reviewer: ReviewController, tool: PointerTool | None) -> ReviewView:
    """Return what to show now."""
    annotation, progress = reviewer.annotation, reviewer.progress
    if annotation is None:
        return ReviewView(hint=_FIRST)
    return ReviewView(
        progress=f"{format_number(progress.reviewed)} of {format_number(progress.objects)} reviewed · "
        f"{format_number(progress.edited)} edited"
        + (f" · {format_number(progress.gated)} left out by gates" if progress.gated else ""),
        objects=progress.objects,
        reviewed=progress.reviewed,
        cell=_chosen(annotation, reviewer.selection, size_unit(reviewer)) if annotation.records else _NONE,
        why=reviewer.reasons or _instead(reviewer, annotation),
        doubtful=bool(reviewer.reasons),
        note=_note(annotation, reviewer.selection),
        stack=len(annotation.shape) == 3,
        said=_said(reviewer, tool),
        notice=_notice(reviewer),
        offer=reviewer.earlier.question if reviewer.earlier is not None else "",
        last=f"{format_count(reviewer.editor.unsaved, 'step')} not saved yet" if reviewer.editor.unsaved else "",
    )


def status_line(reviewer: ReviewController, tool: PointerTool | None) -> str:
    """Return what a line beside any tab says: why a key could not act, else what it did, or how to use the tool.

    While another layer is drawn in, it says nothing of the cells.
    """
    hidden = "" if reviewer.keys_rest_for else reviewer.cells_hidden
    return _refusal(reviewer) or _said(reviewer, tool) or hidden


def _said(reviewer: ReviewController, tool: PointerTool | None) -> str:
    return f"✓  {reviewer.editor.said}" if reviewer.editor.said and tool is None else _in_hand(tool)


def _refusal(reviewer: ReviewController) -> str:
    """Return why the last edit was not made, or why none can be."""
    said = reviewer.editor.failure.message if reviewer.editor.failure is not None else ""
    if not said and reviewer.editor.busy:
        said = f"{reviewer.editor.busy[:1].upper()}{reviewer.editor.busy[1:]}."
    return said + (" Press G again to do it." if reviewer.editor.unsure else "")


def _notice(reviewer: ReviewController) -> str:
    said = _refusal(reviewer)
    if not said and reviewer.keys_rest_for:
        other = f"the layer “{reviewer.keys_rest_for}”"
        said = f"Keys belong to {other} while you draw in it. Choose its pan tool to go on here."
    return said or reviewer.cells_hidden


def _in_hand(tool: PointerTool | None) -> str:
    return f"{tool.title}: {tool.hint}. Esc ends it; press {tool.key} again for the next." if tool is not None else ""


def _instead(reviewer: ReviewController, annotation: Annotation) -> str:
    """Return what stands in the place of doubts: what can be done, or that there are none."""
    there = annotation.records
    chosen = list(islice((id_ for id_ in reviewer.selection if id_ in there), 2))  # of many, no more is asked
    if len(chosen) == 1:
        walk = reviewer.queue.ready
        return _CERTAIN if walk is not None and walk.doubtful(chosen[0]) is not None else ""
    return _KEYS_OF_MANY if chosen else _KEYS if there else ""


def _note(annotation: Annotation, ids: Sequence[int]) -> str | None:
    records = annotation.records
    notes = {records[id_].note for id_ in ids if id_ in records}
    return None if not notes else notes.pop() if len(notes) == 1 else ""


def size_unit(reviewer: ReviewController) -> SizeUnit:
    """Return the unit in which cells of the review are measured: of area, in a stack of volume."""
    annotation, shown = reviewer.annotation, reviewer.workspace.shown
    volume = annotation is not None and len(annotation.shape) == 3
    spacing = shown.plane.spacing if shown is not None else Spacing()
    known = spacing.voxel_um3 if volume else spacing.pixel_area_um2
    unit = ("µm³" if volume else "µm²") if known is not None else "voxels" if volume else "px²"
    return SizeUnit(known, unit)


def _chosen(annotation: Annotation, ids: Sequence[int], unit: SizeUnit) -> str:
    there = annotation.records
    records = [there[id_] for id_ in ids if id_ in there]
    if not records:
        return "Click on a cell, or press N for the most doubtful one."
    if len(records) > 1:
        named = ", ".join(f"#{record.id}" for record in records[:_NAMED])
        return f"{format_count(len(records))} chosen: {named}{', …' if len(records) > _NAMED else ''}"
    size = unit.text(annotation.geometry(records[0].id).area)
    return " · ".join([*_facts(annotation, records[0]), f"{size} {unit.name}"])


def _facts(annotation: Annotation, record: ObjectRecord) -> list[str]:
    several = len(annotation.classes) > 1 and record.class_index < len(annotation.classes)
    found = [f"#{record.id}", STATES[record.review]]
    found += ["not counted"] if not record.counted else []
    found += [annotation.classes[record.class_index]] if several else []
    return found + ([f"score {record.score:.2f}"] if not isnan(record.score) else [])
