"""First sight: all models look at a crop of the open image in the background; the best is offered, not taken."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Protocol

from qtpy.QtCore import QObject, QTimer, Signal, SignalInstance

from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.core.image import PlaneReader, Stack
from napari_cellvino.core.progress import Progress
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.engines.remote.address import is_address
from napari_cellvino.figures.composite import Picture
from napari_cellvino.figures.model_panels import draw_crop
from napari_cellvino.gui.widgets.failure import Failure, failure_of
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.segmentation.bright_background import describe_bright_background
from napari_cellvino.workflows.first_sight import FirstSight, Suggestion, panels_of
from napari_cellvino.workflows.outcome import Outcome
from napari_cellvino.workflows.suggest_models import suggest_models
from napari_cellvino.workflows.workspace import Workspace

LOOK_PX = 512  # along the shorter side of an image, to tell whether it is bright: the window waits for it
AFTER_MS = 800  # that an image is open: what stands on disk of it is shown by then, and who walks on is not held up

MOST = 4  # models of which pictures are drawn

_Drawn = tuple[FirstSight, tuple[Picture, ...]]
_Kind = tuple[tuple[str, ...], bool, str, tuple[float | None, float | None], bool, bool]


class BackgroundWork(Protocol):
    """Work that models which nobody asked make room for."""

    @property
    def running(self) -> bool:
        """Whether it is under way."""
        ...

    @property
    def changed(self) -> SignalInstance:
        """Tells that it began or came to an end."""
        ...


class FirstSightController(QObject):
    """What the models say of the open image.

    They are asked unbidden where a run finds no cell, or sees a bright image with a model of dark ones, and as soon as
    the first image of a kind is open that nothing is known of: ``unasked`` says whether somebody wants that, ``chosen``
    whether a model is chosen already.
    """

    changed = Signal()

    def __init__(
        self,
        workspace: Workspace,
        worker: SerialWorker,
        *,
        unasked: Callable[[], bool],
        chosen: Callable[[], bool],
    ) -> None:
        super().__init__()
        self._workspace, self._worker, self._task = workspace, worker, Task()
        self._unasked, self._chosen = unasked, chosen
        self._planes: PlaneReader | None = None  # that the models looked at
        self._kinds: set[_Kind] = set()  # of images that models have looked at
        self._gives_way = False
        self._runs: tuple[BackgroundWork, ...] = ()
        self.progress: Progress | None = None
        self.sight: FirstSight | None = None
        self.pictures: tuple[Picture, ...] = ()  # of its first models; none where none finds a cell
        self.failure: Failure | None = None
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._look_unasked)
        workspace.stack_changed.connect(self._on_stack)
        workspace.outcome_changed.connect(self._on_outcome)

    def make_room_for(self, *runs: BackgroundWork) -> None:
        """Stop what nobody asked for as soon as one of these runs begins."""
        self._runs = runs
        for run in runs:
            run.changed.connect(self._on_run)

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
        self._later.stop()
        self._gives_way = False
        self._planes, self.sight, self.failure = stack.planes, None, None
        self.progress = Progress("models", 0, 1)
        self._task = Task(done=self._done, failed=self._fail, stopped=self._stop, progressed=self._on_progress)
        device = workspace.recipe.device
        here = "AUTO" if is_address(device) else device  # no pixel leaves before Run
        self._worker.start(lambda: _look(stack, here, frame), self._task)
        self.changed.emit()

    def cancel(self) -> None:
        """Ask no further, and forget what was said; this kind of image is not looked at unasked again."""
        if self._workspace.stack is not None:
            self._kinds.add(_kind_of(self._workspace.stack))
        self._task.stop()
        self.progress = self.sight = self.failure = None
        self.changed.emit()

    def use(self, suggestion: Suggestion) -> None:
        """Choose a model as it was suggested, with its channel and cell diameter; nothing is run."""
        try:
            self._workspace.choose(package=None, outlining=None, **suggestion.choices)
        except CellvinoError as error:
            self._fail(error)

    def close(self) -> None:
        """Stop looking and listen no more."""
        self._later.stop()
        self._task.stop()
        self._workspace.stack_changed.disconnect(self._on_stack)
        self._workspace.outcome_changed.disconnect(self._on_outcome)

    def _on_stack(self, stack: Stack | None) -> None:
        if stack is None or stack.planes is not self._planes:
            self._task.stop()
            self.progress = self.sight = self.failure = None
            self.changed.emit()
            self._later.start(AFTER_MS)

    def _look_unasked(self) -> None:
        """Ask about the first image of a kind that nothing is known of."""
        workspace = self._workspace
        stack, known = workspace.stack, workspace.outcome is not None or workspace.saved is not None
        if stack is None or known or self._chosen() or not self._unasked() or any(run.running for run in self._runs):
            return
        if _kind_of(stack) not in self._kinds:
            self.look()
            self._gives_way = True

    def _on_run(self) -> None:
        if self.looking and self._gives_way and any(run.running for run in self._runs):
            self._task.stop()

    def _on_outcome(self, outcome: Outcome | None) -> None:
        if outcome is not None and self.sight is None and (outcome.count == 0 or self._is_of_another_kind(outcome)):
            self.look()

    def _is_of_another_kind(self, outcome: Outcome) -> bool:
        """Return whether the image is a bright one, which the model was not made for."""
        package, inputs = self._workspace.package, outcome.prediction.plane.inputs
        every = max(1, min(inputs.shape[-2:]) // LOOK_PX)
        seen = inputs[:, ::every, ::every]
        return package is not None and bool(describe_bright_background(seen, package.spec))

    def _on_progress(self, progress: Progress) -> None:
        if self.looking:
            self.progress = progress
            self.changed.emit()

    def _done(self, drawn: _Drawn) -> None:
        stack = self._workspace.stack
        if stack is not None and stack.planes is self._planes:
            self.sight, self.pictures = drawn
            self._kinds.add(_kind_of(stack))
        self._stop()

    def _fail(self, error: BaseException) -> None:
        self.failure = failure_of(error)
        self._stop()

    def _stop(self) -> None:
        self.progress = None
        self.changed.emit()


def _kind_of(stack: Stack) -> _Kind:
    """Return what images of one experiment have in common, whatever their size."""
    spacing, shape = stack.spacing, stack.shape
    return stack.channels, stack.rgb, stack.dtype.str, (spacing.y, spacing.x), shape.z > 1, shape.t > 1


def _look(stack: Stack, device: str, frame: int) -> Generator[Progress, None, _Drawn]:
    with EngineProvider() as engines:
        sight = yield from suggest_models(stack, engines, device=device, frame=frame)
    found = any(one.count for one in sight.suggestions)
    return sight, tuple(draw_crop(panel) for panel in panels_of(sight)[:MOST]) if found else ()
