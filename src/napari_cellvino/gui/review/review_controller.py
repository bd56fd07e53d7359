"""The review of one result: which cells are chosen, what to look at next, and what a new run leaves of it."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_cellvino.annotation import Annotation, Change, Edit, EditAction, EditSession
from napari_cellvino.annotation.prepared_step import StepBase
from napari_cellvino.annotation.recovery import resume_session
from napari_cellvino.core.errors import CellvinoError, EditError, OptionError
from napari_cellvino.core.image import Origin, Plane
from napari_cellvino.gui.review.earlier_look import EarlierLook
from napari_cellvino.gui.review.edit_trail import EditTrail
from napari_cellvino.gui.review.editor import NOTHING_HERE, Editor
from napari_cellvino.gui.review.first_edit import FirstEdit
from napari_cellvino.gui.review.queue import ReviewQueue
from napari_cellvino.gui.review.suspended_review import LeftReviews, SuspendedReview
from napari_cellvino.gui.widgets.failure import failure_of
from napari_cellvino.gui.widgets.formatting import format_count
from napari_cellvino.gui.widgets.serial_worker import SerialWorker
from napari_cellvino.quality.reconcile import Merge, holds_for, prepare_merge
from napari_cellvino.quality.review_queue import ReviewProgress, review_progress
from napari_cellvino.results.corrections import EarlierCorrections, seen_of
from napari_cellvino.workflows.outcome import Outcome
from napari_cellvino.workflows.saved_field import SavedField
from napari_cellvino.workflows.workspace import Workspace

MOST_SELECTED = 50  # cells that an edit made or changed are chosen afterwards, unless they are more


class ReviewController(QObject):
    """One annotation at a time and everything that is done to it; panels and canvas draw it."""

    changed = Signal()  # anything below
    edited = Signal(object)  # Change
    looked_at = Signal(object)  # Region, to be shown from near
    replaced = Signal()  # another annotation is reviewed now, or none
    resumed = Signal()  # what was corrected earlier is reviewed, and to be shown
    came_back = Signal()  # to a field whose review was left
    ended = Signal()  # the queue of this field, and other fields are to be reviewed
    field_wanted = Signal(object)  # Origin of the field in which the last correction was made

    def __init__(self, workspace: Workspace, decoder: SerialWorker, folder: Callable[[], Path]) -> None:
        super().__init__()
        self.workspace = workspace
        self.queue = ReviewQueue(workspace, decoder)
        self.queue.changed.connect(self.changed)
        self.queue.refused.connect(self._refuse)
        self._disk = EarlierLook(folder, decoder)
        self._disk.changed.connect(self.changed)
        self.editor = Editor(folder, lambda: self._disk.check(self.annotation))
        self.editor.changed.connect(self.changed)
        self.editor.edited.connect(self.queue.on_edit)
        self.editor.edited.connect(self._on_event)
        self.first_edit = FirstEdit(self.editor, decoder)
        self.doubts_elsewhere: Callable[[], bool] = lambda: False  # whether other fields have doubtful cells
        self.more_elsewhere: Callable[[], bool] = lambda: False  # whether other fields have cells to be reviewed
        self.done_in_many: Callable[[], str] = lambda: ""  # what was done last to several fields at once
        self._trail = EditTrail()
        self._goes_back = False  # to the field that was corrected before this one, if undo is asked for once more
        self.selection: tuple[int, ...] = ()
        self.plane: int | None = None  # the plane of a stack that is shown
        self.keys_rest_for = ""  # the name of another layer that is drawn in now, and has keys of its own
        self.cells_hidden = ""  # why the picture does not show them
        self.plane_only = False  # whether tools touch this plane only
        self._pixels: Plane | None = None  # of the outcome reviewed
        self._left = LeftReviews()
        workspace.outcome_dropped.connect(self._drop)
        self._reran = False  # whether the last edit took in a new result

    def close(self) -> None:
        """Write what is still to be written, and let go of all annotations."""
        self.workspace.outcome_dropped.disconnect(self._drop)
        self.editor.close()
        self.first_edit.close()
        self._left.close()
        self._begin(None)

    def _begin(self, annotation: Annotation | None) -> None:
        """Begin at the front, with nothing chosen."""
        self.queue.begin(annotation)
        self._disk.forget()
        self.selection, self._reran, self._pixels = (), False, None

    def _leave(self) -> None:
        """Leave the review as it is, for when its field is worked on again."""
        annotation, plane = self.annotation, self._pixels
        session = self.editor.release()
        if annotation is not None and plane is not None:
            self._left.add(SuspendedReview(plane, annotation, session, self._disk.seen))
        elif session is not None:
            session.close()
        self._begin(None)

    def _come_back(self, left: SuspendedReview | None, plane: Plane) -> bool:
        """Go on with a review that was left, if there is one; return whether there is."""
        if left is None:
            return False
        self.editor.begin(left.annotation, left.session)
        self._begin(left.annotation)
        self._pixels, self._disk.seen = plane, left.seen
        self.replaced.emit()
        self.came_back.emit()
        self.changed.emit()
        return True

    def _drop(self, outcome: Outcome) -> None:
        self._left.let_go_of(outcome.prediction.plane)

    @property
    def left_unsaved(self) -> list[SuspendedReview]:
        """The reviews of other fields whose corrections are not saved."""
        return self._left.unsaved

    @property
    def unsaved(self) -> int:
        """Number of corrections that are not saved, in all fields."""
        return self.editor.unsaved + sum(left.unsaved for left in self._left.unsaved)

    # -- what is reviewed

    @property
    def annotation(self) -> Annotation | None:
        """What is reviewed."""
        return self.editor.annotation

    @property
    def earlier(self) -> EarlierCorrections | None:
        """What was corrected in this image before, as long as it is on offer."""
        return self._disk.found

    def known_sha256(self, plane: Plane) -> str:
        """Return the hash of the pixels of a plane, if they are those that are reviewed; else nothing."""
        return self.annotation.provenance.pixels_sha256 if self.annotation is not None and self._pixels is plane else ""

    def take(self, outcome: Outcome | None, made: Annotation | None = None, merge: Merge | None = None) -> str:
        """Review an outcome: anew, or with all that was corrected in one of the same pixels; return what was kept.

        ``made`` is the outcome as an annotation, ``merge`` brings what was corrected into it, if made already.
        """
        if outcome is None:
            self._leave()
            self.replaced.emit()
            return ""
        old, plane = self.annotation, outcome.prediction.plane
        if old is None and self._come_back(self._left.pop(plane), plane):
            return ""
        new = made or self.workspace.annotation(sha256=self.known_sha256(plane))
        said = ""
        if old is not None and self.merges(new):
            try:
                said = self._merge(old, new, merge)
            except CellvinoError as error:  # another window corrects it: here it stays as it is
                self.editor.failure = failure_of(error)
        else:
            self._left.let_go_of_same(new)
            self.review(new)
            self._disk.look(self.editor, new)
        self._pixels = plane
        return said

    def take_saved(self, saved: SavedField | None, unsaved: EarlierCorrections | CellvinoError | None = None) -> None:
        """Review what stands on disk of a field, without a run; None ends that, and what was corrected is saved.

        ``unsaved`` is what only the journal has of it, or why that cannot be read.
        """
        session = self.editor.session
        if saved is None and session is not None and self._origin is not None:
            self._trail.leave(self._origin, session.history)
        if session is not None and session.in_memory_only:
            self._leave()  # it could not be written: it is saved when the field is come back to
        if saved is None:
            self.editor.close()
            self._begin(None)
            self.replaced.emit()
            self.changed.emit()
            return
        seen = seen_of(saved.folder)
        if self._come_back(self._left.pop_saved(saved.plane, seen), saved.plane):
            self._trail.come_back(saved.plane.origin)
            return
        self._left.let_go_of_same(saved.annotation)
        self.review(saved.annotation)
        self._pixels, self._disk.seen = saved.plane, seen
        if isinstance(unsaved, CellvinoError):
            self.editor.failure = failure_of(unsaved)
        else:
            self._disk.found = unsaved
        steps = self._trail.come_back(saved.plane.origin)
        if steps is not None and self.earlier is None:
            self.editor.continue_from(steps)
        self.changed.emit()

    def review(self, annotation: Annotation, session: EditSession | None = None) -> None:
        """Review an annotation, with what was done to it where it has a session."""
        self.editor.close()
        self.editor.begin(annotation, session)
        self._begin(annotation)
        self.replaced.emit()
        self.changed.emit()

    def merges(self, new: Annotation) -> bool:
        """Whether what was corrected here goes on in a new result; what is on offer stays on offer."""
        return self.annotation is not None and self.earlier is None and holds_for(self.annotation, new)

    def step_base(self, labels: NDArray[np.int32] | None) -> StepBase:
        """Return what a new result is merged with; ``labels`` are those of a layer, in an array that only edits change.

        A slider that moves on: all of its way is one step.
        """
        session = self.editor.session
        last = session.history.next_undo if session is not None and self._reran else None
        return self.editor.step_base(labels, last)

    def _merge(self, old: Annotation, new: Annotation, merge: Merge | None) -> str:
        session = self.editor.started()
        if merge is None or merge.step.base.annotation is not old or not merge.step.base.is_current:
            merge = prepare_merge(self.step_base(old.labels), new)
        old.provenance, old.classes = new.provenance, new.classes
        session.take_over(merge.step)
        self._reran = not merge.done.edit.empty
        self.queue.renew()
        return f"{merge.done}."

    def on_written(self, saved: Path) -> None:
        """Take note of how the result under review stands on disk, which was written from here a moment ago."""
        self._disk.take_note(saved)

    def on_saver(self, saved: Path | None) -> None:
        """Take note of how the result under review stands on disk, where it is saved from here."""
        if saved is not None and self.editor.session is not None and saved.is_dir():
            self._disk.take_note(saved)
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
            self.editor.failure = failure_of(error)
            self.changed.emit()
            return
        self.review(earlier.annotation, session)
        self._pixels = pixels
        self.resumed.emit()
        if at is not None:
            self.editor.said = f"Went on after: {at.name}"
            if at.region is not None:
                self.looked_at.emit(at.region)
        self.changed.emit()

    def begin_anew(self) -> None:
        """Leave what was corrected earlier where it is; the first edit sets its journal aside under another name."""
        self._disk.found = None
        self.changed.emit()

    # -- the way through

    @property
    def progress(self) -> ReviewProgress:
        """How far the review is."""
        return review_progress(self.annotation) if self.annotation is not None else ReviewProgress(0, 0, 0)

    @property
    def reasons(self) -> str:
        """Why the chosen cell is doubtful, in words."""
        walk = self.queue.ready if len(self.selection) == 1 else None
        item = walk.doubtful(self.selection[0]) if walk is not None else None
        return item.text if item is not None else ""

    def step(self, by: int) -> None:
        """Go to the next cell of the queue that nobody looked at, or for -1 back to the one before."""
        walk = self.queue.cursor
        before = walk.at if walk is not None else -1
        id_ = walk.step(by, self.queue.filter) if walk is not None else None
        if walk is not None and id_ is not None and by > 0 and walk.is_certain(id_) and self.doubts_elsewhere():
            walk.at, id_ = before, None  # doubtful cells of other fields come first
        if id_ is not None:
            self.show_cell(id_)
        elif by > 0 and self.more_elsewhere():
            self.ended.emit()
        elif by < 0 or self.annotation is None:
            self.editor.say(NOTHING_HERE if self.annotation is None else "This is the first cell of the queue.")
        else:
            gated = self.progress.gated
            passed = f" {format_count(gated)} that gates leave out {'was' if gated == 1 else 'were'} passed over."
            self.editor.say(f"This is the end of the queue; Shift+N goes back.{passed if gated else ''}")

    def show_cell(self, id_: int) -> None:
        """Choose a cell and look at it from near."""
        self.select([id_])
        if self.annotation is not None and id_ in self.annotation.records:
            self.looked_at.emit(self.annotation.geometry(id_).region)

    # -- choosing

    def select(self, ids: Sequence[int]) -> None:
        """Choose cells."""
        self.selection = tuple(dict.fromkeys(ids))
        self._goes_back = False
        self.editor.forget()

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
        queued = onward and len(self.selection) == 1 and self.queue.is_at(self.selection[0])
        change = self.editor.do(describe)
        if change is not None and queued:
            said = self.editor.said
            self.step(1)
            self.editor.said = said
            self.changed.emit()
        return change

    def undo(self) -> None:
        """Take the last edit of this field back; where it has none, say where the last one was, and then go there."""
        last, goes = self._trail.last_elsewhere(self._origin), self._goes_back
        if not self.editor.undo_name and last is None and self.done_in_many():
            self.editor.say(f"Nothing to undo here. {self.done_in_many()} of several fields: undo it in All cells.")
        elif last is None or self.editor.undo_name:
            self.editor.undo()
        elif goes:
            self._goes_back = False
            self.field_wanted.emit(last[0])
        else:
            self._goes_back = True
            self.editor.say(
                f"Nothing to undo here. The last correction, {last[1]}, was in {last[0].name}. Ctrl+Z again goes there."
            )

    def _refuse(self, error: OptionError) -> None:
        self.editor.failure = failure_of(error)

    @property
    def _origin(self) -> Origin | None:
        return None if self._pixels is None else self._pixels.origin

    def _on_event(self, change: Change) -> None:
        self._reran, self._disk.found, self._goes_back = False, None, False
        if self._origin is not None and not change.rerun:
            undone = change.step is EditAction.UNDO
            name = change.undo if undone else change.name  # what is left to be undone here
            self._trail.note(self._origin, name)
        alive = self.annotation.records if self.annotation is not None else {}
        made = (*change.changed, *change.added)
        if change.added and not change.rerun and len(made) <= MOST_SELECTED:
            self.selection = made
        self.selection = tuple(id_ for id_ in self.selection if id_ in alive)
        self.edited.emit(change)
