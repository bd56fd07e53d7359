"""A run over image files: folders of images, files with several positions, time series frame by frame."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace as changed
from pathlib import Path

from napari_cellvino.core.errors import CellvinoError, ImageReadError
from napari_cellvino.core.image import MetadataOverrides, Origin, Stack, ZChoice
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.io import is_image_folder, list_images, open_source, scan_folder
from napari_cellvino.io.checks import list_names
from napari_cellvino.io.folder_listing import FolderListing
from napari_cellvino.io.plates.suggest_pattern import describe_suggestion
from napari_cellvino.results.field_folder import journal_path
from napari_cellvino.results.schema import (
    ANNOTATION_NAME,
    COUNTS_NAME,
    PLATES_NAME,
    RECIPE_NAME,
    RUN_NAME,
    SUMMARY_NAME,
    TIDY_NAME,
    WELLS_NAME,
    ResultKey,
)
from napari_cellvino.results.store import ResultStore
from napari_cellvino.segmentation.channel_choice import ChannelChoice, choose_channel, with_channel
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.segmentation.predict_field import check_device
from napari_cellvino.storage.file_names import compared_name
from napari_cellvino.storage.ledger_file import LEDGER_NAME
from napari_cellvino.workflows.effective_choices import check_choices, describe_frame
from napari_cellvino.workflows.executor import ExecutorMaker, RunEvent, ThreadsExecutor
from napari_cellvino.workflows.field_log import ALL, FieldSelection
from napari_cellvino.workflows.field_task import FieldOutcome, FieldTask, failed_outcome
from napari_cellvino.workflows.run_field import FieldWorker
from napari_cellvino.workflows.run_fields import FolderTables, RunResult, run_fields
from napari_cellvino.workflows.sources import OpenSources

_OF_RUNS = frozenset(
    {COUNTS_NAME, RECIPE_NAME, RUN_NAME, LEDGER_NAME, WELLS_NAME, TIDY_NAME, PLATES_NAME, SUMMARY_NAME}
)
_JOURNAL = journal_path(Path("a")).suffix


def run_folder(
    files: Sequence[Path],
    pipeline: Pipeline,
    root: Path,
    engines: EngineProvider,
    *,
    overwrite: bool = False,
    replace: bool = False,
    executor: ExecutorMaker = ThreadsExecutor,
    selection: FieldSelection = ALL,
    one_of_many: bool = False,
    named: Sequence[Path] | None = None,
) -> Generator[RunEvent, None, RunResult]:
    """Yield progress and outcomes of every field in the files, and return the result of the run.

    Parameters
    ----------
    files
        Image files, as from `list_inputs`.
    pipeline
        Models and parameters; with time point 0 in the recipe, every time point is a field.
    root
        The folder of results.
    engines
        Gives the engines.
    overwrite
        Whether every field is run again, also replacing results of other settings.
    replace
        Whether results of other settings, or of an image that has changed, are replaced; others are kept.
    executor
        Makes what executes the tasks; by default with threads.
    selection
        Which fields are run, and how often they are tried.
    one_of_many
        Whether further runs fill the same tables, as those of a watch do: what failed in them stays named.
    named
        The inputs as the user named them; label images among the other files fail. By default all files are named.

    Raises
    ------
    DeviceError
        At once, if the device or the precision is not available.
    OutputError
        If tables cannot be written.
    """
    check_device(pipeline, engines)
    store, sources = ResultStore(root), OpenSources()
    store.begin_run(one_of_many=one_of_many)
    fields = ((origin, stack, pipeline.recipe) for origin, stack in list_fields(files, pipeline.recipe, sources))
    tasks = _told_found(folder_tasks(fields, pipeline, store, overwrite=overwrite, replace=replace), named)
    return (yield from _run(tasks, pipeline, store, sources, engines, executor, selection))


def run_listed(
    origins: Sequence[Origin],
    pipeline: Pipeline,
    root: Path,
    engines: EngineProvider,
    *,
    replace: bool = False,
    overrides: Mapping[str, MetadataOverrides] | None = None,
    executor: ExecutorMaker = ThreadsExecutor,
    named: Sequence[Path] | None = None,
) -> Generator[RunEvent, None, RunResult]:
    """Yield progress and outcomes of single fields, known by their origins, and return the result of the run.

    Every time point of a film is a field of its own, and a way along z holds where there are planes: as in
    `run_folder` with time point 0, whose errors it raises.

    Parameters
    ----------
    replace
        Whether results made with other choices are replaced; those made with these are kept.
    overrides
        Metadata that the user gave for images, by their paths.
    named
        As in `run_folder`.
    """
    check_device(pipeline, engines)
    store, sources = ResultStore(root), OpenSources()
    store.begin_run()
    fields = listed_fields(origins, pipeline.recipe, overrides or {}, sources)
    tasks = _told_found(folder_tasks(fields, pipeline, store, replace=replace), named)
    return (yield from _run(tasks, pipeline, store, sources, engines, executor))


def _run(
    tasks: Iterator[FieldTask | FieldOutcome],
    pipeline: Pipeline,
    store: ResultStore,
    sources: OpenSources,
    engines: EngineProvider,
    executor: ExecutorMaker,
    selection: FieldSelection = ALL,
) -> Generator[RunEvent, None, RunResult]:
    worker = FieldWorker(engines, sources, [step.package for step in pipeline.steps], store)
    return (yield from run_fields(tasks, executor, FolderTables(store), worker, store, pipeline, selection))


def folder_tasks(
    fields: Iterable[tuple[Origin, Stack | CellvinoError, Recipe]],
    pipeline: Pipeline,
    store: ResultStore,
    *,
    overwrite: bool = False,
    replace: bool = False,
) -> Iterator[FieldTask | FieldOutcome]:
    """Yield the task of every field, or its outcome if the image cannot be read; files are opened one by one."""
    taken: set[str] = set()
    for number, (origin, stack, recipe) in enumerate(fields, 1):
        if isinstance(stack, CellvinoError):
            yield failed_outcome(number, origin, stack)
            continue
        try:
            folder = store.choose_folder(origin, taken)
        except CellvinoError as error:
            yield failed_outcome(number, origin, error)
            continue
        taken.add(compared_name(folder.name))
        task = _task(number, origin, stack, recipe, pipeline, folder)
        yield task if isinstance(task, FieldOutcome) else changed(task, again=overwrite, replace=replace)


def _told_found(
    tasks: Iterable[FieldTask | FieldOutcome], named: Iterable[Path] | None
) -> Iterator[FieldTask | FieldOutcome]:
    """Yield the tasks; those whose file is none of the inputs by name know that it was found in a folder."""
    names = None if named is None else {os.path.realpath(path) for path in named}
    for task in tasks:
        if names is not None and isinstance(task, FieldTask) and os.path.realpath(task.origin.path) not in names:
            yield changed(task, found=True)
        else:
            yield task


def _task(
    number: int, origin: Origin, stack: Stack, recipe: Recipe, pipeline: Pipeline, folder: Path
) -> FieldTask | FieldOutcome:
    """Return the task of a field, with the channel that its model is made for where nobody named one."""
    try:
        check_choices(recipe, stack.origin.name, z=stack.shape.z, t=stack.shape.t)
        choice = (
            ChannelChoice() if recipe.channel or pipeline.find is None else choose_channel(stack, pipeline.package.spec)
        )
    except CellvinoError as error:
        return failed_outcome(number, origin, error)
    here = with_channel(at_time(recipe, origin), choice)
    frame = describe_frame(recipe, stack.shape.t)
    return FieldTask(
        number, origin.name, origin, here, folder, ResultKey.of(origin, here),
        notices=(*stack.warnings, *frame, *choice.notices), recorded=(*stack.warnings, *choice.doubts),
    )  # fmt: skip


def list_inputs(inputs: Sequence[Path], pattern: str = "") -> list[Path]:
    """Return the files to run, absolute and each once: files as given, folders as the images right in them.

    A folder without images, or one that may not be read, stays itself: its reason is told with those of other inputs.
    With a pattern of names, which groups the files of a folder to images, every folder stays itself.
    """
    found = [file.absolute() for path in inputs for file in ([] if pattern else _images_of(path)) or [path]]
    once: dict[str, Path] = {}
    for file in found:
        once.setdefault(os.path.realpath(file), file)
    return list(once.values())


def _images_of(path: Path) -> list[Path]:
    if not os.path.isdir(path) or is_image_folder(path):
        return [path]
    try:
        return list_images(path)
    except ImageReadError:
        return []


def describe_inputs(inputs: Sequence[Path], pattern: str = "") -> tuple[str, ...]:
    """Return sentences on how input folders are taken, on their files that are not taken for images, and why."""
    said: list[str] = []
    for folder in inputs:
        if not os.path.isdir(folder) or is_image_folder(folder):
            continue
        if pattern:
            said.append(f"{folder.name}: taken as images of several files by the pattern {pattern}")
            continue
        try:
            listing = _without_results(scan_folder(folder))
        except ImageReadError:  # told when its turn comes
            continue
        said.append(f"{folder.name}: taken as a folder of {len(listing.images):,} images (--plate: as a plate)")
        said += [f"{folder.name}: {sentence}" for sentence in listing.describe_skipped()]
        if not _is_set(listing.images):
            said += [f"{folder.name}: {sentence}" for sentence in describe_suggestion([p.name for p in listing.images])]
    return tuple(said)


def _is_set(images: Sequence[Path]) -> bool:
    """Return whether the first of the images is one of a set of files, which know themselves what they are."""
    try:
        return bool(images) and len(open_source(images[0]).parts) > 1
    except CellvinoError:  # told when its turn comes
        return False


def at_time(recipe: Recipe, origin: Origin) -> Recipe:
    """Return the recipe for one field: if it is for every time point, with the field's time point."""
    return recipe if recipe.frame else recipe.model_copy(update={"frame": origin.frame or 1})


