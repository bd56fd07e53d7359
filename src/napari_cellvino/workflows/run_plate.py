"""A plate with one recipe: every field is done, kept from an earlier run, or fails with its reason.

The network runs in the caller's thread; measuring, drawing and writing of the fields before go on in threads of their
own meanwhile, since they take as long together as the network does. Results come in the order of the plate, whatever is
finished first, so that tables do not depend on chance.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from napari_cellvino.core.errors import CellvinoError, OutputError
from napari_cellvino.core.image import Origin, Spacing, channel_index
from napari_cellvino.core.plate import FieldOfView
from napari_cellvino.engines.engine import InferenceCancelledError
from napari_cellvino.io.label_tiff import read_labels
from napari_cellvino.io.plates import PlateSource
from napari_cellvino.results.corrections import MODEL
from napari_cellvino.results.counts_table import write_counts
from napari_cellvino.results.field_files import LABELS_NAME
from napari_cellvino.results.field_result import finish_field, notices_of
from napari_cellvino.results.folder import (
    FIRST_COLUMNS,
    ResultKey,
    Row,
    check_replaceable,
    field_row,
    finished_row,
    finished_rows,
    is_finished,
    save_field,
    write_recipe,
)
from napari_cellvino.results.plate_field import (
    PlateChoices,
    folder_name,
    place_columns,
    placed_rows,
    plate_result_key,
    plate_row,
    refresh_place,
)
from napari_cellvino.results.plate_place import PlatePlace
from napari_cellvino.results.plate_tables import write_plate_tables
from napari_cellvino.segmentation.predict import Prediction
from napari_cellvino.storage.atomic import recover
from napari_cellvino.workflows.run_folder import (
    COUNTS_EVERY_S,
    FieldOutcome,
    FieldProgress,
    RunContext,
    predict_with_progress,
    why_failed,
)

WRITERS = 2  # threads that measure and write; more only wait for each other
WAITING = 4  # fields whose pixels are held at once


@dataclass(frozen=True, slots=True)
class _Job:
    """One field on its way: its number from 1, its folder, and its stack's ticket."""

    number: int
    field: FieldOfView
    folder: Path
    result_key: ResultKey
    started: float


def run_plate(
    source: PlateSource, fields: Sequence[FieldOfView], context: RunContext, choices: PlateChoices
) -> Generator[FieldProgress | FieldOutcome, None, list[FieldOutcome]]:
    """Yield news and return what became of every field.

    ``counts.csv`` is written on the way; ``wells.csv`` and the heat maps at the end, and both however it ends.

    Raises
    ------
    OutputError
        If one of them cannot be written.
    """
    earlier = finished_rows(context.root)
    write_recipe(context.root, context.recipe)
    done: list[FieldOutcome] = []
    ended, written = False, time.monotonic()
    try:
        for news in _work(source, fields, context, choices):
            if isinstance(news, FieldOutcome):
                done.append(news)
            yield news
            if isinstance(news, FieldOutcome) and time.monotonic() - written > COUNTS_EVERY_S:
                write_counts(context.root, [d.row for d in done], placed_rows(earlier, source, choices.layout))
                written = time.monotonic()
        ended = True
    finally:  # stopped: a field may have been finished that is not in ``done`` yet, so look at what stands there
        standing = earlier if ended else finished_rows(context.root)
        _write_tables([d.row for d in done], placed_rows(standing, source, choices.layout), source, context, choices)
    return done


def _write_tables(
    rows: Sequence[Row], standing: Sequence[Row], source: PlateSource, context: RunContext, choices: PlateChoices
) -> None:
    rows, standing = ([_as_corrected(context.root, row) for row in some] for some in (rows, standing))
    write_counts(context.root, rows, standing)
    listed = {row["folder"] for row in rows}
    others = [r for r in standing if r["folder"] not in listed and r["file"] == str(source.path)]
    if rows or others:
        write_plate_tables(context.root, [*rows, *others], source.plate, choices.layout)


def _as_corrected(root: Path, row: Row) -> Row:
    """Return the row of a field, with the counts of what a person made of it meanwhile."""
    folder = root / str(row["folder"])
    if not row["folder"] or not (folder / MODEL).is_dir():
        return row
    return row | {name: value for name, value in finished_row(folder).items() if name not in FIRST_COLUMNS[:-1]}


