"""Write the result on the thread, and once it is saved, what is corrected from then on as well."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from qtpy.QtCore import QObject, QTimer, Signal

from napari_cellvino.annotation.snapshot import Snapshot
from napari_cellvino.core.errors import OutputError, ReplaceError
from napari_cellvino.core.image import Origin
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.gui.widgets.failure import Failure, failure_of
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.results.plate_place import PlatePlace
from napari_cellvino.workflows.save_field import SaveRequest
from napari_cellvino.workflows.workspace import Outcome, Workspace

FOLDER_NAME = "cellvino-results"
IDLE_S = 1.5  # without an edit, until what was corrected is saved
MOST_S = 15.0  # of edits without a pause, until it is saved all the same
REST = 4  # times as long as the last save took, until the next one

Home = tuple[Path, PlatePlace | None]
"""The folder of results that an image belongs to, and its place there."""


class SaveController(QObject):
    """Where results go, and what became of saving the one shown."""

    changed = Signal()

    def __init__(
        self,
        workspace: Workspace,
        worker: SerialWorker,
        snapshot: Callable[[], Snapshot | None],
        home: Callable[[Origin], Home | None],
    ) -> None:
        super().__init__()
        self._workspace, self._worker, self._snapshot, self._home = workspace, worker, snapshot, home
        self.folder = ""
        self.saving = False
        self.saved: Path | None = None
        self.stands_there = False  # a result of something else, which saving again with overwrite replaces
        self.failure: Failure | None = None
        self._chosen = False
        self._current: SaveRequest | None = None  # what is saved or being saved
        self.follows = False  # whether what is corrected is saved without being asked
        self._behind = self._following = False  # whether there are corrections to be saved, and whether some are being
        self._since = self._ready_at = 0.0  # the first correction that is not saved; when the next save may begin
        self._waiting: list[tuple[Callable[[], object], Callable[[], object]]] = []
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._follow)
        workspace.outcome_changed.connect(self._outcome_changed)

    def close(self) -> None:
        """Listen no more; corrections that are not saved stay in the journal."""
        self._timer.stop()
        self._current, self.follows, self.failure = None, False, None
        self._waiting.clear()
        self._workspace.outcome_changed.disconnect(self._outcome_changed)

    def choose(self, folder: str) -> None:
        """Choose the folder; it holds for every image that follows."""
        self._keep_up()
        self.folder, self._chosen = folder, True
        self._forget()

    def target(self) -> Path:
        """Return the folder of the result shown.

        Raises
        ------
        OutputError
            If no folder is chosen, or it cannot be looked into.
        """
        if not self.folder or self._workspace.outcome is None:
            raise OutputError("no folder is chosen for corrections; choose one where results are saved (tab 4)")
        try:
            return self._save_request().folder
        except OSError as error:
            raise OutputError(f"corrections cannot be kept in {self.folder}: {error}; choose another folder") from error

    def _save_request(self) -> SaveRequest:
        root, outcome = Path(self.folder).expanduser(), self._workspace.outcome
        home = self._home(outcome.prediction.plane.origin) if outcome is not None else None
        return self._workspace.save_request(root, home[1] if home is not None else None)

    # -- saving

    def save(self, *, overwrite: bool = False) -> None:
        """Write the result shown, and from then on what is corrected in it."""
        self._forget()
        self.saving, self._current = True, self._save_request()
        self.changed.emit()
        self._write(self._current, overwrite=overwrite)

    def go_on(self) -> None:
        """Keep up what was corrected and saved earlier, and is being corrected again."""
        if self._workspace.outcome is not None and self.folder:
            self._current = self._save_request()
            self.follows = self._current.stands
            self.changed.emit()

    def outdate(self, _: object = None) -> None:
        """Hear that the result was edited."""
        self._behind = True
        if self.follows:
            self._schedule()
        elif self.saved is not None:
            self._forget()

    def settle(self, call: Callable[[], object], otherwise: Callable[[], object]) -> None:
        """Call back when all that was corrected is saved, at once where it is; ``otherwise`` where it cannot be."""
        if self.follows and (self._behind or self._following):
            self._waiting.append((call, otherwise))
            self._follow()
        else:
            call()

    def _write(self, save_request: SaveRequest, *, overwrite: bool) -> None:
        snapshot, self._behind, self._since = self._snapshot(), False, 0.0
        began = time.monotonic()
        task = Task(
            done=lambda saved: self._done(save_request, saved, began),
            failed=lambda error: self._fail(save_request, error),
            lasting=True,
        )
        self._worker.start(lambda: save_request.save(snapshot, overwrite=overwrite), task)

    def _schedule(self) -> None:
        now = time.monotonic()
        self._since = self._since or now
        due = max(min(now + IDLE_S, self._since + MOST_S), self._ready_at)
        self._timer.start(round(1000 * max(due - now, 0)))

    def _follow(self) -> None:
        """Save what was corrected, unless that is under way: its end looks again."""
        self._timer.stop()
        if self.follows and self._current and self._behind and not (self._following or self.saving):
            self._following = True
            self._write(self._current, overwrite=False)

    def _keep_up(self) -> None:
        """Save what was corrected before another result is looked at."""
        if (self.follows or self.saving) and self._current and self._behind:
            self._worker.start(partial(self._current.save, self._snapshot()), Task(failed=self._miss, lasting=True))
        self._behind = False

    def _miss(self, error: BaseException) -> None:
        """Say that an image that was left could not be saved; what was corrected in it is in its journal only."""
        self.failure = failure_of(error)
        self.changed.emit()

    def _done(self, save_request: SaveRequest, saved: Path, began: float) -> None:
        if save_request is not self._current:
            return
        now = time.monotonic()
        self._ready_at = now + REST * (now - began)
        self.saving = self._following = False
        self.saved, self.follows, self.failure = saved, True, None
        if not self._behind:
            self._call_back(settled=True)
        elif self._waiting:
            self._follow()
        else:
            self._schedule()
        self.changed.emit()

    def _fail(self, save_request: SaveRequest, error: BaseException) -> None:
        if save_request is not self._current:
            self._miss(error)
            return
        self.saving = self._following = False
        self._behind, self.follows, self.saved = True, False, None
        self.failure = failure_of(error)
        self.stands_there = isinstance(error, ReplaceError)
        self._call_back(settled=False)
        self.changed.emit()

    def _call_back(self, *, settled: bool) -> None:
        waiting, self._waiting = self._waiting, []
        for call, otherwise in waiting:
            call() if settled else otherwise()

    def _outcome_changed(self, outcome: Outcome | None) -> None:
        if outcome is not None and self._current and outcome.prediction is self._current.prediction:
            return
        self._keep_up()
        if outcome is not None and not self._chosen:
            origin = outcome.prediction.plane.origin
            home = self._home(origin)
            self.folder = str(home[0] if home is not None else _beside(origin))
        self._forget()

    def _forget(self) -> None:
        """Know nothing of what was saved, nor of a save that is under way."""
        self._timer.stop()
        self._current, self.follows, self._since = None, False, 0.0
        self.saving = self._following = False
        self.saved, self.failure, self.stands_there = None, None, False
        self._call_back(settled=False)
        self.changed.emit()


def _beside(origin: Origin) -> Path:
    """Return the usual folder of results: beside the image, or at home where that is no place of the user's."""
    folder = Path(origin.path).parent
    beside = folder.is_absolute() and os.access(folder, os.W_OK) and shipped_folder("sample_data") not in folder.parents
    return (folder if beside and folder != shipped_folder("sample_data") else Path.home()) / FOLDER_NAME
