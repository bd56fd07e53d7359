"""A run over wells of a plate: fields as tasks, and the tables of wells beside those of fields."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from napari_cellvino.core.errors import OutputError
from napari_cellvino.core.image import Origin
from napari_cellvino.core.plate import FieldOfView, Plate
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.io.plates import PlateSource
from napari_cellvino.plates.layout import Layout
from napari_cellvino.results.corrections import MODEL
from napari_cellvino.results.counts_table import write_counts
from napari_cellvino.results.folder import FIRST_COLUMNS, ResultKey, Row, finished_row, finished_rows
from napari_cellvino.results.plate_field import PlateChoices, folder_name, place_columns, placed_rows, plate_result_key
from napari_cellvino.results.plate_results import keep_layout
from napari_cellvino.results.plate_tables import WELLS_NAME, write_into_plate, write_plate_tables
from napari_cellvino.segmentation.channel_choice import ChannelChoice, by_name
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.segmentation.predict_field import check_device
from napari_cellvino.workflows.executor import Executor, News, ThreadsExecutor
from napari_cellvino.workflows.field_task import FieldOutcome, FieldTask, PlateAddress, WellPlace, failed_outcome
from napari_cellvino.workflows.run_field import FieldWorker, why_failed
from napari_cellvino.workflows.run_fields import RunResult, run_fields
from napari_cellvino.workflows.sources import OpenSources


def run_plate(
    source: PlateSource,
    fields: Sequence[FieldOfView],
    pipeline: Pipeline,
    root: Path,
    engines: EngineProvider,
    choices: PlateChoices,
    *,
    address: PlateAddress | None = None,
    executor: Executor | None = None,
) -> Generator[News, None, RunResult]:
    """Yield progress and outcomes of fields of a plate, and return what became of them.

    Parameters
    ----------
    source
        The opened plate.
    fields
        Which of its fields are done.
    pipeline
        What is done.
    root
        The folder of results. What the wells hold is kept there as ``layout.csv``.
    engines
        Makes the engines.
    choices
        What a plate needs beside: layout, ring, what is replaced.
    address
        How the plate is opened again, where it is not by its path alone.
    executor
        How fields are worked on; by default in threads.

    Raises
    ------
    DeviceError
        At once, if the device or the precision is not there.
    OutputError
        If tables cannot be written.
    """
    choice = by_name(source.plate.channels, (), pipeline.package.spec)
    choice = ChannelChoice() if pipeline.recipe.channel or pipeline.package.spec.input_channels != 1 else choice
    pipeline = pipeline.with_choices(channel=choice.channel) if choice.channel else pipeline
    check_device(pipeline, engines)
    address = address or PlateAddress(source.path)
    sources = OpenSources()
    sources.hold(address, source)
    worker = FieldWorker(engines, sources, [step.package for step in pipeline.steps])
    keep_layout(root, choices.layout)
    tasks = plate_tasks(source, fields, pipeline, root, choices, address)
    tables = PlateTables(root, source, fields, choices.layout)
    result = yield from run_fields(tasks, executor or ThreadsExecutor(worker), tables, root, pipeline)
    return replace(result, notices=(*filter(None, (choice.said,)), *result.notices))


def plate_tasks(
    source: PlateSource,
    fields: Sequence[FieldOfView],
    pipeline: Pipeline,
    root: Path,
    choices: PlateChoices,
    address: PlateAddress,
) -> Iterator[FieldTask | FieldOutcome]:
    """Yield the task of every field, or its outcome where its files are not there."""
    plate = source.plate
    for number, field in enumerate(fields, 1):
        origin = Origin(str(source.path), field.label, plate.name, field.well.name, field.name)
        place = WellPlace(address, field, place_columns(field, choices.layout), choices.ring_px, choices.labels_back)
        try:
            key = plate_result_key(ResultKey.of(origin, pipeline.recipe), source, field, choices.ring_px)
        except Exception as error:  # one image must not cost the night's run
            yield failed_outcome(number, origin, *why_failed(error), place)
            continue
        yield FieldTask(
            number, field.label, origin, pipeline.recipe, root / folder_name(field), key,
            replace=choices.replace, again=choices.again, place=place,
        )  # fmt: skip


class PlateTables:
    """``counts.csv``, ``wells.csv``, the table of the plate and heat maps; in an OME-Zarr plate, its own table too."""

    def __init__(self, root: Path, source: PlateSource, fields: Sequence[FieldOfView], layout: Layout) -> None:
        self._root, self._source, self._fields, self._layout = root, source, fields, layout
        self._earlier = finished_rows(root)

    def update(self, outcomes: Sequence[FieldOutcome]) -> None:
        """Write the rows of this run, and after them those of earlier ones, with their places."""
        write_counts(self._root, [o.row for o in outcomes], self._placed(self._earlier))

    def finish(self, outcomes: Sequence[FieldOutcome], *, complete: bool) -> tuple[str, ...]:
        """Write every table, and return what the user should know."""
        standing = self._placed(self._earlier if complete else finished_rows(self._root))
        rows = [self._as_corrected(o.row) for o in outcomes]
        standing = [self._as_corrected(row) for row in standing]
        write_counts(self._root, rows, standing)
        listed = {row["folder"] for row in rows}
        others = [r for r in standing if r["folder"] not in listed and r["file"] == str(self._source.path)]
        if rows or others:
            write_plate_tables(self._root, [*rows, *others], self._source.plate, self._layout)
        return self._into_plate() if complete else ()

    def _placed(self, rows: Sequence[Row]) -> list[Row]:
        return placed_rows(rows, self._source, self._layout)

    def _as_corrected(self, row: Row) -> Row:
        """Return the row of a field, with the counts of what a person made of it meanwhile."""
        folder = self._root / str(row["folder"])
        if not row["folder"] or not (folder / MODEL).is_dir():
            return row
        kept = set(FIRST_COLUMNS) - {"count"}
        return row | {name: value for name, value in finished_row(folder).items() if name not in kept}

    def _into_plate(self) -> tuple[str, ...]:
        """Write the table of wells into a plate that is OME-Zarr; return what the user should know."""
        if not (self._root / WELLS_NAME).is_file() or self._source.zarr_group(self._fields[0]) is None:
            return ()
        try:
            write_into_plate(self._source.path, self._root)
        except OutputError as error:  # the table stands in the folder of results all the same
            return (f"The table of wells is not in the plate: {error}",)
        return ()


def fit_to_plate(pipeline: Pipeline, plate: Plate) -> Pipeline:
    """Return a pipeline with what does not fit the plate (channel, plane, time point) at its default."""
    recipe, fitting = pipeline.recipe, dict[str, object]()
    names = {name.casefold() for name in plate.channels} | {str(n) for n in range(1, len(plate.channels) + 1)}
    if recipe.channel.casefold() not in {*names, "grey", "gray"}:
        fitting["channel"] = ""
    if (recipe.z_choice.plane or 1) > plate.z or (recipe.z_choice.joined and plate.z == 1):
        fitting["z"] = "mip"
    if recipe.frame > plate.t:
        fitting["frame"] = 1
    return pipeline.with_choices(**fitting) if fitting else pipeline
