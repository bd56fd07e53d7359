"""One field from its task to its result on disk: read, segment, measure, write.

`run_field` does all of it. Its two halves can be called separately, so that an executor can run the second one, which
needs no network, while the next field is segmented.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace

from napari_cellvino.core.errors import ImageValueError, OutputError
from napari_cellvino.core.image import Spacing, Stack, channel_index
from napari_cellvino.core.progress import Progress
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.engines.engine import EngineConnectionError, InferenceCancelledError
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.model_package import ModelPackage
from napari_cellvino.results.field_folder import FieldFolder
from napari_cellvino.results.field_result import FieldResult, finish_field
from napari_cellvino.results.field_writing import Finish, as_it_is
from napari_cellvino.results.plate_place import placed, plate_row, refresh_place
from napari_cellvino.results.schema import FieldSummary, Row
from napari_cellvino.results.store import ResultStore
from napari_cellvino.segmentation.mask_test import describe_mask
from napari_cellvino.segmentation.pipeline import Pipeline, make_pipeline
from napari_cellvino.segmentation.predict import Prediction
from napari_cellvino.segmentation.predict_field import notices_of, predict_field, remarks_of
from napari_cellvino.workflows.field_task import FieldOutcome, FieldProgress, FieldTask, WellPlace, failed_outcome
from napari_cellvino.workflows.sources import OpenSources


class FieldWorker:
    """What a process needs to execute tasks: engines, open files, verified models.

    Parameters
    ----------
    engines
        Gives the engines; the caller closes it.
    sources
        Open files and plates.
    packages
        Models already verified.
    store
        The folder of results of the run, where it is looked at elsewhere too: what is known of it is then known once.
    """

    def __init__(
        self,
        engines: EngineProvider,
        sources: OpenSources | None = None,
        packages: Iterable[ModelPackage] = (),
        store: ResultStore | None = None,
    ) -> None:
        self.engines = engines
        self.sources = sources or OpenSources()
        self._packages = {package.sha256: package for package in packages}
        self._store = store

    def store(self, task: FieldTask) -> ResultStore:
        """Return the folder of results that a task's folder lies in."""
        if self._store is None or self._store.root != task.folder.parent:
            self._store = ResultStore(task.folder.parent)
        return self._store

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
class SegmentedField:
    """A segmented field that is not measured or written yet."""

    task: FieldTask
    prediction: Prediction
    pipeline: Pipeline
    segmented: int | None
    started: float

    @property
    def nbytes(self) -> int:
        """Memory of its pixels and labels in bytes."""
        plane, decoded = self.prediction.plane, self.prediction.decoded
        return plane.pixels.nbytes + plane.inputs.nbytes + (0 if decoded.labels is None else decoded.labels.nbytes)


def run_field(task: FieldTask, worker: FieldWorker) -> Generator[FieldProgress, None, FieldOutcome]:
    """Yield progress and return the outcome of the field; its result is on disk then.

    Raises
    ------
    InferenceCancelledError
        If the run was cancelled inside the network.
    EngineConnectionError
        If the server that runs the network went. Any other error is reported in the outcome.
    """
    found = yield from segment_field(task, worker)
    return found if isinstance(found, FieldOutcome) else write_result(found, worker)


def segment_field(
    task: FieldTask, worker: FieldWorker
) -> Generator[FieldProgress, None, SegmentedField | FieldOutcome]:
    """Yield progress and return the segmented field, or the outcome of a field that is not run or failed."""
    started = time.perf_counter()
    kept = kept_outcome(task, worker)
    if kept is not None:
        return kept
    stage = "open"
    try:
        store = worker.store(task)
        store.check_replaceable(task.folder, task.result_key, overwrite=task.replace or task.again)
        pipeline, stack = worker.pipeline(task.recipe), worker.sources.stack(task)
        stage = "segment"
        prediction = yield from _with_field_progress(task, stack, pipeline, worker)
        _refuse_labels(task, prediction)
        return SegmentedField(task, prediction, pipeline, channel_index(stack, task.recipe.channel), started)
    except (InferenceCancelledError, EngineConnectionError):  # no other field would get on
        raise
    except Exception as error:  # one bad image must not end the run
        return _failed(task, error, stage)


def _refuse_labels(task: FieldTask, prediction: Prediction) -> None:
    """Raise `ImageValueError` for a label image that lies among the images of a folder; a file that is named counts."""
    if task.found and describe_mask(prediction.plane.inputs):
        raise ImageValueError(
            f"{task.name} looks like a mask or a label image, and is not counted: to take its cells in, use cellvino "
            "import; to count it all the same, run it alone (cellvino run FILE), or open it in the window"
        )


