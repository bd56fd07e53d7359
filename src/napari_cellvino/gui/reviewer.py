"""The review of one result: which cells are chosen, what is done to them, and what to look at next.

A session with its journal begins with the first edit, so that results nobody corrects leave no file behind.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_cellvino.analysis.queue import ReviewProgress, review_progress
from napari_cellvino.analysis.reconcile import reconcile
from napari_cellvino.annotation import Annotation, Change, Edit, EditSession, Region, Step
from napari_cellvino.annotation.paint import Stroke
from napari_cellvino.annotation.recovery import resume_session, start_session
from napari_cellvino.app import Outcome, Workspace
from napari_cellvino.errors import CellvinoError, EditError, OptionError, OutputError, UnsureError
from napari_cellvino.gui.failures import Failure, failure_of
from napari_cellvino.gui.review_walk import CellFilter, Order, Walk
from napari_cellvino.jobs.corrections import Earlier, find_earlier, journal_path

RUN_AGAIN = "Run again"  # the name that `reconcile` gives its edit
MOST_SELECTED = 50  # cells that an edit made or changed are chosen afterwards, unless they are more
SAMPLE_SIZE = 50
NOTHING_YET = "there is nothing to review yet; run the model first"


class Reviewer(QObject):
    """One annotation at a time and everything that is done to it; panels and canvas draw it."""

    changed = Signal()  # anything below
    edited = Signal(object)  # Change
    looked_at = Signal(object)  # Region, to be shown from near
    replaced = Signal()  # another annotation is reviewed now, or none
    listed = Signal()  # another order or filter
    resumed = Signal()  # what was corrected earlier is reviewed, and to be shown

    def __init__(self, workspace: Workspace, folder: Callable[[], Path]) -> None:
        super().__init__()
        self._workspace, self._folder = workspace, folder
        self.annotation: Annotation | None = None
        self.session: EditSession | None = None
        self.selection: tuple[int, ...] = ()
        self.failure: Failure | None = None  # why the last wish was not fulfilled
        self.said = ""  # what the last action did
        self.busy = ""  # why nothing may be edited now
        self.earlier: Earlier | None = None  # what was corrected in this image before, as long as it is on offer
        self._saving = False
        self.unsure = False  # whether the same wish again is fulfilled
        self.plane: int | None = None  # the plane of a stack that is shown
        self.plane_only = False  # whether tools touch this plane only
        self.order, self.sample_size, self.filter = Order.DOUBT, SAMPLE_SIZE, CellFilter()
        self._walk: Walk | None = None
        self._pixels: object = None  # of the outcome reviewed
        self._reran = False  # whether the last edit took in a new result

    def close(self) -> None:
        """Write what is still to be written, and let go of the annotation."""
        if self.session is not None:
            self.session.changed.disconnect(self._hear)
            self.session.journal_failed.disconnect(self._hear_fault)
            self.session.close()
        self.annotation = self.session = self._walk = self.failure = self.earlier = None
        self.selection, self.said, self._reran, self._pixels = (), "", False, None

    # -- what is reviewed

    def take(self, outcome: Outcome | None) -> str:
        """Review an outcome: anew, or with all that was corrected in one of the same pixels; return what was kept."""
        if outcome is None:
            self.close()
            self.replaced.emit()
            return ""
        old, plane = self.annotation, outcome.prediction.plane
        known = old.provenance.pixels_sha256 if old is not None and self._pixels is plane else ""
        new = self._workspace.annotation(sha256=known)
        said = ""
        if old is not None and _is_corrected(old) and _same_kind(old, new):
            said = self._reconcile(old, new)
        else:
            self.review(new)
            self._look_for_earlier(new)
        self._pixels = plane
        return said

    def review(self, annotation: Annotation, session: EditSession | None = None) -> None:
        """Review an annotation, with what was done to it where it has a session."""
        self.close()
        self.annotation = annotation
        if session is not None:
            self._listen(session)
        self.replaced.emit()
        self.changed.emit()

    def _reconcile(self, old: Annotation, new: Annotation) -> str:
        session = self._started(old)
        if self._reran:
            session.undo()  # a slider that moves on: all of its way is one step
        done = reconcile(old, new.labels, new.objects)
        old.provenance = new.provenance
        if not done.edit.empty:
            session.commit(done.edit)
            self._reran = True
        self._walk = None
        self.listed.emit()
        self.changed.emit()
        return str(done) + "."

    def _look_for_earlier(self, fresh: Annotation) -> None:
        try:
            self.earlier = find_earlier(self._folder(), fresh)
        except CellvinoError as error:
            self.failure = failure_of(error)
        self.changed.emit()

    def go_on(self) -> None:
        """Review what was corrected earlier, at the place of its last step."""
        earlier, pixels = self.earlier, self._pixels
        if earlier is None:
            return
        at: Change | None = None
        session: EditSession | None = None
        try:
            if earlier.journal is not None:
                done = resume_session(earlier.journal, earlier.annotation, author=getpass.getuser())
                session, at = done.session, done.at
        except CellvinoError as error:
            self.failure = failure_of(error)
            self.changed.emit()
            return
        self.review(earlier.annotation, session)
        self._pixels = pixels
        self.resumed.emit()
        if at is not None:
            self.said = f"Went on after: {at.name}"
            if at.region is not None:
                self.looked_at.emit(at.region)
        self.changed.emit()

    def begin_anew(self) -> None:
        """Leave what was corrected earlier where it is; the first edit sets its journal aside under another name."""
        self.earlier = None
        self.changed.emit()

    def hold_still(self, *, saving: bool) -> None:
        """Let nobody edit while the result is saved."""
        self._saving = saving
        self.changed.emit()

    # -- the way through

    @property
    def walk(self) -> Walk | None:
        """The cells in order; None where there are none to walk through."""
        if self._walk is None and self.annotation is not None and self.annotation.records:
            likely = self.likely(None) if len(self.annotation.shape) == 2 else None
            try:
                self._walk = Walk(self.annotation, self.order, self.sample_size, likely)
            except OptionError as error:
                self.order, self.failure = Order.DOUBT, failure_of(error)
                self._walk = Walk(self.annotation, self.order, self.sample_size, likely)
        return self._walk

    @property
    def progress(self) -> ReviewProgress:
        """How far the review is."""
        return review_progress(self.annotation) if self.annotation is not None else ReviewProgress(0, 0, 0)

    @property
    def reasons(self) -> str:
        """Why the chosen cell is doubtful, in words."""
        item = self.walk.doubtful(self.selection[0]) if self.walk is not None and len(self.selection) == 1 else None
        return item.words if item is not None else ""

    def go_by(self, order: Order, size: int) -> None:
        """Walk in another order, from its beginning; ``size`` is that of a random sample."""
        self.order, self.sample_size, self._walk, self.failure = order, size, None, None
        self.listed.emit()
        self.changed.emit()

    def show_only(self, wanted: CellFilter) -> None:
        """List and walk to some cells only."""
        self.filter = wanted
        self.listed.emit()
        self.changed.emit()

    def step(self, by: int) -> None:
        """Go to the next cell of the queue that nobody looked at, or for -1 back to the one before."""
        walk = self.walk
        id_ = walk.step(by, self.filter) if walk is not None else None
        if id_ is not None:
            self.show_cell(id_)
        elif by < 0:
            self.say("This is the first cell of the queue.")
        else:
            self.say("This is the end of the queue; Shift+N goes back.")

    def show_cell(self, id_: int) -> None:
        """Choose a cell and look at it from near."""
        self.select([id_])
        if self.annotation is not None and id_ in self.annotation.records:
            self.looked_at.emit(self.annotation.geometry(id_).region)

    @property
    def _queued(self) -> bool:
        """Whether the chosen cell is the one that the queue is at."""
        walk = self._walk
        return walk is not None and 0 <= walk.at < len(walk.ids) and self.selection == (walk.ids[walk.at],)

    def likely(self, plane: int | None) -> NDArray[np.float16] | None:
        """Return the model's probability of a cell (Y, X), in a plane of a stack; None where it was not kept."""
        return self._workspace.cell_map(plane)

    def intensity(self, plane: int | None) -> NDArray[np.floating] | None:
        """Return the pixels (Y, X) that cells were found in, in a plane of a stack."""
        return self._workspace.intensity(plane)

    # -- choosing

    def select(self, ids: Sequence[int]) -> None:
        """Choose cells."""
        self.selection, self.failure, self.unsure, self.said = tuple(dict.fromkeys(ids)), None, False, ""
        self.changed.emit()

    def toggle(self, id_: int) -> None:
        """Choose one cell more, or one less."""
        self.select([i for i in self.selection if i != id_] if id_ in self.selection else [*self.selection, id_])

    def only_one(self) -> int:
        """Return the one cell that is chosen; EditError if there are none or several."""
        if len(self.selection) != 1:
            several = f"{len(self.selection)} cells are chosen; this takes one"
            raise EditError(several if self.selection else "no cell is chosen; click on one first")
        return self.selection[0]

    @property
    def scope(self) -> int | None:
        """The plane of a stack that tools are to keep to; None where they treat whole cells."""
        return self.plane if self.plane_only else None

    # -- editing

    def do(self, describe: Callable[[Annotation], Edit], *, onward: bool = False) -> Change | None:
        """Describe an edit and make it; where it is not possible, say why. ``onward`` goes on in the queue."""
        queued = onward and self._queued
        change = self._attempt(lambda: self._started(self._editable()).commit(describe(self._editable())))
        if change is not None and queued:
            said = self.said
            self.step(1)
            self.said = said
            self.changed.emit()
        return change

    def try_out(self, work: Callable[[Annotation], None]) -> None:
        """Do what may fail but edits nothing."""
        self._attempt(lambda: work(self._editable()))

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

    @property
    def unsaved(self) -> int:
        """Number of steps since the result was last saved."""
        return self.session.unsaved if self.session is not None else 0

    def say(self, words: str) -> None:
        """Say why nothing happened."""
        self.failure = Failure(words)
        self.changed.emit()

    def _editable(self) -> Annotation:
        if self.annotation is None:
            raise OutputError(NOTHING_YET)
        if self.busy or self._saving:
            raise OutputError(self.busy or "the result is being saved; try again in a moment")
        return self.annotation

    def _started(self, annotation: Annotation) -> EditSession:
        if self.session is None:
            self.earlier = None
            author = getpass.getuser()
            try:
                session = start_session(journal_path(self._folder()), annotation, author=author)
            except OutputError as error:  # editing goes on; what is done is only in memory
                session = EditSession(annotation, author=author)
                self._hear_fault(error)
            self._listen(session)
            return session
        return self.session

    def _listen(self, session: EditSession) -> None:
        self.session = session
        session.changed.connect(self._hear)
        session.journal_failed.connect(self._hear_fault)

    def _attempt(self, work: Callable[[], Change | None]) -> Change | None:
        self.failure = None
        try:
            change = work()
        except CellvinoError as error:
            self.unsure, self.said = isinstance(error, UnsureError), ""
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
        self.said = said_of(change)
        self.edited.emit(change)
        self.changed.emit()

    def _hear_fault(self, error: OutputError) -> None:
        self.failure = failure_of(error)
        self.changed.emit()


def said_of(change: Change) -> str:
    """Return what happened, in words: ``Split #87: now #87 and #164``."""
    before = {Step.DO: "", Step.UNDO: "Undone: ", Step.REDO: "Made again: "}[change.step]
    made = (*change.changed, *change.added)
    several = change.added and change.changed and len(made) <= 6 and change.name != RUN_AGAIN
    return before + change.name + (f": now {' and '.join(f'#{id_}' for id_ in made)}" if several else "")


def _is_corrected(annotation: Annotation) -> bool:
    return bool(annotation.gone) or any(record.reviewed for record in annotation.records.values())


def _same_kind(old: Annotation, new: Annotation) -> bool:
    """Return whether the corrections of one result hold for another: same pixels, kind of object and classes."""
    same = old.provenance.pixels_sha256 == new.provenance.pixels_sha256 and old.shape == new.shape
    return same and (old.labels is None) == (new.labels is None) and old.classes == new.classes