def list_fields(
    files: Sequence[Path],
    recipe: Recipe,
    sources: OpenSources | None = None,
    overrides: Mapping[str, MetadataOverrides] | None = None,
) -> Iterator[tuple[Origin, Stack | CellvinoError]]:
    """Yield every position (and time point, if requested) of every file, or the error that prevents reading it.

    ``overrides`` is what the user said of single images, by their paths, beside what the recipe says of all.
    """
    sources, said = sources or OpenSources(), overrides or {}
    alone: set[Path] = set()
    covered: set[Path] = set()  # a multi-file OME-TIFF opens from any of its files: once is enough
    for path in files:
        origin = Origin(path=str(path))
        if path.resolve() in covered:
            continue
        if os.path.isdir(path) and not is_image_folder(path) and not recipe.pattern:
            yield origin, _no_images(path)
            continue
        try:
            here = recipe.with_overrides(said[str(path)]) if str(path) in said else recipe
            source = sources.image(path, here.overrides)
        except CellvinoError as error:
            yield origin, error
            continue
        parts = {part.resolve() for part in source.parts}
        before, covered = parts & alone, covered | parts
        alone.add(path.resolve())
        for position in source.positions:
            try:
                stack = source.read(position)
            except CellvinoError as error:
                yield Origin(path=str(path), position=position.name), error
            else:
                stack = _with_parts_before(stack, before)
                for frame in [recipe.frame] if recipe.frame else range(1, stack.shape.t + 1):
                    yield stack.origin_of(frame), stack


