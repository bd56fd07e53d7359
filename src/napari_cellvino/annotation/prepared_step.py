"""A step of a session that a thread prepares: its own thread only puts in place what the annotation is after it.

Taking in a new result of 14,000 cells takes a second, and a slider that moves on takes back the one before as well.
The annotation is copied, so that whoever corrects it meanwhile is not disturbed: what was prepared then fits no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from napari_cellvino.annotation.document import Annotation
from napari_cellvino.annotation.edit import Edit
from napari_cellvino.annotation.event import Change, EditAction, Event
from napari_cellvino.annotation.event_json import event_dict, write_line
from napari_cellvino.annotation.pixel_runs import Labels
from napari_cellvino.annotation.record import ObjectRecord
from napari_cellvino.annotation.region import Region, join_regions


@dataclass(frozen=True, slots=True, eq=False)
class StepBase:
    """An annotation as it is now, from which a thread prepares a step.

    Parameters
    ----------
    annotation
        The annotation that a session edits; it may be edited meanwhile.
    version
        Its version now.
    labels
        Its labels now, in an array that only its edits change: a viewer may paint in its own. None of boxes.
    undone
        Its last edit, where the step takes it back first.
    stamp
        Returns an edit with who makes it, and when.
    """

    annotation: Annotation
    version: int
    labels: Labels | None
    undone: Edit | None
    stamp: Callable[[Edit], Edit]

    @property
    def is_current(self) -> bool:
        """Whether the annotation was not changed since."""
        return self.annotation.version == self.version


@dataclass(frozen=True, slots=True, eq=False)
class PreparedStep:
    """Events from ``base`` on, each with its line of a journal, what the annotation is ``after`` them, and the change.

    Nobody else may hold ``after``. The names in ``change`` of what can be undone are left to the session.
    """

    base: StepBase
    after: Annotation
    events: tuple[tuple[Event, bytes], ...]
    change: Change


class StepDraft:
    """A step in the making: the edit to be undone is undone in ``annotation``, a copy."""

    def __init__(self, base: StepBase) -> None:
        """Copy the annotation, from any thread.

        Raises
        ------
        EditError
            If the edit to be undone no longer fits.
        """
        self.base = base
        self.annotation = base.annotation.copy_with_labels(None if base.labels is None else base.labels.copy())
        self.annotation.next_id = base.annotation.next_id
        self._events: list[tuple[Event, bytes]] = []
        if base.undone is not None:
            self._apply(EditAction.UNDO, base.undone.inverse())

    def finish(self, edit: Edit) -> PreparedStep:
        """Return the step that ends with an edit of the copy; an empty one is left out."""
        if not edit.empty:
            self._apply(EditAction.DO, self.base.stamp(edit))
        after = self.annotation
        _ = after.states, after.corrected  # the window asks for them
        change = change_of([event for event, _ in self._events], after)
        return PreparedStep(self.base, after, tuple(self._events), change)

    def _apply(self, step: EditAction, edit: Edit) -> None:
        self.annotation.apply(edit)
        event = Event(step, edit)
        self._events.append((event, write_line(event_dict(event))))


def change_of(events: Sequence[Event], after: Annotation) -> Change:
    """Return what events changed in all, without the names of what can be undone; they led to ``after``."""
    before_and_now: dict[int, tuple[bool, bool]] = {}
    for event in events:
        records = event.edit.records
        for id_, was, is_ in zip(records.ids, are_live(records.before), are_live(records.after), strict=True):
            before_and_now[id_] = (before_and_now.get(id_, (was,))[0], is_)
    found = sorted(before_and_now.items())
    regions = [region for event in events if (region := changed_region(event.edit, after)) is not None]
    last = events[-1] if events else Event(EditAction.DO, Edit(""))
    return Change(
        last.step,
        last.edit.name,
        join_regions(regions) if regions else None,
        pixels=any(len(event.edit.pixels) for event in events),
        added=tuple([id_ for id_, (before, now) in found if now and not before]),
        removed=tuple([id_ for id_, (before, now) in found if before and not now]),
        changed=tuple([id_ for id_, (before, now) in found if before and now]),
        undo="",
        redo="",
        rerun=last.edit.rerun,
    )


def changed_region(edit: Edit, after: Annotation) -> Region | None:
    """Return the box around what an edit changed, which led to ``after``; None where that has no place."""
    place = edit.pixels.region(after.shape)
    if place is not None:
        return place
    there = after.records
    live = after.box_around([id_ for id_ in edit.ids if id_ in there])
    found = [row.box for rows in (edit.records.before, edit.records.after) for row in rows if row and row.box]
    boxes = [_region_around(found)] if found else []
    return join_regions([live, *boxes] if live else boxes) if live or boxes else None


def are_live(rows: Iterable[ObjectRecord | None]) -> list[bool]:
    """Return which records are of present objects."""
    return [row is not None and not row.deleted for row in rows]


def _region_around(boxes: Sequence[tuple[int, ...]]) -> Region:
    columns = list(zip(*boxes, strict=True))
    axes = len(columns) // 2
    return Region(tuple(map(min, columns[:axes])), tuple(map(max, columns[axes:])))
