"""The review of one result: which cells are chosen, what is done to them, and what to look at next.

A session with its journal begins with the first edit, so that results nobody corrects leave no file behind.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence
from pathlib import Path

from qtpy.QtCore import QObject, Signal

from napari_cellvino.analysis.queue import Doubtful, ReviewProgress, review_progress, review_queue
from napari_cellvino.analysis.reconcile import reconcile
from napari_cellvino.annotation import Annotation, Change, Edit, EditSession, Region, Step
from napari_cellvino.annotation.paint import Stroke
from napari_cellvino.annotation.recovery import start_session
from napari_cellvino.app import Outcome, Workspace
from napari_cellvino.errors import CellvinoError, OutputError, UnsureError
from napari_cellvino.gui.failures import Failure, failure_of
from napari_cellvino.objects import ReviewState

RUN_AGAIN = "Run again"  # the name that `reconcile` gives its edit
MOST_SELECTED = 50  # cells that an edit made or changed are chosen afterwards, unless they are more


class Reviewer(QObject):
    """One annotation at a time and everything that is done to it; panels and canvas draw it."""

    changed = Signal()  # anything below
    edited = Signal(object)  # Change
    looked_at = Signal(object)  # Region, to be shown from near
    replaced = Signal()  # another annotation is reviewed now, or none

    def __init__(self, workspace: Workspace, journal: Callable[[], Path]) -> None:
        super().__init__()
        self._workspace, self._journal = workspace, journal
        self.annotation: Annotation | None = None
        self.session: EditSession | None = None
        self.selection: tuple[int, ...] = ()
        self.failure: Failure | None = None  # why the last wish was not fulfilled
        self.busy = ""  # why nothing may be edited now
        self.unsure = False  # whether the same wish again is fulfilled
        self._queue: tuple[Doubtful, ...] | None = None
        self._at = -1  # place in the queue
        self._plane: object = None  # pixels of the outcome reviewed
        self._reran = False  # whether the last edit took in a new result

    def close(self) -> None:
        """Write what is still to be written, and let go of the annotation."""
        if self.session is not None:
            self.session.changed.disconnect(self._hear)
            self.session.journal_failed.disconnect(self._hear_fault)
            self.session.close()
        self.annotation = self.session = self._queue = self.failure = None
        self.selection, self._at, self._reran, self._plane = (), -1, False, None

    # -- what is reviewed

    def take(self, outcome: Outcome | None) -> str:
        """Review an outcome: anew, or with all that was corrected in one of the same pixels; return what was kept."""
        if outcome is None:
            self.close()
            self.replaced.emit()
            return ""
        old = self.annotation
        plane = outcome.prediction.plane
        known = old.provenance.pixels_sha256 if old is not None and self._plane is plane else ""
        new = self._workspace.annotation(sha256=known)
        if old is not None and _is_corrected(old) and _same_kind(old, new):
            said = self._reconcile(old, new)
        else:
            said = self._begin(new)
        self._plane = plane
        return said

    def _begin(self, annotation: Annotation) -> str:
        self.close()
        self.annotation = annotation
        self.replaced.emit()
        self.changed.emit()
        return ""

    def _reconcile(self, old: Annotation, new: Annotation) -> str:
        session = self._started(old)
        if self._reran:
            session.undo()  # a slider that moves on: all of its way is one step
        done = reconcile(old, new.labels, new.objects)
        old.provenance = new.provenance
        if not done.edit.empty:
            session.commit(done.edit)
            self._reran = True
        self._queue = None
        self.changed.emit()
        return str(done) + "."

    @property
    def progress(self) -> ReviewProgress:
        """How far the review is."""
        return review_progress(self.annotation) if self.annotation is not None else ReviewProgress(0, 0, 0)

    @property
    def queue(self) -> tuple[Doubtful, ...]:
        """All cells as they were found, the most doubtful first."""
        if self._queue is None and self.annotation is not None:
            self._queue = review_queue(self.annotation)
            self._at = -1
        return self._queue or ()

    @property
    def reasons(self) -> str:
        """Why the chosen cell is doubtful, in words."""
        found = (item for item in self.queue if (item.id,) == self.selection)
        return next((item.words for item in found), "")

    # -- choosing

    def select(self, ids: Sequence[int]) -> None:
        """Choose cells."""
        self.selection, self.failure, self.unsure = tuple(dict.fromkeys(ids)), None, False
        self.changed.emit()

    def toggle(self, id_: int) -> None:
        """Choose one cell more, or one less."""
        self.select([i for i in self.selection if i != id_] if id_ in self.selection else [*self.selection, id_])

    def step(self, by: int) -> None:
        """Go to the next cell of the queue that nobody looked at, or for -1 back to the one before."""
        queue = self.queue
        at = self._at + by
        while 0 <= at < len(queue) and not self._stops(queue[at].id, by):
            at += by
        if not 0 <= at < len(queue):
            unseen = self.progress.objects - self.progress.reviewed
            back = "go back with Shift+N" if unseen == 0 else f"{unseen} were passed over: Shift+N goes back"
            self._say("this is the first cell of the queue" if by < 0 else f"this is the end of the queue; {back}")
            return
        self._at = at
        self.show_cell(queue[at].id)

    def show_cell(self, id_: int) -> None:
        """Choose a cell and look at it from near."""
        self.select([id_])
        if self.annotation is not None and id_ in self.annotation.records:
            self.looked_at.emit(self.annotation.geometry(id_).region)

    def _stops(self, id_: int, by: int) -> bool:
        record = self.annotation.records.get(id_) if self.annotation is not None else None
        return record is not None and (by < 0 or record.review is ReviewState.UNSEEN)

    @property
    def _queued(self) -> bool:
        """Whether the chosen cell is the one that the queue is at."""
        return 0 <= self._at < len(self.queue) and self.selection == (self.queue[self._at].id,)

    # -- editing

    def do(self, describe: Callable[[Annotation], Edit], *, onward: bool = False) -> Change | None:
        """Describe an edit and make it; where it is not possible, say why. ``onward`` goes on in the queue."""
        if self.annotation is None:
            self._say("there is nothing to review yet; run the model first")
            return None
        queued = onward and self._queued
        change = self._attempt(lambda: self._started(self._editable()).commit(describe(self._editable())))
        if change is not None and queued:
            self.step(1)
        return change

    def paint(self, name: str, strokes: Sequence[Stroke]) -> None:
        """Take in what was painted; what cannot be taken is painted over again."""
        if self.annotation is None or self.annotation.labels is None:
            return
        labels = self.annotation.labels
        for stroke in reversed(strokes):
            labels[stroke.coordinates] = stroke.before
        if self._attempt(lambda: self._started(self._editable()).commit_paint(name, strokes)) is None:
            whole = Region((0,) * labels.ndim, labels.shape)
            self.edited.emit(Change(Step.UNDO, name, whole, True, (), (), (), self.undo_name, self.redo_name))

    def undo(self) -> None:
        """Take the last edit back."""
        self._attempt(lambda: self._started(self._editable()).undo())

    def redo(self) -> None:
        """Make the edit again that was undone last."""
        self._attempt(lambda: self._started(self._editable()).redo())

    @property
    def undo_name(self) -> str:
        """What undo would take back."""
        edit = self.session.history.next_undo if self.session is not None else None
        return edit.name if edit is not None else ""

    @property
    def redo_name(self) -> str:
        """What redo would make again."""
        edit = self.session.history.next_redo if self.session is not None else None
        return edit.name if edit is not None else ""

    def _editable(self) -> Annotation:
        if self.annotation is None:
            raise OutputError("there is nothing to review yet; run the model first")
        if self.busy:
            raise OutputError(self.busy)
        return self.annotation

    def _started(self, annotation: Annotation) -> EditSession:
        if self.session is None:
            author = getpass.getuser()
            try:
                self.session = start_session(self._journal(), annotation, author=author)
            except OutputError as error:  # editing goes on; what is done is only in memory
                self.session = EditSession(annotation, author=author)
                self._hear_fault(error)
            self.session.changed.connect(self._hear)
            self.session.journal_failed.connect(self._hear_fault)
        return self.session

    def _attempt(self, work: Callable[[], Change | None]) -> Change | None:
        self.failure = None
        try:
            change = work()
        except CellvinoError as error:
            self.unsure = isinstance(error, UnsureError)
            self.failure = failure_of(error)
            self.changed.emit()
            return None
        self.unsure = False
        return change

    def _hear(self, change: Change) -> None:
        self._reran = False
        alive = self.annotation.records if self.annotation is not None else {}
        made = (*change.changed, *change.added)
        if change.added and change.name != RUN_AGAIN and len(made) <= MOST_SELECTED:
            self.selection = made
        self.selection = tuple(id_ for id_ in self.selection if id_ in alive)
        self.edited.emit(change)
        self.changed.emit()

    def _hear_fault(self, error: OutputError) -> None:
        self.failure = failure_of(error)
        self.changed.emit()

    def _say(self, words: str) -> None:
        self.failure = Failure(words[:1].upper() + words[1:] + ".")
        self.changed.emit()


def _is_corrected(annotation: Annotation) -> bool:
    return bool(annotation.gone) or any(record.reviewed for record in annotation.records.values())


def _same_kind(old: Annotation, new: Annotation) -> bool:
    """Return whether the corrections of one result hold for another: same pixels, kind of object and classes."""
    same = old.provenance.pixels_sha256 == new.provenance.pixels_sha256 and old.shape == new.shape
    return same and (old.labels is None) == (new.labels is None) and old.classes == new.classes
