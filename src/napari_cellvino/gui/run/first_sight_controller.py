"""Which model suits the open image: all of them look at a crop in the background; the best is offered, not taken."""

from __future__ import annotations

from collections.abc import Generator

from qtpy.QtCore import QObject, Signal

from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.core.image import PlaneReader, Stack
from napari_cellvino.core.progress import Progress
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.engines.remote.address import is_address
from napari_cellvino.gui.widgets.failure import Failure, failure_of
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.workflows.first_sight import FirstSight, Suggestion
from napari_cellvino.workflows.outcome import Outcome
from napari_cellvino.workflows.suggest_models import suggest_models
from napari_cellvino.workflows.workspace import Workspace


class FirstSightController(QObject):
    """What the models say of the open image; where a run finds no cell, they are asked unbidden."""

    changed = Signal()

    def __init__(self, workspace: Workspace, worker: SerialWorker) -> None:
        super().__init__()
        self._workspace, self._worker, self._task = workspace, worker, Task()
        self._planes: PlaneReader | None = None  # that the models looked at
        self.progress: Progress | None = None
        self.sight: FirstSight | None = None
        self.failure: Failure | None = None
        workspace.stack_changed.connect(self._on_stack)
        workspace.outcome_changed.connect(self._on_outcome)

    @property
    def looking(self) -> bool:
        """Whether models are being asked."""
        return self.progress is not None

    def look(self) -> None:
        """Ask the models about the open image."""
        workspace = self._workspace
        if workspace.stack is None or self.looking:
            return
        stack, frame = workspace.stack, workspace.recipe.frame or 1
        self._planes, self.sight, self.failure = stack.planes, None, None
        self.progress = Progress("models", 0, 1)
        self._task = Task(done=self._done, failed=self._fail, stopped=self._stop, progressed=self._on_progress)
        device = workspace.recipe.device
        here = "AUTO" if is_address(device) else device  # no pixel leaves before Run
        self._worker.start(lambda: _look(stack, here, frame), self._task)
        self.changed.emit()

    def use(self, suggestion: Suggestion) -> None:
        """Choose a model as it was suggested, with its channel and cell diameter; nothing is run."""
        try:
            self._workspace.choose(package=None, outlining=None, **suggestion.choices)
        except CellvinoError as error:
            self._fail(error)

    def close(self) -> None:
        """Stop looking and listen no more."""
        self._task.stop()
        self._workspace.stack_changed.disconnect(self._on_stack)
        self._workspace.outcome_changed.disconnect(self._on_outcome)

    def _on_stack(self, stack: Stack | None) -> None:
        if stack is None or stack.planes is not self._planes:
            self._task.stop()
            self.progress = self.sight = self.failure = None
            self.changed.emit()

    def _on_outcome(self, outcome: Outcome | None) -> None:
        if outcome is not None and outcome.count == 0 and self.sight is None:
            self.look()

    def _on_progress(self, progress: Progress) -> None:
        if self.looking:
            self.progress = progress
            self.changed.emit()

    def _done(self, sight: FirstSight) -> None:
        if self._workspace.stack is not None and self._workspace.stack.planes is self._planes:
            self.sight = sight
        self._stop()

    def _fail(self, error: BaseException) -> None:
        self.failure = failure_of(error)
        self._stop()

    def _stop(self) -> None:
        self.progress = None
        self.changed.emit()


def _look(stack: Stack, device: str, frame: int) -> Generator[Progress, None, FirstSight]:
    with EngineProvider() as engines:
        return (yield from suggest_models(stack, engines, device=device, frame=frame))
