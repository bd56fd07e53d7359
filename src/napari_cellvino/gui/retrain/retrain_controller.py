"""Learn from saved corrections: which, the training in a process of its own, what came out, use it or go back."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.gui.run.model_catalogue import ModelCatalogue
from napari_cellvino.gui.widgets.failure import Failure, failure_of
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.model_package import ModelPackage, find_package, open_package
from napari_cellvino.model_package.install import go_back, install_package
from napari_cellvino.training.data.datasets import split_set
from napari_cellvino.training.progress_lines import TrainingProgress
from napari_cellvino.workflows.retrain import (
    CorrectedField,
    RetrainChoices,
    RetrainResult,
    find_corrections,
    missing_packages,
    retrain,
)
from napari_cellvino.workflows.workspace import Workspace

if TYPE_CHECKING:
    from napari_cellvino.workflows.model_difference import ModelDifference

WORK_NAME = "retrain"  # folder beside the results
OWN = "-own"  # added to the name of a shipped model


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """A finished training and, for models that outline, where it differs from the model before."""

    done: RetrainResult
    difference: ModelDifference | None


class RetrainController(QObject):
    """What the Retrain panel shows and does; the training runs on a thread and in a process of its own."""

    changed = Signal()
    progressed = Signal()  # a step of the training, or another stage

    def __init__(self, workspace: Workspace, catalogue: ModelCatalogue, worker: SerialWorker) -> None:
        super().__init__()
        self._workspace, self._catalogue, self._worker = workspace, catalogue, worker
        self._training = SerialWorker()  # for hours, beside everything else
        self._task = Task()
        self.missing = missing_packages()
        self.folder = ""
        self.fields: tuple[CorrectedField, ...] = ()
        self.left_out: frozenset[Path] = frozenset()
        self.name = ""
        self.epochs = 20  # times to go over the images
        self.base = ""  # of the training under way or done
        self.running = self.stopped = False
        self.progress: list[TrainingProgress] = []
        self.result: ModelComparison | None = None
        self.used = ""  # label of the model that was installed
        self.went_back = ""  # label of the model that is used again
        self.failure: Failure | None = None
        workspace.package_changed.connect(self._changed)

    def close(self) -> None:
        """Stop a training, whose checkpoints stay, and listen no more."""
        self._workspace.package_changed.disconnect(self._changed)
        self._training.close()

    # -- what to learn from

    def look(self, folder: str) -> None:
        """List the corrections in a folder; those that were looked at to the last cell are chosen."""
        self.folder, self.fields, self.failure = folder, (), None
        self._forget()
        if folder:
            task = Task(done=self._found, failed=self._fail)
            self._worker.start(lambda: tuple(find_corrections(Path(folder).expanduser())), task)
        self.changed.emit()

    def _found(self, fields: tuple[CorrectedField, ...]) -> None:
        self.fields = fields
        self.left_out = frozenset(field.folder for field in fields if not field.complete)
        self.changed.emit()

    def select(self, folder: Path, *, wanted: bool) -> None:
        """Learn from a field or leave it out."""
        self.left_out = self.left_out - {folder} if wanted else self.left_out | {folder}
        self._forget()
        self.changed.emit()

    @property
    def selected(self) -> tuple[CorrectedField, ...]:
        """The fields that are learned from."""
        return tuple(field for field in self.fields if field.folder not in self.left_out)

    @property
    def new_name(self) -> str:
        """What the new model will be called: as the user said, or after the one it goes on from."""
        model = self._workspace.recipe.model
        ships = (shipped_folder("models") / model).is_dir()
        return self.name or (f"{Path(model).name}{OWN}" if ships else Path(model).name)

    @property
    def package(self) -> ModelPackage | None:
        """The model that is gone on from: the one chosen where cells are found."""
        return self._workspace.package

    # -- training

    def start(self) -> None:
        """Train, or go on where it was stopped."""
        self.base, self.progress = self._workspace.recipe.model, []
        self._forget()
        self.failure, self.running, self.stopped = None, True, False
        choices = RetrainChoices(
            tuple(field.folder for field in self.selected),
            Path(self.folder).expanduser() / WORK_NAME,
            self.base,
            self.new_name,
            epochs=self.epochs,
            all_fields=any(not field.complete for field in self.selected),
        )
        self._task = Task(done=self._done, failed=self._fail, stopped=self._stop_ended, progressed=self._on_event)
        self._training.start(lambda: _train(choices), self._task)
        self.changed.emit()

    def stop(self) -> None:
        """Stop after the last checkpoint; `start` goes on from there."""
        self._task.stop()

    def _on_event(self, progress: TrainingProgress) -> None:
        if not (progress.step or progress.message):
            return
        if progress.step and self.progress and self.progress[-1].step >= progress.step:  # done again after a stop
            self.progress = [earlier for earlier in self.progress if earlier.step < progress.step]
        self.progress.append(progress)
        self.progressed.emit()

    def _done(self, result: ModelComparison) -> None:
        self.running, self.result = False, result
        self.changed.emit()

    def _stop_ended(self) -> None:
        self.running, self.stopped = False, True
        self.changed.emit()

    def _fail(self, error: BaseException) -> None:
        self.running, self.failure = False, failure_of(error)
        self.changed.emit()

    # -- what becomes of it

    def use(self) -> None:
        """Install the new model and choose it, unless most labels are doubted; every version before stays."""
        if self.result is not None and not self.result.done.mostly_doubted:
            folder, before = self.result.done.package, self.base
            task = Task(done=self._installed, failed=self._fail)
            self._worker.start(lambda: install_package(open_package(folder), before=before), task)

    def go_back(self) -> None:
        """Use the model again that was used before the new one."""
        name = self.new_name if not self.result else self.result.done.package.name
        task = Task(done=self._back, failed=self._fail)
        self._worker.start(lambda: _go_back(name), task)

    def _installed(self, package: ModelPackage) -> None:
        self.used, self.went_back = package.label, ""
        self._catalogue.refresh(package.spec.name)
        self.changed.emit()

    def _back(self, found: tuple[str, ModelPackage]) -> None:
        chosen, package = found
        self.used, self.went_back = "", package.label
        self._catalogue.refresh(chosen)
        self.changed.emit()

    def _forget(self) -> None:
        self.result, self.used, self.went_back = None, "", ""

    def _changed(self, _: object) -> None:
        self.changed.emit()


def _go_back(name: str) -> tuple[str, ModelPackage]:
    chosen = go_back(name)  # a name, or the folder of a model that is not among the user's own
    return chosen, find_package(chosen)


def _train(choices: RetrainChoices) -> Generator[TrainingProgress, None, ModelComparison]:
    from napari_cellvino.workflows.model_difference import (
        find_difference,  # with the inference engine, which takes a while
    )

    done = yield from retrain(choices)
    before, after = find_package(choices.base), open_package(done.package)
    looking = find_difference(split_set(done.dataset)[1], before, after)
    while True:
        try:
            step = next(looking)
        except StopIteration as end:
            return ModelComparison(done, end.value)
        yield TrainingProgress(message=f"comparing the models: {step.done} of {step.total} fields")
