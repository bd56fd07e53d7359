"""How long each device and precision takes on the open image, and what it changes in the count: for the Run panel.

It is the benchmark of the command line; what is measured here is forgotten with the image and the choices it was of.
"""

from __future__ import annotations

from napari_cellvino.core.errors import CellvinoError, OptionError
from napari_cellvino.core.recipe import Precision, Recipe
from napari_cellvino.gui.widgets.one_task import OneTask
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.workflows.benchmark import Timing, Trial, compare_trials, plan_trials
from napari_cellvino.workflows.workspace import Workspace

REPEATS = 3  # of which the median is shown


class DeviceTimesController(OneTask):
    """One measurement at a time; a run, another image or another choice ends it after the trial that it is in."""

    def __init__(self, workspace: Workspace, worker: SerialWorker) -> None:
        super().__init__()
        self._workspace, self._worker = workspace, worker
        self._task = Task()
        self._trials: tuple[Trial, ...] = ()
        self._recipe: Recipe | None = None  # that is measured
        self.timings: tuple[Timing, ...] = ()  # so far
        workspace.stack_changed.connect(self.forget)
        workspace.recipe_changed.connect(self._on_recipe)

    def close(self) -> None:
        """Stop, and let go of the workspace."""
        self._task.stop()
        self._workspace.stack_changed.disconnect(self.forget)
        self._workspace.recipe_changed.disconnect(self._on_recipe)

    def measure(self) -> None:
        """Measure every device and precision that this computer and the model have."""
        workspace = self._workspace
        stack = workspace.stack
        self.forget()
        try:
            if stack is None:
                raise OptionError("no image is open; open one first")
            pipeline = workspace.pipeline()
            self._trials = plan_trials(pipeline.package)
        except CellvinoError as error:
            self._fail(error)
            return
        trials, self._recipe = self._trials, workspace.recipe
        self._task = Task(
            done=lambda _: self._stop(), failed=self._fail, stopped=self._stop, progressed=self._on_progress
        )
        self.working = "waiting for other work to end …"
        self._worker.start(lambda: compare_trials(stack, pipeline, trials, repeats=REPEATS), self._task)
        self.changed.emit()

    def stop(self) -> None:
        """End after the trial that is under way; what was measured stays."""
        self._task.stop()

    def use(self, trial: Trial) -> None:
        """Choose a device and a precision for the next run."""
        self._workspace.choose(device=trial.device, precision=trial.precision)

    def forget(self, _: object = None) -> None:
        """Stop, and put away what was measured."""
        self._task.stop()
        self._task = Task()
        known = bool(self.timings or self.working or self.failure)
        self._recipe, self.timings, self.working, self.failure = None, (), "", None
        if known:
            self.changed.emit()

    def _on_progress(self, news: object) -> None:
        if self._recipe is None:
            return
        if isinstance(news, Timing):
            self.timings = (*self.timings, news)
        number = len(self.timings)
        if number < len(self._trials):
            self.working = f"measuring {number + 1} of {len(self._trials)} …"
        self.changed.emit()

    def _on_recipe(self, recipe: Recipe) -> None:
        if self._recipe is not None and _wherever(recipe) != _wherever(self._recipe):
            self.forget()


def _wherever(recipe: Recipe) -> Recipe:
    """Return a recipe without where it runs."""
    return recipe.model_copy(update={"device": "", "precision": Precision.AUTO})
