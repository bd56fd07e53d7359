"""The one way an annotation changes: edits are committed, undone and redone, in one order, and every one is news."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from psygnal import Signal

from napari_cellvino.annotation.document import Annotation
from napari_cellvino.annotation.edit import Edit
from napari_cellvino.annotation.event import Change, Event, Step
from napari_cellvino.annotation.history import BYTES, History
from napari_cellvino.annotation.journal import Journal
from napari_cellvino.annotation.paint_strokes import Stroke, painted
from napari_cellvino.annotation.record import ObjectRecord
from napari_cellvino.annotation.region import Region, join_regions
from napari_cellvino.annotation.snapshot import LabelCopies, Snapshot
from napari_cellvino.core.errors import EditError, OutputError


def now() -> str:
    """Return the time in UTC, to the second (ISO 8601)."""
    return datetime.now(UTC).isoformat(timespec="seconds")


_DEPTH = {Step.DO: 1, Step.REDO: 1, Step.UNDO: -1}
_State = tuple[int, Edit | None]


class EditSession:
    """Changes one annotation, remembers how to take it back, and writes every step to a journal where there is one.

    ``author`` and the time of the ``clock`` go into each record that changes.
    """

    changed = Signal(object)  # Change
    journal_failed = Signal(object)  # OutputError; what was not written is written as soon as it can be

    def __init__(
        self,
        annotation: Annotation,
        *,
        journal: Journal | None = None,
        author: str = "",
        history_bytes: int = BYTES,
        clock: Callable[[], str] = now,
    ) -> None:
        self.annotation = annotation
        self.journal = journal
        self.history = History(history_bytes)
        self._author = author
        self._clock = clock
        self._made = self._kept = 0  # steps, and how many of them are saved
        self._applied = 0  # edits that hold now: less after an undo
        self._saved_state: _State = (0, None)
        self._copies = LabelCopies()
        self._lock = threading.Lock()  # over what the thread that saves changes
        self._lent: list[object] = []  # snapshots that are not saved yet
        self._closed = False
        self._fault: OutputError | None = None

    @property
    def unsaved(self) -> int:
        """Number of steps since the annotation was last saved."""
        return self._made - self._kept

    @property
    def to_save(self) -> int:
        """Number of steps that saving would keep: 0 where the annotation is as it was saved, all being taken back."""
        return 0 if self._state == self._saved_state else self.unsaved

    @property
    def _state(self) -> _State:
        """What the annotation has come to; an edit is itself alone."""
        return self._applied, self.history.next_undo

    def commit(self, edit: Edit) -> Change:
        """Make an edit and return the news of it.

        Raises
        ------
        EditError
            If it changes nothing, or the annotation changed since it was described.
        """
        if edit.empty:
            raise EditError(f"{edit.name} changes nothing")
        at = self._clock()
        return self._commit_stamped(edit.stamped(lambda record: replace(record, by=self._author, at=at)))

    def commit_paint(self, name: str, strokes: Sequence[Stroke]) -> Change | None:
        """Take in what something else painted into the label image, in the order it did, as one edit.

        The pixels may be written already or not yet. None is returned where nothing changed in the end.

        Raises
        ------
        EditError
            If the strokes lie outside the image, or give numbers that no cell can have.
        """
        edit = painted(self.annotation, name, strokes)
        if edit.empty:
            return None
        edit.pixels.inverse().write(self.annotation.pixels)
        return self.commit(edit)

    def undo(self) -> Change:
        """Take the last edit back; `EditError` if there is none."""
        edit = self.history.next_undo
        if edit is not None:
            self.annotation.apply(edit.inverse())
        self.history.undone()
        return self._tell(Event(Step.UNDO, edit.inverse() if edit else Edit("")))

    def redo(self) -> Change:
        """Make the edit again that was undone last; `EditError` if there is none."""
        edit = self.history.next_redo
        if edit is not None:
            self.annotation.apply(edit)
        self.history.redone()
        return self._tell(Event(Step.REDO, edit or Edit("")))

    def replay(self, event: Event) -> None:
        """Apply a step of a journal; nobody hears of it, and it is not written again.

        Raises
        ------
        EditError
            If the annotation is not in the state that the step started from.
        """
        self.annotation.apply(event.edit)
        self.remember(event)
        self._made += 1
        self._applied += _DEPTH[event.step]

    def remember(self, event: Event) -> None:
        """Take a step of a journal into the history alone; one that goes back further than it is passed over."""
        if event.step is Step.DO:
            self.history.did(event.edit)
        elif event.step is Step.UNDO and self.history.next_undo is not None:
            self.history.undone()
        elif event.step is Step.REDO and self.history.next_redo is not None:
            self.history.redone()

    def snapshot(self, unfinished: Sequence[Stroke] = ()) -> Snapshot:
        """Return the annotation as it is now, to be saved while editing goes on, or else dropped.

        Only what changed since the snapshot before is copied, once that is saved. ``unfinished`` is what was painted
        into the label image and is no edit yet: it is left out.
        """
        live, journal, step, token = self.annotation, self.journal, (self._made, self._state), object()
        with self._lock:
            apart, first = bool(self._lent), self._kept == 0
            self._lent.append(token)
        labels = None
        if live.labels is not None:
            labels = self._copies.take(live.labels, apart=apart)
            for stroke in reversed(unfinished):
                labels[stroke.coordinates] = stroke.before
        steps = journal.steps if journal is not None else 0
        return Snapshot(live.twin(labels), first, journal, steps, lambda saved: self._settle(token, step, saved=saved))

    def _settle(self, token: object, step: tuple[int, _State], *, saved: bool) -> None:
        """Note what became of a snapshot; later steps are still unsaved."""
        with self._lock:
            if token not in self._lent:
                return
            self._lent.remove(token)
            if saved and step[0] >= self._kept:
                self._kept, self._saved_state = step
            last = self._closed and not self._lent
        if last:
            self._close_journal()

    def close(self) -> None:
        """Write what is still to be written, and let go of the journal, once no snapshot is being saved."""
        with self._lock:
            self._closed = True
            busy = bool(self._lent)
        if not busy:
            self._close_journal()

    def _close_journal(self) -> None:
        if self.journal is not None:
            self.journal.close()

    def _commit_stamped(self, edit: Edit) -> Change:
        self.annotation.apply(edit)
        self.history.did(edit)
        return self._tell(Event(Step.DO, edit))

    def _tell(self, event: Event) -> Change:
        self._made += 1
        self._applied += _DEPTH[event.step]
        if self.journal is not None:
            self.journal.append(event)
            self._tell_fault(self.journal.fault)
        change = self.news(event)
        if change.pixels and change.region is not None:
            self._copies.note(change.region)
        self.changed.emit(change)
        return change

    def _tell_fault(self, fault: OutputError | None) -> None:
        if fault is not None and fault is not self._fault:
            self.journal_failed.emit(fault)
        self._fault = fault

    def news(self, event: Event) -> Change:
        """Return what there is to say of the step that was made last."""
        edit, undo, redo = event.edit, self.history.next_undo, self.history.next_redo
        live = [(c.id, _is_live(c.before), _is_live(c.after)) for c in edit.records]
        return Change(
            event.step,
            edit.name,
            self._place(edit),
            pixels=len(edit.pixels) > 0,
            added=tuple(id_ for id_, before, after in live if after and not before),
            removed=tuple(id_ for id_, before, after in live if before and not after),
            changed=tuple(id_ for id_, before, after in live if before and after),
            undo=undo.name if undo else "",
            redo=redo.name if redo else "",
            rerun=edit.rerun,
        )

    def _place(self, edit: Edit) -> Region | None:
        place = edit.pixels.region(self.annotation.shape)
        if place is not None:
            return place
        live = [self.annotation.geometry(id_).region for id_ in edit.ids if id_ in self.annotation.records]
        records = [r for c in edit.records for r in (c.before, c.after) if r is not None and r.box is not None]
        boxes = [_region_of(record) for record in records]
        return join_regions(live + boxes) if live or boxes else None


def _is_live(record: ObjectRecord | None) -> bool:
    return record is not None and not record.gone


def _region_of(record: ObjectRecord) -> Region:
    box = record.box or ()
    return Region(box[: len(box) // 2], box[len(box) // 2 :])
