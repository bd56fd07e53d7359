"""Editing sessions, the only way to change an annotation: edits are committed, undone, redone, and emitted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from psygnal import Signal

from napari_cellvino.annotation.document import Annotation
from napari_cellvino.annotation.edit import Edit
from napari_cellvino.annotation.event import Change, EditAction, Event
from napari_cellvino.annotation.history import BYTES, EditsInEffect, History, steps_between
from napari_cellvino.annotation.journal import Journal
from napari_cellvino.annotation.paint_strokes import Stroke, edit_from_strokes
from napari_cellvino.annotation.pixel_runs import Labels
from napari_cellvino.annotation.prepared_step import PreparedStep, change_of
from napari_cellvino.annotation.snapshot import IncrementalCopy, Snapshot
from napari_cellvino.core.errors import EditError, OutputError


def now() -> str:
    """Return the time in UTC, to the second (ISO 8601)."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class EditSession:
    """Edits one annotation, with undo and redo, and writes every step to a journal if there is one.

    ``author`` and the time of ``clock`` are written into each changed record.
    """

    changed = Signal(object)  # Change
    journal_failed = Signal(object)  # OutputError; writing is tried again

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
        self._steps = self._saved_steps = 0  # number of steps, and of saved steps
        self._in_effect = EditsInEffect()
        self._saved_state = self._in_effect.state
        self._copies = IncrementalCopy()
        self._lock = threading.Lock()  # protects the state that the saving thread changes
        self._open_snapshots: list[object] = []  # tokens of snapshots that are not saved yet
        self._closed = False
        self._fault: OutputError | None = None

    @property
    def unsaved(self) -> int:
        """Number of steps since the last save."""
        return self._steps - self._saved_steps

    @property
    def to_save(self) -> int:
        """Number of edits between what is saved and what is there now; 0 where all since were undone."""
        return steps_between(self._in_effect.state, self._saved_state)

    @property
    def in_memory_only(self) -> bool:
        """Whether there is something to save that no journal has."""
        return self.to_save > 0 and (self.journal is None or self.journal.fault is not None)

    def commit(self, edit: Edit) -> Change:
        """Apply an edit and return the change.

        Raises
        ------
        EditError
            If it changes nothing, or the annotation has changed since the edit was made.
        """
        if edit.empty:
            raise EditError(f"{edit.name} changes nothing")
        stamped = self.stamp(edit)
        self.annotation.apply(stamped)
        self.history.push(stamped)
        return self._publish(Event(EditAction.DO, stamped))

    def stamp(self, edit: Edit) -> Edit:
        """Return an edit with who makes it, and when."""
        return edit.stamped(self._author, self._clock())

    def take_over(self, step: PreparedStep) -> Change | None:
        """Put in place what a thread prepared, and return the change; None where there is none.

        The label image of the annotation is another array then.

        Raises
        ------
        EditError
            If the annotation has changed since.
        """
        if step.base.annotation is not self.annotation or not step.base.is_current:
            raise EditError("the cells have changed since this was prepared; do it again")
        if not step.events:
            return None
        self.annotation.become(step.after)
        for event, line in step.events:
            self.add_to_history(event)
            self._count(event, line)
        return self._emit(self._with_names(replace(step.change, replaced=self.annotation.labels is not None)))

    def commit_paint(self, name: str, strokes: Sequence[Stroke]) -> Change | None:
        """Commit strokes that a viewer painted into the label image as one edit.

        The pixels may already be written or not. Returns None if nothing changed in the end.

        Raises
        ------
        EditError
            If the strokes lie outside the image, or paint invalid ids.
        """
        edit = edit_from_strokes(self.annotation, name, strokes)
        if edit.empty:
            return None
        edit.pixels.inverse().write(self.annotation.pixels)
        return self.commit(edit)

    def undo(self) -> Change:
        """Undo the last edit; `EditError` if there is none."""
        edit = self.history.next_undo
        if edit is not None:
            self.annotation.apply(edit.inverse())
        self.history.mark_undone()
        return self._publish(Event(EditAction.UNDO, edit.inverse() if edit else Edit("")))

    def redo(self) -> Change:
        """Redo the edit that was undone last; `EditError` if there is none."""
        edit = self.history.next_redo
        if edit is not None:
            self.annotation.apply(edit)
        self.history.mark_redone()
        return self._publish(Event(EditAction.REDO, edit or Edit("")))

    def replay(self, event: Event) -> None:
        """Apply a step of a journal without emitting it or writing it again.

        Raises
        ------
        EditError
            If the annotation is not in the state before the step.
        """
        self.annotation.apply(event.edit)
        self.add_to_history(event)
        self._steps += 1
        self._in_effect.take(event.step)

    def add_to_history(self, event: Event) -> None:
        """Add a step of a journal to the history only; an undo or redo beyond the history is ignored."""
        if event.step is EditAction.DO:
            self.history.push(event.edit)
        elif event.step is EditAction.UNDO and self.history.next_undo is not None:
            self.history.mark_undone()
        elif event.step is EditAction.REDO and self.history.next_redo is not None:
            self.history.mark_redone()

    def copy_ahead(self, labels: Labels) -> None:
        """Begin the copy that the first snapshot needs, in a thread: that of a large image takes 0.1 s.

        ``labels`` are those of the annotation as they are now, in an array that only committed steps change, each
        after it was committed.
        """
        self._copies.begin(labels)

    def snapshot(self, unfinished: Sequence[Stroke] = ()) -> Snapshot:
        """Return a copy of the current annotation, to be saved while editing continues, or dropped.

        Once the previous snapshot is saved, only the changes since then are copied. ``unfinished`` strokes are painted
        into the label image but not committed yet: they are left out.
        """
        live, journal, step, token = self.annotation, self.journal, (self._steps, self._in_effect.state), object()
        with self._lock:
            busy, first = bool(self._open_snapshots), self._saved_steps == 0
            self._open_snapshots.append(token)
        labels = None
        if live.labels is not None:
            labels = self._copies.update(live.labels, separate=busy)
            for stroke in reversed(unfinished):
                labels[stroke.coordinates] = stroke.before
        steps = journal.steps if journal is not None else 0
        return Snapshot(
            live.copy_with_labels(labels),
            first,
            journal,
            steps,
            lambda saved: self._finish_snapshot(token, step, saved=saved),
        )

    def _finish_snapshot(self, token: object, step: tuple[int, tuple[int, ...]], *, saved: bool) -> None:
        """Register that a snapshot was saved or dropped; later steps remain unsaved."""
        with self._lock:
            if token not in self._open_snapshots:
                return
            self._open_snapshots.remove(token)
            if saved and step[0] >= self._saved_steps:
                self._saved_steps, self._saved_state = step
            last = self._closed and not self._open_snapshots
        if last:
            self._close_journal()

    def close(self) -> None:
        """Write what is queued and close the journal, once no snapshot is being saved."""
        with self._lock:
            self._closed = True
            busy = bool(self._open_snapshots)
        if not busy:
            self._close_journal()

    def _close_journal(self) -> None:
        if self.journal is not None:
            self.journal.close()

    def _publish(self, event: Event) -> Change:
        self._count(event)
        return self._emit(self.describe_change(event))

    def _count(self, event: Event, line: bytes = b"") -> None:
        self._steps += 1
        self._in_effect.take(event.step)
        if self.journal is not None:
            self.journal.append(event, line)
            self._report_fault(self.journal.fault)

    def _emit(self, change: Change) -> Change:
        if change.pixels and change.region is not None:
            self._copies.add_change(change.region)
        self.changed.emit(change)
        return change

    def _report_fault(self, fault: OutputError | None) -> None:
        if fault is not None and fault is not self._fault:
            self.journal_failed.emit(fault)
        self._fault = fault

    def describe_change(self, event: Event) -> Change:
        """Return the change of the last step."""
        return self._with_names(change_of([event], self.annotation))

    def _with_names(self, change: Change) -> Change:
        undo, redo = self.history.next_undo, self.history.next_redo
        return replace(change, undo=undo.name if undo else "", redo=redo.name if redo else "")
