"""The way an annotation is changed in the window: edits and painting go in, what happened or why not comes out.

A session with its journal begins with the first edit, so that results without corrections leave no file behind.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal
from scipy import ndimage

from napari_cellvino.annotation import Annotation, Change, Edit, EditAction, EditSession, Region
from napari_cellvino.annotation.history import History
from napari_cellvino.annotation.paint_strokes import Stroke
from napari_cellvino.annotation.prepared_step import StepBase
from napari_cellvino.annotation.recovery import start_session
from napari_cellvino.core.errors import CellvinoError, EditError, JournalBusyError, OutputError, UnsureError
from napari_cellvino.gui.widgets.failure import Failure, failure_of
from napari_cellvino.results.field_folder import journal_path

NOTHING_YET = "there is nothing to review yet; run the model first"
NOTHING_HERE = "There is nothing to review here yet; run the model first (tab 2)."


class Editor(QObject):
    """Changes one annotation at a time.

    ``folder`` says where its result is, or will be; ``check`` raises a `CellvinoError` where its first edit would lose
    what others did.
    """

    changed = Signal()  # anything below
    edited = Signal(object)  # Change
    begun = Signal()  # another annotation, or what was done to this one before, is here
    about_to_edit = Signal()

    def __init__(self, folder: Callable[[], Path], check: Callable[[], None]) -> None:
        super().__init__()
        self._folder, self._check = folder, check
        self.annotation: Annotation | None = None
        self.session: EditSession | None = None
        self._before: History | None = None  # steps of an earlier session, which are all saved
        self.failure: Failure | None = None  # why the last edit was not made
        self.said = ""  # what the last action did
        self.busy = ""  # why nothing may be edited now
        self.fingerprint = ""  # of the annotation as it was before any edit, once it is known
        self.unsure = False  # whether the same edit is made when it is asked for again

    def begin(self, annotation: Annotation, session: EditSession | None = None) -> None:
        """Change this annotation from now on, with what was done to it where it has a session."""
        self.close()
        self.annotation = annotation
        if session is not None:
            self._listen(session)
        self.begun.emit()

    def continue_from(self, history: History) -> None:
        """Let undo and redo reach back into the steps of an earlier session of this annotation as it was saved."""
        last = history.next_undo
        if self.annotation is not None and (last is None or self.annotation.fits(last.inverse())):
            self._before = history

    def close(self) -> None:
        """Write what is still to be written, and let go of the annotation."""
        session = self.release()
        if session is not None:
            session.close()

    def release(self) -> EditSession | None:
        """Let go of the annotation and return its session, which goes on as it is."""
        session = self.session
        if session is not None:
            session.changed.disconnect(self._on_event)
            session.journal_failed.disconnect(self._on_fault)
        self.annotation = self.session = self.failure = self._before = None
        self.said, self.busy, self.fingerprint = "", "", ""
        return session

    def do(self, describe: Callable[[Annotation], Edit]) -> Change | None:
        """Describe an edit and make it; where it is not possible, say why."""
        return self._attempt(lambda annotation: self._commit(describe(annotation)))

    def paint(self, name: str, strokes: Sequence[Stroke]) -> None:
        """Take in what was painted; what cannot be taken is painted over again."""
        if self.annotation is None or self.annotation.labels is None:
            return
        labels = self.annotation.labels
        for stroke in reversed(strokes):
            labels[stroke.coordinates] = stroke.before
        change = self._attempt(lambda _: self.started().commit_paint(name, strokes))
        if change is not None:
            self._warn_of_pieces(change)
        else:
            whole = Region((0,) * labels.ndim, labels.shape)
            self.edited.emit(Change(EditAction.UNDO, name, whole, True, (), (), (), self.undo_name, self.redo_name))

    def _warn_of_pieces(self, change: Change) -> None:
        """Say so where a cell that was painted lies in several places now: that is rarely meant."""
        annotation = self.annotation
        if annotation is None or annotation.labels is None:
            return
        for id_ in (*change.changed, *change.added):
            pieces = ndimage.label(annotation.labels[annotation.geometry(id_).region.slices] == id_)[1]
            if pieces > 1:
                self.said = f"{change.name}. #{id_} is in {pieces} pieces now; take a new number (M) for another cell"
                self.changed.emit()

    def take_in(self, name: str, stroke: Stroke) -> bool:
        """Take in what something else wrote into the labels, which are as before; return whether that succeeded."""
        return self._attempt(lambda _: self.started().commit_paint(name, [stroke])) is not None

    def undo(self) -> None:
        """Take the last edit back."""
        self._attempt(lambda _: self._past("undo").undo())

    def redo(self) -> None:
        """Make the edit again that was undone last."""
        self._attempt(lambda _: self._past("redo").redo())

    @property
    def _history(self) -> History | None:
        return self.session.history if self.session is not None else self._before

    @property
    def undo_name(self) -> str:
        """What undo would take back."""
        edit = self._history.next_undo if self._history is not None else None
        return edit.name if edit is not None else ""

    @property
    def redo_name(self) -> str:
        """What redo would make again."""
        edit = self._history.next_redo if self._history is not None else None
        return edit.name if edit is not None else ""

    @property
    def unsaved(self) -> int:
        """Number of steps since the result was last saved."""
        return self.session.to_save if self.session is not None else 0

    def forget(self) -> None:
        """Say nothing any more of what was done or not."""
        self.failure, self.unsure, self.said = None, False, ""
        self.changed.emit()

    def say(self, message: str) -> None:
        """Say why nothing happened."""
        self.failure = Failure(message)
        self.changed.emit()

    def started(self) -> EditSession:
        """Return the session of what is edited, begun now where there is none yet.

        Raises
        ------
        OutputError
            If there is nothing to edit, or another window corrects the same result.
        CellvinoError
            If what others did would be lost.
        """
        annotation = self.annotation
        if annotation is None:
            raise OutputError(NOTHING_YET)
        if self.session is None:
            author = getpass.getuser()
            self._check()
            try:
                path = journal_path(self._folder())
                session = start_session(path, annotation, author=author, fingerprint=self.fingerprint)
            except JournalBusyError:
                raise
            except OutputError as error:  # editing goes on; what is done is only in memory
                session = EditSession(annotation, author=author)
                self._on_fault(error)
            self._listen(session)
            return session
        return self.session

    def step_base(self, labels: NDArray[np.int32] | None, undone: Edit | None) -> StepBase:
        """Return what a step is prepared from, which takes back ``undone`` first; ``labels`` are as of `StepBase`.

        Without those of a layer the annotation's own will do, as nobody paints in them.

        Raises
        ------
        OutputError
            If there is nothing to edit.
        """
        if self.annotation is None:
            raise OutputError(NOTHING_YET)
        session = self.session or EditSession(self.annotation, author=getpass.getuser())
        seen = self.annotation.labels if labels is None else labels
        return StepBase(self.annotation, self.annotation.version, seen, undone, session.stamp)

    def _listen(self, session: EditSession) -> None:
        if self._before is not None:
            session.history, self._before = self._before, None
        self.session = session
        session.changed.connect(self._on_event)
        session.journal_failed.connect(self._on_fault)

    def _commit(self, edit: Edit) -> Change:
        return self.started().commit(edit)

    def _past(self, what: str) -> EditSession:
        if not (self.undo_name if what == "undo" else self.redo_name):
            raise EditError(f"there is nothing to {what}")
        return self.started()

    def _attempt(self, work: Callable[[Annotation], Change | None]) -> Change | None:
        self.about_to_edit.emit()
        self.failure = None
        try:
            change = work(self._editable())
        except CellvinoError as error:
            self.unsure, self.said = isinstance(error, UnsureError), ""
            self.failure = failure_of(error)
            self.changed.emit()
            return None
        self.unsure = False
        return change

    def _editable(self) -> Annotation:
        if self.annotation is None:
            raise OutputError(NOTHING_YET)
        if self.busy:
            raise OutputError(self.busy)
        return self.annotation

    def _on_event(self, change: Change) -> None:
        self.said = describe_change(change)
        self.edited.emit(change)
        self.changed.emit()

    def _on_fault(self, error: OutputError) -> None:
        self.failure = failure_of(error)
        self.changed.emit()


def describe_change(change: Change) -> str:
    """Return what happened, in words: ``Split #87: now #87 and #164``."""
    before = {EditAction.DO: "", EditAction.UNDO: "Undone: ", EditAction.REDO: "Made again: "}[change.step]
    made = (*change.changed, *change.added)
    several = change.added and change.changed and len(made) <= 6 and not change.rerun
    return before + change.name + (f": now {' and '.join(f'#{id_}' for id_ in made)}" if several else "")