def _work(
    source: PlateSource, fields: Sequence[FieldOfView], context: RunContext, choices: PlateChoices
) -> Iterator[FieldProgress | FieldOutcome]:
    """Yield news of every field in order; writing runs behind."""
    pending: deque[Future[FieldOutcome]] = deque()
    writers = ThreadPoolExecutor(WRITERS, thread_name_prefix="cellvino-write")
    try:
        for number, field in enumerate(fields, 1):
            pending.append((yield from _start(number, field, source, context, choices, writers)))
            while pending and (len(pending) >= WAITING or pending[0].done()):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        writers.shutdown(cancel_futures=True)


def _start(
    number: int,
    field: FieldOfView,
    source: PlateSource,
    context: RunContext,
    choices: PlateChoices,
    writers: ThreadPoolExecutor,
) -> Generator[FieldProgress, None, Future[FieldOutcome]]:
    """Run the network on a field and return its end, which is awaited later."""
    started = time.perf_counter()
    try:
        stack = source.open_field(field)
        result_key = plate_result_key(
            ResultKey.of(stack.origin, context.recipe, context.package, context.outline), source, field, choices.ring_px
        )
        job = _Job(number, field, context.root / folder_name(field), result_key, started)
        recover(job.folder)
        if not context.overwrite and is_finished(job.folder, result_key):
            return writers.submit(_keep, job, source, choices)
        check_replaceable(job.folder, result_key, overwrite=context.overwrite or choices.replace)
        prediction = yield from predict_with_progress(number, field.label, stack, context)
        segmented = channel_index(stack, context.recipe.channel)
        return writers.submit(_finish, job, prediction, segmented, source, context, choices)
    except InferenceCancelledError:
        raise
    except Exception as error:  # one image must not cost the night's run
        return _settled(_failed(number, field, source, choices, error))


def _finish(
    job: _Job,
    prediction: Prediction,
    segmented: int | None,
    source: PlateSource,
    context: RunContext,
    choices: PlateChoices,
) -> FieldOutcome:
    """Measure, draw and write a field."""
    columns = place_columns(job.field, choices.layout)
    try:
        result = finish_field(prediction, context.recipe, context.package, context.outline)
        place = PlatePlace(source, job.field, choices.layout, segmented, choices.ring_px)
        anew = context.overwrite or choices.replace
        save_field(job.folder, result, job.result_key, overwrite=anew, finish=place.finish)
        notices = notices_of(prediction) + _write_back(job, source, choices, result.plane.spacing)
    except Exception as error:  # as above: it ends as a failed field
        return _failed(job.number, job.field, source, choices, error)
    row = plate_row(finished_row(job.folder), columns)
    seconds = time.perf_counter() - job.started
    return FieldOutcome(job.number, row, seconds=seconds, facts=prediction.raw.facts, notices=notices)


def _keep(job: _Job, source: PlateSource, choices: PlateChoices) -> FieldOutcome:
    """Return the result that an earlier run finished, with the layout of this one."""
    columns = place_columns(job.field, choices.layout)
    try:
        refresh_place(job.folder, columns)
        notices = _write_back(job, source, choices, source.plate.spacing)
    except CellvinoError as error:
        return _failed(job.number, job.field, source, choices, error)
    return FieldOutcome(job.number, plate_row(finished_row(job.folder), columns), kept=True, notices=notices)


def _write_back(job: _Job, source: PlateSource, choices: PlateChoices, spacing: Spacing) -> tuple[str, ...]:
    """Write the label image into an OME-Zarr plate, if that was asked for; return what the user should know."""
    path = job.folder / LABELS_NAME
    group = source.zarr_group(job.field)
    if not choices.labels_back or group is None or not path.is_file():
        return ()
    from napari_cellvino.io.ome_zarr_results import write_zarr_labels

    try:
        write_zarr_labels(group, read_labels(path)[0], spacing)
    except OutputError as error:
        return (str(error),)
    return ()


def _failed(
    number: int, field: FieldOfView, source: PlateSource, choices: PlateChoices, error: Exception
) -> FieldOutcome:
    plate = source.plate
    origin = Origin(str(source.path), field.label, plate.name, field.well.name, field.name)
    reason, details = why_failed(error)
    row = plate_row(field_row(origin, "", "failed", reason), place_columns(field, choices.layout))
    return FieldOutcome(number, row, traceback=details)


def _settled(done: FieldOutcome) -> Future[FieldOutcome]:
    future: Future[FieldOutcome] = Future()
    future.set_result(done)
    return future
