"""Write the result on the thread."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import QObject, Signal

from napari_cellvino.annotation import EditSession
from napari_cellvino.app import Outcome, Workspace
from napari_cellvino.errors import OutputError
from napari_cellvino.gui.failures import Failure, failure_of
from napari_cellvino.gui.worker import Lane, Task
from napari_cellvino.jobs.corrections import journal_path
from napari_cellvino.jobs.results import choose_folder

FOLDER_NAME = "cellvino-results"


class Saver(QObject):
    """Where results go, and what became of saving the one shown."""

    changed = Signal()

    def __init__(self, workspace: Workspace, lane: Lane, corrected: Callable[[], EditSession | None]) -> None:
        super().__init__()
        self._workspace, self._lane, self._corrected = workspace, lane, corrected
        self.folder = ""
        self.saving = False
        self.saved: Path | None = None
        self.stands_there = False  # a result of something else, which saving again with overwrite replaces
        self.failure: Failure | None = None
        self._chosen = False
        workspace.outcome_changed.connect(self._outcome_changed)

    def close(self) -> None:
        """Listen no more."""
        self._workspace.outcome_changed.disconnect(self._outcome_changed)

    def choose(self, folder: str) -> None:
        """Choose the folder; it holds for every image that follows."""
        self.folder, self._chosen = folder, True
        self._forget()

    def target(self) -> Path:
        """Return the folder of the result shown.

        Raises
        ------
        OutputError
            If no folder is chosen, or it cannot be looked into.
        """
        outcome = self._workspace.outcome
        if not self.folder or outcome is None:
            raise OutputError("no folder is chosen for corrections; choose one where results are saved (tab 4)")
        try:
            return choose_folder(Path(self.folder).expanduser(), outcome.prediction.plane.origin)
        except OSError as error:
            raise OutputError(f"corrections cannot be kept in {self.folder}: {error}; choose another folder") from error

    def journal(self) -> Path:
        """Return the file that corrections of the result shown go to until they are saved: beside its folder."""
        return journal_path(self.target())

    def outdate(self, _: object = None) -> None:
        """Hear that the result was edited: what was saved is another one."""
        if self.saved is not None:
            self._forget()

    def save(self, *, overwrite: bool = False) -> None:
        """Write the result shown."""
        folder = Path(self.folder).expanduser()
        self._forget()
        self.saving = True
        self.changed.emit()
        task = Task(done=self._done, failed=lambda error: self._fail(error, overwrite=overwrite))
        corrected = self._corrected()
        self._lane.start(lambda: self._workspace.save(folder, overwrite=overwrite, corrected=corrected), task)

    def _done(self, saved: Path) -> None:
        self.saving, self.saved = False, saved
        self.changed.emit()

    def _fail(self, error: BaseException, *, overwrite: bool) -> None:
        self.saving, self.failure = False, failure_of(error)
        self.stands_there = isinstance(error, OutputError) and not overwrite and Path(self.folder).is_dir()
        self.changed.emit()

    def _outcome_changed(self, outcome: Outcome | None) -> None:
        if outcome is not None and not self._chosen:
            folder = Path(outcome.prediction.plane.origin.path).parent
            beside = folder.is_absolute() and os.access(folder, os.W_OK)
            self.folder = str((folder if beside else Path.home()) / FOLDER_NAME)
        self._forget()

    def _forget(self) -> None:
        self.saved, self.failure, self.stands_there = None, None, False
        self.changed.emit()