def _with_parts_before(stack: Stack, before: Iterable[Path]) -> Stack:
    """Return a stack with the warning that files which are a part of it do not say so, and were taken by themselves."""
    names = sorted(path.name for path in before)
    if not names:
        return stack
    said = f"{list_names(names)} is a part of this image, does not say so, and was counted by itself before"
    return changed(stack, warnings=(*stack.warnings, said))


def listed_fields(
    origins: Sequence[Origin], recipe: Recipe, overrides: Mapping[str, MetadataOverrides], sources: OpenSources
) -> Iterator[tuple[Origin, Stack | CellvinoError, Recipe]]:
    """Yield each field with its stack, or the error that prevents reading it, and the recipe that fits it."""
    for origin in origins:
        here = recipe.with_overrides(overrides.get(origin.path, MetadataOverrides()))
        try:
            stack = sources.position(origin, here.overrides)
        except CellvinoError as error:
            yield origin, error, here
            continue
        yield origin, stack, here.model_copy(update=_fitting(here, stack))


def _fitting(recipe: Recipe, stack: Stack) -> dict[str, object]:
    """Return time and way along z as they hold in one image of a list of many kinds."""
    flat = stack.shape.z == 1 and recipe.z_choice.plane is None
    return {"frame": 0 if stack.shape.t > 1 else 1} | ({"z": str(ZChoice())} if flat else {})


def _without_results(listing: FolderListing) -> FolderListing:
    """Return what a folder holds without the results of a run into it; the listing itself where there are none."""
    folder = listing.folder
    if not all(os.path.isfile(folder / name) for name in (COUNTS_NAME, RUN_NAME)):
        return listing
    folders = tuple(name for name in listing.folders if not os.path.isfile(folder / name / ANNOTATION_NAME))
    skipped = tuple(
        (path, why) for path, why in listing.skipped if path.name not in _OF_RUNS and _JOURNAL not in path.suffixes
    )
    return changed(listing, folders=folders, skipped=skipped)


def _no_images(folder: Path) -> ImageReadError:
    """Return the error for a folder without usable images."""
    try:
        listing = _without_results(found := scan_folder(folder))
        inside = not listing.folders and any(path.is_dir() for path in folder.iterdir())
    except (ImageReadError, OSError) as error:
        return error if isinstance(error, ImageReadError) else ImageReadError(f"{folder} may not be read: {error}")
    if listing is not found:
        return ImageReadError(f"{folder} holds results of an earlier run and no images; name the folder of the images")
    advice = "; the folders in it are not searched: name them, or the images in them" if inside else ""
    others = "".join(f"; {said}" for said in listing.describe_skipped())
    return ImageReadError(f"{folder} holds no images that are read{advice}{others}")
