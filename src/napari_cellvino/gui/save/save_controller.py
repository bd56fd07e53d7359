"""Save the result shown on the worker thread and, once it is saved, every correction of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from pathlib import Path

from qtpy.QtCore import QObject, QTimer, Signal

from napari_cellvino.annotation.snapshot import Snapshot
from napari_cellvino.core.errors import OutputError, ReplaceError
from napari_cellvino.core.image import Origin, Stack
from napari_cellvino.core.spots import Spots
from napari_cellvino.gui.save.page_refresher import PageRefresher
from napari_cellvino.gui.save.save_work import check_there, follow
from napari_cellvino.gui.widgets.failure import Failure, failure_of
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.results.plate_place import PlatePlace
from napari_cellvino.results.store import ResultStore
from napari_cellvino.results.usual_folder import results_beside
from napari_cellvino.segmentation.predict import Prediction
from napari_cellvino.workflows.outcome import Outcome
from napari_cellvino.workflows.save_field import SaveRequest
from napari_cellvino.workflows.saved_field import SavedField, SavedFieldRequest
from napari_cellvino.workflows.workspace import Workspace

IDLE_S = 1.5  # without a correction, until corrections are saved
MOST_S = 15.0  # of corrections without a pause, until they are saved all the same
REST = 4  # times as long as the last save took, until the next one

Home = tuple[Path, PlatePlace | None]
"""The folder of results that an image belongs to, and its place there."""

SaveWork = Callable[[], object]
"""Saves corrections, in whichever thread calls it."""


class SaveState(Enum):
    """What has become of the result shown."""

    UNSAVED = "not saved"
    SAVING = "being saved"
    SAVED = "saved; corrections are saved too"
    UPDATING = "saved; corrections are being saved"
    OCCUPIED = "another result stands there"
    FAILED = "could not be saved"

    @property
    def busy(self) -> bool:
        """Whether files are being written."""
        return self in (SaveState.SAVING, SaveState.UPDATING)


_FOLLOWED = (SaveState.SAVED, SaveState.UPDATING)


@dataclass(frozen=True, slots=True)
class _PendingWork:
    """Work that waits until all corrections are saved, and what to do where they cannot be."""

    call: Callable[[], object]
    otherwise: Callable[[], object]


class SaveController(QObject):
    """Where results go, and what has become of the result shown.

    UNSAVED ──save──▶ SAVING ──done──▶ SAVED ◀──done── UPDATING
       ▲                 │               └──corrected──────▲
       │                 └──failed──▶ FAILED, OCCUPIED ◀── failed
       └── another result, another folder (from every state)
    """

    changed = Signal()
    moved = Signal()  # to another folder
    wrote = Signal(object)  # folder of the result shown, which was written from here
    left_saved = Signal()  # what was corrected in a field that was left is saved

    def __init__(
        self,
        workspace: Workspace,
        worker: SerialWorker,
        snapshot: Callable[[], Snapshot | None],
        spots: Callable[[], Spots | None],
    ) -> None:
        super().__init__()
        self._workspace, self._worker = workspace, worker
        self.home: Callable[[Origin], Home | None] = lambda _: None  # of an image of a list or a plate
        self.move_home: Callable[[Origin, Path], bool] = lambda _, __: False  # to another folder, if there is one
        self._snapshot, self._spots = snapshot, spots
        self.unsaved: Callable[[], int] = lambda: 0  # number of corrections of the result shown that are not saved
        self.state = SaveState.UNSAVED
        self.failure: Failure | None = None
        self._usual = ""  # the folder of the list, or beside the image
        self._at_home = False  # whether that is the folder of the list: the one that holds
        self.chosen: str | None = None  # the folder that the user chose, which holds for all images
        self._request: SaveRequest | SavedFieldRequest | None = None  # of the result that is saved or being saved
        self._store: ResultStore | None = None  # of the folder chosen last, which knows what stands there
        self._saved_in: Path | None = None
        self._followed: Prediction | None = None  # of the result shown last of which corrections were saved
        self._corrected_at: float | None = None  # when the first correction that is not saved was made
        self._next_at = 0.0  # when the next save may begin
        self._waiting: list[_PendingWork] = []
        self.saving_left = 0  # fields that were left and are being saved
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._update)
        self._pages = PageRefresher(worker)
        workspace.outcome_changed.connect(self._outcome_changed)
        workspace.saved_changed.connect(self._saved_changed)
        workspace.stack_changed.connect(self._stack_changed)

    @property
    def folder(self) -> str:
        """The folder of results; empty where none is known yet."""
        return self._usual if self.chosen is None or self._at_home else self.chosen

    @property
    def saving(self) -> bool:
        """Whether the result shown is being saved for the first time."""
        return self.state is SaveState.SAVING

    @property
    def follows(self) -> bool:
        """Whether saving follows corrections: they are saved without being asked."""
        return self.state in _FOLLOWED

    @property
    def result_shown(self) -> bool:
        """Whether there is a result that could be saved."""
        return self._workspace.shown is not None

    @property
    def result_exists(self) -> bool:
        """Whether another result is there, which saving again with ``overwrite`` replaces."""
        return self.state is SaveState.OCCUPIED

    @property
    def saved(self) -> Path | None:
        """The folder of the result shown, once it is saved."""
        return self._saved_in if self.follows else None

    def close(self) -> None:
        """Listen no more; corrections that are not saved stay in the journal."""
        self._timer.stop()
        self._pages.write()
        self.state, self._request, self.failure = SaveState.UNSAVED, None, None
        self._waiting.clear()
        self._workspace.outcome_changed.disconnect(self._outcome_changed)
        self._workspace.saved_changed.disconnect(self._saved_changed)
        self._workspace.stack_changed.disconnect(self._stack_changed)

    def choose(self, folder: str) -> None:
        """Choose the folder; it holds for every image that follows, and for the whole list that this one is in."""
        self.chosen, stack = folder, self._workspace.stack
        if stack is not None and folder and self.move_home(stack.origin, Path(folder).expanduser()):
            self.follow_home()
        else:
            self._move()

    def follow_home(self) -> None:
        """Go where the list of the open image keeps its results by now."""
        stack, before = self._workspace.stack, self.folder
        if stack is not None:
            self._take_home(stack.origin)
            if self.folder != before:
                self._move()

    def _move(self) -> None:
        self._save_corrections_left()
        self._workspace.show_saved(None)  # it stands in the folder before
        self._reset()
        self.moved.emit()

    def look_in(self, folder: Path) -> None:
        """Take the usual folder of what was opened, before an image of it is shown."""
        if str(folder) != self._usual:
            self._usual = str(folder)
            self.changed.emit()

    def target(self) -> Path:
        """Return the folder of the result shown.

        Raises
        ------
        OutputError
            If no folder is chosen, or it cannot be looked into.
        """
        if not self.folder or self._workspace.shown is None:
            raise OutputError("no folder is chosen for corrections; choose one where results are saved (tab 4)")
        root, beside = Path(self.folder).expanduser(), Path(self._workspace.shown.plane.origin.path).parent
        if self.follows or root.parent == beside:
            check_there(root if self.follows else beside)
        try:
            return self._request_now().folder
        except OSError as error:
            raise OutputError(f"corrections cannot be kept in {self.folder}: {error}; choose another folder") from error

    def _request_now(self) -> SaveRequest | SavedFieldRequest:
        root, shown = Path(self.folder).expanduser(), self._workspace.shown
        home = self.home(shown.plane.origin) if shown is not None else None
        request = self._workspace.save_request(root, home[1] if home is not None else None)
        return replace(request, known=self.store_of(request.root))

    def store_of(self, root: Path) -> ResultStore:
        """Return the store of a folder, which knows what was read or written there by any thread that has it."""
        if self._store is None or self._store.root != root:
            self._store = ResultStore(root)
        return self._store

    def root_of(self, origin: Origin) -> Path:
        """Return the folder that results of an image go to."""
        home = self.home(origin)
        return home[0] if home is not None else Path(self.chosen or results_beside(Path(origin.path))).expanduser()

    # -- saving

    def save(self, *, overwrite: bool = False) -> None:
        """Save the result shown, and from then on what is corrected in it."""
        self._reset()
        self._request = self._request_now()
        self._write(self._request, SaveState.SAVING, overwrite=overwrite)

    def save_left(self, fields: Sequence[SaveWork]) -> None:
        """Save what was corrected in fields that were left; why one cannot be is said."""
        for save in fields:
            self.saving_left += 1
            ended = Task(done=self._end_left, failed=self._fail_left, lasting=True)
            self._worker.start(save, ended)
        self.changed.emit()

    def _end_left(self, saved: object = None) -> None:
        self._pages.mark(saved)
        self.saving_left -= 1
        self.changed.emit()

    def _fail_left(self, error: BaseException) -> None:
        self._report_failure(error)
        self._end_left()

    def go_on(self) -> None:
        """Save what is corrected from now on, and what was before, where the result shown stands on disk already."""
        if self._workspace.shown is not None and self.folder:
            request = self._request_now()
            if request.stands:
                self._request, self._saved_in, self.state = request, request.folder, SaveState.SAVED
                if self.unsaved():
                    self.mark_changed()
            self.changed.emit()

    def look_again(self) -> None:
        """Go on where a run over many fields has saved the result shown."""
        if self.state is SaveState.UNSAVED and self._workspace.outcome is not None and self.folder:
            request = self._request_now()
            if isinstance(request, SaveRequest):
                self._worker.start(lambda: request.is_as_found, Task(done=partial(self._go_on_with, request)))

    def _go_on_with(self, request: SaveRequest, is_as_found: bool) -> None:
        outcome = self._workspace.outcome
        if is_as_found and self.state is SaveState.UNSAVED and outcome and outcome.prediction is request.prediction:
            self.go_on()

    def mark_changed(self, _: object = None) -> None:
        """Take note that the result was corrected."""
        if self._corrected_at is None:
            self._corrected_at = time.monotonic()
        if self.follows:
            self._schedule()

    def when_saved(self, call: Callable[[], object], otherwise: Callable[[], object]) -> None:
        """Call back once all corrections are saved, at once where they are; ``otherwise`` where they cannot be."""
        if self.follows and (self._corrected_at is not None or self.state is SaveState.UPDATING):
            self._waiting.append(_PendingWork(call, otherwise))
            self._update()
        else:
            call()

    def _write(self, request: SaveRequest | SavedFieldRequest, state: SaveState, *, overwrite: bool) -> None:
        self.state = state
        self.changed.emit()
        snapshot, spots, self._corrected_at = self._snapshot(), self._spots(), None
        began = time.monotonic()
        task = Task(
            done=lambda saved: self._done(request, saved, began),
            failed=lambda error: self._fail(request, error),
            lasting=True,
        )
        if state is SaveState.UPDATING:
            self._worker.start(lambda: follow(request, snapshot, spots), task)
        else:
            self._worker.start(lambda: request.save(snapshot, overwrite=overwrite, spots=spots), task)

    def _schedule(self) -> None:
        now = time.monotonic()
        first = now if self._corrected_at is None else self._corrected_at
        due = max(min(now + IDLE_S, first + MOST_S), self._next_at)
        self._timer.start(round(1000 * max(due - now, 0)))

    def _update(self) -> None:
        """Save what was corrected, unless a save is under way: its end looks again."""
        self._timer.stop()
        if self.state is SaveState.SAVED and self._request is not None and self._corrected_at is not None:
            self._write(self._request, SaveState.UPDATING, overwrite=False)

    def _save_corrections_left(self) -> None:
        """Save what was corrected before another result is shown."""
        followed = self.follows or self.state is SaveState.SAVING
        if followed and self._request is not None and self._corrected_at is not None:
            work = partial(follow, self._request, self._snapshot(), self._spots())
            left = Task(done=self._done_left, failed=self._report_failure, lasting=True)
            self._worker.start(work, left)
        self._corrected_at = None

    def _done_left(self, saved: object) -> None:
        self._pages.mark(saved)
        self.left_saved.emit()

    def _report_failure(self, error: BaseException) -> None:
        """Say that an image that was left could not be saved; what was corrected in it is in its journal only."""
        self.failure = failure_of(error)
        self.changed.emit()

    def _done(self, request: SaveRequest | SavedFieldRequest, saved: Path, began: float) -> None:
        self._pages.mark(saved)
        if request is not self._request:
            return
        self.wrote.emit(saved)
        now = time.monotonic()
        self._next_at = now + REST * (now - began)
        self.state, self._saved_in, self.failure = SaveState.SAVED, saved, None
        if self._corrected_at is None:
            self._call_back(succeeded=True)
        elif self._waiting:
            self._update()
        else:
            self._schedule()
        self.changed.emit()

    def _fail(self, request: SaveRequest | SavedFieldRequest, error: BaseException) -> None:
        if request is not self._request:
            self._report_failure(error)
            return
        self.state = SaveState.OCCUPIED if isinstance(error, ReplaceError) else SaveState.FAILED
        self.failure = failure_of(error)
        if self._corrected_at is None:
            self._corrected_at = time.monotonic()
        self._call_back(succeeded=False)
        self.changed.emit()

    def _call_back(self, *, succeeded: bool) -> None:
        waiting, self._waiting = self._waiting, []
        for work in waiting:
            (work.call if succeeded else work.otherwise)()

    def _stack_changed(self, stack: Stack | None) -> None:
        """Look for results in the usual folder of an image as soon as it is open."""
        if stack is not None:
            self._take_home(stack.origin)
            self.changed.emit()

    def _outcome_changed(self, outcome: Outcome | None) -> None:
        before = self._request
        if isinstance(before, SaveRequest):
            if outcome is not None and outcome.prediction is before.prediction:
                return
            self._followed = before.prediction if self.follows else None
        self._save_corrections_left()
        if outcome is not None:
            self._take_home(outcome.prediction.plane.origin)
        self._reset()
        if outcome is not None and (isinstance(before, SavedFieldRequest) or outcome.prediction is self._followed):
            self.go_on()  # the same result again: with sliders to move, or after they were

    def _saved_changed(self, saved: SavedField | None) -> None:
        """Save what is corrected in a result on disk, or was until it was left."""
        if self._workspace.outcome is not None:
            return
        self._save_corrections_left()
        self._reset()
        if saved is not None:
            self.go_on()

    def _take_home(self, origin: Origin) -> None:
        home = self.home(origin)
        self._at_home = home is not None
        self._usual = str(home[0] if home is not None else results_beside(Path(origin.path)))

    def _reset(self) -> None:
        """Forget what was saved, and a save that is under way."""
        self._timer.stop()
        self.state, self._request, self.failure = SaveState.UNSAVED, None, None
        self._call_back(succeeded=False)
        self.changed.emit()
