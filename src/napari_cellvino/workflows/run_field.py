"""One field from its task to its result on disk: read, find, measure, write.

`run_field` does the whole; the two halves stand alone so that an executor may let the second, which needs no network,
run beside the next field.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from pathlib import Path

from napari_cellvino.core.errors import CellvinoError, OutputError
from napari_cellvino.core.image import Spacing, Stack, channel_index
from napari_cellvino.core.progress import Progress, finish
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.engines.engine import InferenceCancelledError
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.io.label_tiff import read_labels
from napari_cellvino.model_package import ModelPackage
from napari_cellvino.results.field_files import LABELS_NAME
from napari_cellvino.results.field_result import FieldResult, finish_field
from napari_cellvino.results.folder import check_replaceable, finished_row, is_finished, save_field
from napari_cellvino.results.plate_field import placed, plate_row, refresh_place
from napari_cellvino.results.saving import Finish, as_it_is
from napari_cellvino.segmentation.pipeline import Pipeline, make_pipeline
from napari_cellvino.segmentation.predict import Prediction
from napari_cellvino.segmentation.predict_field import notices_of, predict_field
from napari_cellvino.storage.atomic import recover
from napari_cellvino.workflows.field_task import FieldOutcome, FieldProgress, FieldTask, WellPlace, failed_outcome
from napari_cellvino.workflows.sources import OpenSources


class FieldWorker:
    """What one process needs to do tasks one after the other: engines, open files, verified models.

    Parameters
    ----------
    engines
        Makes the engines; whoever made it closes it.
    sources
        Files and plates that are open.
    packages
        Models that were verified already.
    """

    def __init__(
        self, engines: EngineProvider, sources: OpenSources | None = None, packages: Iterable[ModelPackage] = ()
    ) -> None:
        self.engines = engines
        self.sources = sources or OpenSources()
        self._packages = {package.sha256: package for package in packages}

    def pipeline(self, recipe: Recipe) -> Pipeline:
        """Return the pipeline of a task's recipe; a model is verified once.

        Raises
        ------
        ModelPackageError, OptionError
            As `make_pipeline`.
        """
        wanted = {recipe.model_sha256, recipe.outline_sha256}
        pipeline = make_pipeline(recipe, [self._packages[sha] for sha in wanted if sha in self._packages])
        self._packages |= {step.package.sha256: step.package for step in pipeline.steps}
        return pipeline


@dataclass(frozen=True, slots=True)
class FoundField:
    """What was found in a field and is not measured or written yet."""

    task: FieldTask
    prediction: Prediction
    pipeline: Pipeline
    segmented: int | None
    started: float

    @property
    def nbytes(self) -> int:
        """Memory that its pixels and labels take."""
        plane, decoded = self.prediction.plane, self.prediction.decoded
        return plane.pixels.nbytes + plane.inputs.nbytes + (0 if decoded.labels is None else decoded.labels.nbytes)


def run_field(task: FieldTask, worker: FieldWorker) -> Generator[FieldProgress, None, FieldOutcome]:
    """Yield progress and return what became of the field; its result stands on disk then.

    Raises
    ------
    InferenceCancelledError
        If the run was cancelled inside the network. Any other error ends the field, and is told in its outcome.
    """
    found = yield from find_cells(task, worker)
    return found if isinstance(found, FieldOutcome) else write_result(found, worker)


def run_field_alone(task: FieldTask) -> FieldOutcome:
    """Return what became of a field that is done with engines of its own, in this process or another one."""
    with EngineProvider() as engines:
        return finish(run_field(task, FieldWorker(engines)))


def find_cells(task: FieldTask, worker: FieldWorker) -> Generator[FieldProgress, None, FoundField | FieldOutcome]:
    """Yield progress and return what the network finds, or the outcome of a field that needs or allows no run."""
    started = time.perf_counter()
    try:
        recover(task.folder)
        if not task.again and is_finished(task.folder, task.result_key):
            return _kept(task, worker)
        check_replaceable(task.folder, task.result_key, overwrite=task.replace or task.again)
        pipeline, stack = worker.pipeline(task.recipe), worker.sources.stack(task)
        prediction = yield from _with_news(task, stack, pipeline, worker)
        return FoundField(task, prediction, pipeline, channel_index(stack, task.recipe.channel), started)
    except InferenceCancelledError:
        raise
    except Exception as error:  # one image must not cost the night's run
        return _failed(task, error)


def write_result(found: FoundField, worker: FieldWorker) -> FieldOutcome:
    """Measure, draw and write what was found; return what became of the field."""
    task = found.task
    try:
        result = finish_field(found.prediction, found.pipeline)
        save_field(task.folder, result, task.result_key, overwrite=task.replace or task.again, finish=_placing(found))
        notices = task.notices + notices_of(found.prediction) + _write_back(task, worker, result.plane.spacing)
        row = _row(task)
    except Exception as error:  # as above
        return _failed(task, error)
    seconds = time.perf_counter() - found.started
    return FieldOutcome(task.number, row, seconds=seconds, engine=found.prediction.raw.engine_info, notices=notices)


def _with_news(
    task: FieldTask, stack: Stack, pipeline: Pipeline, worker: FieldWorker
) -> Generator[FieldProgress, None, Prediction]:
    """Yield progress inside a field; maps are not kept, as nobody decodes them again."""
    running: Generator[Progress, None, Prediction] = predict_field(stack, pipeline, worker.engines, keep_maps=False)
    while True:
        try:
            yield FieldProgress(task.number, task.name, next(running))
        except StopIteration as finished:
            prediction: Prediction = finished.value
            return prediction


def _kept(task: FieldTask, worker: FieldWorker) -> FieldOutcome:
    """Return the result that an earlier run finished; on a plate, with what the wells hold now."""
    notices = task.notices
    if task.place is not None:
        refresh_place(task.folder, task.place.columns)
        notices += _write_back(task, worker, worker.sources.plate(task.place.plate).plate.spacing)
    return FieldOutcome(task.number, _row(task), kept=True, notices=notices)


def _placing(found: FoundField) -> Finish:
    place = found.task.place
    if place is None:
        return as_it_is

    def finish_on_plate(result: FieldResult) -> FieldResult:
        return placed(result, place.columns, found.segmented, place.ring_px)

    return finish_on_plate


def _row(task: FieldTask) -> dict[str, object]:
    row = finished_row(task.folder)
    return row if task.place is None else plate_row(row, task.place.columns)


def _write_back(task: FieldTask, worker: FieldWorker, spacing: Spacing) -> tuple[str, ...]:
    """Write the label image into an OME-Zarr plate, if that was asked for; return what the user should know."""
    place, path = task.place, task.folder / LABELS_NAME
    if place is None or not place.labels_back or not path.is_file():
        return ()
    return _labels_into(place, path, worker, spacing)


def _labels_into(place: WellPlace, path: Path, worker: FieldWorker, spacing: Spacing) -> tuple[str, ...]:
    from napari_cellvino.io.ome_zarr_results import write_zarr_labels

    group = worker.sources.plate(place.plate).zarr_group(place.field)
    if group is None:
        return ()
    try:
        write_zarr_labels(group, read_labels(path)[0], spacing)
    except OutputError as error:
        return (str(error),)
    return ()


def _failed(task: FieldTask, error: Exception) -> FieldOutcome:
    reason, details = why_failed(error)
    return failed_outcome(task.number, task.origin, reason, details, task.place)


def why_failed(error: Exception) -> tuple[str, str]:
    """Return why a field has no result, and the traceback for ``run.json`` where the error was not foreseen."""
    if isinstance(error, (CellvinoError, MemoryError)):
        return str(error) or "not enough memory for this image; close other programs or use a computer with more", ""
    reason = f"unexpected {type(error).__name__}: {error} (please report it; run.json has the details)"
    return reason, "".join(traceback.format_exception(error))