def write_result(found: SegmentedField, worker: FieldWorker) -> FieldOutcome:
    """Measure a segmented field and write its result; return the outcome."""
    task = found.task
    try:
        warnings = dict.fromkeys((*found.prediction.warnings, *task.recorded))
        prediction = replace(found.prediction, warnings=tuple(warnings))
        result = finish_field(prediction, found.pipeline)
        again, store = task.replace or task.again, worker.store(task)
        key = task.result_key.with_smaller_tile(prediction.raw.smaller_tile)
        store.save(task.folder, result, key, overwrite=again, finish=_plate_finish(found))
        remarks = (*task.remarks, *remarks_of(prediction))
        doubts = (*notices_of(prediction), *_write_back(task, worker, result.plane.spacing))
        row = _row(task, worker)
    except Exception as error:  # as above
        return _failed(task, error, "write")
    seconds = time.perf_counter() - found.started
    engine = prediction.raw.engine_info
    notices = tuple(dict.fromkeys((*task.notices, *doubts, *remarks)))
    return FieldOutcome(task.number, row, seconds=seconds, engine=engine, notices=notices, remarks=remarks)


def _with_field_progress(
    task: FieldTask, stack: Stack, pipeline: Pipeline, worker: FieldWorker
) -> Generator[FieldProgress, None, Prediction]:
    """Yield progress with the field's name and return the prediction; maps are not kept."""
    running: Generator[Progress, None, Prediction] = predict_field(stack, pipeline, worker.engines, keep_maps=False)
    while True:
        try:
            yield FieldProgress(task.number, task.name, next(running))
        except StopIteration as finished:
            prediction: Prediction = finished.value
            return prediction


def kept_outcome(task: FieldTask, worker: FieldWorker) -> FieldOutcome | None:
    """Return the outcome of a field finished by an earlier run, on a plate with the current well contents; else None.

    No pixels are read and no network is run.
    """
    try:
        summary = None if task.again else worker.store(task).finished_summary(task.folder, task.result_key)
        if summary is None:
            return None
        row = summary.row(task.folder.name)
        notices: tuple[str, ...] = ()
        if task.place is not None:
            refresh_place(task.folder, task.place.columns)
            notices = _write_back(task, worker, worker.sources.plate(task.place.plate).plate.spacing)
            row = plate_row(row, task.place.columns)
        kept = told_again(task.number, row, summary, task.notices, task.remarks)
        return replace(kept, notices=(*kept.notices, *notices)) if notices else kept
    except Exception as error:  # one bad image must not end the run
        return _failed(task, error, "open")


def told_again(
    number: int, row: Row, summary: FieldSummary, notices: Sequence[str], remarks: Sequence[str]
) -> FieldOutcome:
    """Return the outcome of a field that is kept, with what is said of it now and what was when it was made."""
    doubts = [n for n in notices if n not in summary.notices and n not in remarks]
    fresh = [remark for remark in remarks if remark not in summary.remarks]
    again = tuple(filter(None, (*fresh, summary.remarks)))
    told = (*filter(None, (*doubts, summary.notices)), *again)
    return FieldOutcome(number, row, kept=True, notices=told, remarks=again)


def _plate_finish(found: SegmentedField) -> Finish:
    place = found.task.place
    if place is None:
        return as_it_is

    def finish_on_plate(result: FieldResult) -> FieldResult:
        return placed(result, place.columns, found.segmented, place.ring_px)

    return finish_on_plate


def _row(task: FieldTask, worker: FieldWorker) -> Row:
    row = worker.store(task).row(task.folder)
    return row if task.place is None else plate_row(row, task.place.columns)


def _write_back(task: FieldTask, worker: FieldWorker, spacing: Spacing) -> tuple[str, ...]:
    """Write the label image into an OME-Zarr plate, if requested; return notices for the user."""
    place, stored = task.place, FieldFolder(task.folder)
    if place is None or not place.labels_back or not stored.result.outlines:
        return ()
    return _labels_into(place, stored, worker, spacing)


def _labels_into(place: WellPlace, stored: FieldFolder, worker: FieldWorker, spacing: Spacing) -> tuple[str, ...]:
    from napari_cellvino.io.ome_zarr_results import write_zarr_labels

    group = worker.sources.plate(place.plate).zarr_group(place.field)
    if group is None:
        return ()
    try:
        write_zarr_labels(group, stored.labels(), spacing)
    except OutputError as error:
        return (str(error),)
    return ()


def _failed(task: FieldTask, error: Exception, stage: str) -> FieldOutcome:
    return failed_outcome(task.number, task.origin, error, task.place, stage=stage)
