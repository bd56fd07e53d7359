"""A run over fields of a plate, with tables of wells in addition to those of fields."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from napari_cellvino.core.dyes import dye_named
from napari_cellvino.core.errors import CellvinoError, OutputError
from napari_cellvino.core.plate import FieldOfView, Plate
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.io.plates import PlateSource
from napari_cellvino.plates.layout import Layout
from napari_cellvino.results.plate_place import PlateChoices, field_origin, folder_name, place_columns, plate_result_key
from napari_cellvino.results.plate_store import PlateStore
from napari_cellvino.results.schema import ResultKey
from napari_cellvino.results.store import ResultStore
from napari_cellvino.segmentation.channel_choice import ChannelChoice, by_name, choose_channel, taught_channel
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.segmentation.predict_field import check_device
from napari_cellvino.segmentation.seen_size import describe_common_size
from napari_cellvino.workflows.common_size import size_of_plate
from napari_cellvino.workflows.effective_choices import describe_frame
from napari_cellvino.workflows.executor import ExecutorMaker, RunEvent, ThreadsExecutor
from napari_cellvino.workflows.field_log import ALL, FieldSelection
from napari_cellvino.workflows.field_task import FieldOutcome, FieldTask, PlateAddress, WellPlace, failed_outcome
from napari_cellvino.workflows.held_choices import check_some_hold, plate_stacks
from napari_cellvino.workflows.run_field import FieldWorker
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
    executor: ExecutorMaker = ThreadsExecutor,
    selection: FieldSelection = ALL,
) -> Generator[RunEvent, None, RunResult]:
    """Yield progress and outcomes of fields of a plate, and return the result of the run.

    Parameters
    ----------
    source, fields
        The opened plate, and those of its fields that are run.
    pipeline
        Models and parameters.
    root
        The folder of results. The plate layout is saved there as ``layout.csv``.
    engines
        Gives the engines.
    choices
        Settings of plates: layout, ring width, what is replaced.
    address
        What is needed to open the plate again, if not only its path.
    executor
        Makes what executes the tasks; by default with threads.
    selection
        Which fields are run, and how often they are tried.

    Raises
    ------
    DeviceError, ImageValueError
        At once, if the device is not available, or no field has the channel, plane or time point of the recipe.
    OutputError
        If tables cannot be written.
    """
    if not selection.only:
        check_some_hold(plate_stacks(source, fields), pipeline.recipe, source.plate.name)
    check_device(pipeline, engines)
    address, sources, store = address or PlateAddress(source.path), OpenSources(), ResultStore(root)
    pipeline, doubts, remarks = _chosen(source, fields[0], pipeline, engines, None if choices.again else store)
    sources.hold(address, source)
    store.begin_run()
    worker = FieldWorker(engines, sources, [step.package for step in pipeline.steps], store)
    plate = PlateStore(store, source)
    if choices.keeps_layout:
        plate.keep_layout(choices.layout)
    tasks = plate_tasks(source, fields, pipeline, root, choices, address, doubts)
    tables = PlateTables(plate, fields, choices.layout)
    notices = (*doubts, *remarks, *describe_frame(pipeline.recipe, source.plate.t, every=False))
    result = yield from run_fields(tasks, executor, tables, worker, store, pipeline, selection, notices, remarks)
    return replace(result, faults=source.plate.faults)


def _chosen(
    source: PlateSource, field: FieldOfView, pipeline: Pipeline, engines: EngineProvider, before: ResultStore | None
) -> tuple[Pipeline, tuple[str, ...], tuple[str, ...]]:
    """Return the pipeline with the channel and the size of cells of a plate, and the doubts and remarks on them.

    The size is that of the results ``before`` where these were made with the same choices.
    """
    choice = _channel(source, field, pipeline)
    pipeline = pipeline.with_choices(channel=choice.channel) if choice.channel else pipeline
    size = size_of_plate(source, pipeline, engines, before)
    if size is None:
        return pipeline, choice.doubts, choice.remarks
    said = describe_common_size(size, pipeline.package.spec, "all fields of the plate")
    pipeline = pipeline.with_choices(diameter_px=size.diameter_px)
    if size.is_doubtful:
        return pipeline, (*choice.doubts, *said), choice.remarks
    return pipeline, choice.doubts, (*choice.remarks, *said)


def _channel(source: PlateSource, field: FieldOfView, pipeline: Pipeline) -> ChannelChoice:
    """Return the channel of a plate where the user names none: by the names of all, of colours by what they show."""
    if pipeline.recipe.channel or pipeline.find is None:
        return ChannelChoice()
    spec = pipeline.package.spec
    if spec.taught is not None:
        return taught_channel(source.plate.channels, spec.taught)
    if spec.input_channels != 1:
        return ChannelChoice()
    try:
        stack = source.open_field(field)
        if stack.rgb:
            return choose_channel(stack, spec)
        hints = stack.hints
    except CellvinoError:  # told when the field is run
        hints = ()
    return by_name(source.plate.channels, hints if len(hints) == len(source.plate.channels) else (), spec)


def plate_tasks(
    source: PlateSource,
    fields: Sequence[FieldOfView],
    pipeline: Pipeline,
    root: Path,
    choices: PlateChoices,
    address: PlateAddress,
    recorded: tuple[str, ...] = (),
) -> Iterator[FieldTask | FieldOutcome]:
    """Yield the task of every field, or its outcome if its files are missing; ``recorded`` holds for all of them."""
    for number, field in enumerate(fields, 1):
        origin = field_origin(source, field)
        place = WellPlace(address, field, place_columns(field, choices.layout), choices.ring_px, choices.labels_back)
        try:
            key = plate_result_key(ResultKey.of(origin, pipeline.recipe), source, field, choices.ring_px)
        except Exception as error:  # one bad image must not end the run
            yield failed_outcome(number, origin, error, place)
            continue
        yield FieldTask(
            number, field.label, origin, pipeline.recipe, root / folder_name(field), key,
            replace=choices.replace, again=choices.again, place=place, recorded=recorded,
        )  # fmt: skip


class PlateTables:
    """``counts.csv``, ``wells.csv``, plate table and heat maps; also the table inside an OME-Zarr plate."""

    def __init__(self, plate: PlateStore, fields: Sequence[FieldOfView], layout: Layout) -> None:
        self._plate, self._fields, self._layout = plate, fields, layout
        self._counts = plate.store.counts  # what failed in earlier runs is known before this one begins

    def update(self, outcomes: Sequence[FieldOutcome]) -> None:
        """Write the rows of this run, and after them those of other fields, with their places."""
        self._plate.write_counts([o.row for o in outcomes], self._layout)

    def finish(self, outcomes: Sequence[FieldOutcome], *, complete: bool) -> tuple[str, ...]:
        """Write every table, with what a person corrected meanwhile, and return what the user should know."""
        self._plate.write_tables([self._plate.store.current_row(o.row) for o in outcomes], self._layout)
        return self._into_plate() if complete else ()

    def _into_plate(self) -> tuple[str, ...]:
        """Write the table of wells into an OME-Zarr plate; return notices for the user."""
        if not self._plate.wells_path.is_file() or self._plate.source.zarr_group(self._fields[0]) is None:
            return ()
        try:
            self._plate.write_into_plate()
        except OutputError as error:  # the table is in the folder of results anyway
            return (f"The table of wells is not in the plate: {error}",)
        return ()


def fit_to_plate(pipeline: Pipeline, plate: Plate) -> Pipeline:
    """Return a pipeline whose channel, plane and time point get their defaults where they do not fit the plate."""
    recipe, fitting = pipeline.recipe, dict[str, object]()
    names = {name.casefold() for name in plate.channels} | {str(n) for n in range(1, len(plate.channels) + 1)}
    if recipe.channel.casefold() not in {*names, "grey", "gray"} and dye_named(recipe.channel) is None:
        fitting["channel"] = ""
    if (recipe.z_choice.plane or 1) > plate.z or (recipe.z_choice.joined and plate.z == 1):
        fitting["z"] = "mip"
    if recipe.frame > plate.t:
        fitting["frame"] = 1
    return pipeline.with_choices(**fitting) if fitting else pipeline
