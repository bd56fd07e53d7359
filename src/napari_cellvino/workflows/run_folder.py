"""A run over image files: folders of images, files with several positions, time series frame by frame."""

from __future__ import annotations

import os
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace as changed
from pathlib import Path
from types import MappingProxyType

from napari_cellvino.core.errors import CellvinoError, ImageReadError
from napari_cellvino.core.image import MetadataOverrides, Origin, Stack
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.io import is_image_folder, open_source, scan_folder
from napari_cellvino.io.folder_copies import describe_copies
from napari_cellvino.io.folder_listing import FolderListing
from napari_cellvino.io.plates.suggest_pattern import describe_suggestion
from napari_cellvino.results.schema import (
    ResultKey,
)
from napari_cellvino.results.store import ResultStore
from napari_cellvino.segmentation.channel_choice import choose_unless_named, with_channel
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.segmentation.predict_field import check_device
from napari_cellvino.segmentation.seen_size import describe_common_size
from napari_cellvino.storage.file_names import compared_name
from napari_cellvino.workflows.common_size import FilmSizes
from napari_cellvino.workflows.effective_choices import check_choices, describe_frame
from napari_cellvino.workflows.executor import ExecutorMaker, RunEvent, ThreadsExecutor
from napari_cellvino.workflows.field_listing import known_or_listed, list_fields, listed_fields, without_results
from napari_cellvino.workflows.field_log import ALL, FieldSelection
from napari_cellvino.workflows.field_task import FieldOutcome, FieldTask, failed_outcome
from napari_cellvino.workflows.held_choices import check_some_hold
from napari_cellvino.workflows.known_inputs import KnownField, KnownInputs, at_time
from napari_cellvino.workflows.real_paths import RealPaths
from napari_cellvino.workflows.run_field import FieldWorker, told_again
from napari_cellvino.workflows.run_fields import FolderTables, RunResult, run_fields
from napari_cellvino.workflows.sources import OpenSources


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
    ImageValueError
        At once, if there are several images and a channel, plane or time point of the recipe is in none of them.
    OutputError
        If tables cannot be written.
    """
    check_device(pipeline, engines)
    store, sources = ResultStore(root), OpenSources()
    store.begin_run(one_of_many=one_of_many)
    paths = RealPaths()
    known = KnownInputs(store, pipeline.recipe, files, paths)
    if not (one_of_many or selection.only or known.some):
        check_some_hold(_first_frames(files, pipeline.recipe), pipeline.recipe, _name_of(named or files))
    fields = known_or_listed(files, pipeline.recipe, sources, known, paths)
    sizes, kept = FilmSizes(pipeline, engines), not selection.only
    found = folder_tasks(fields, pipeline, store, sizes, overwrite=overwrite, replace=replace, known=known, kept=kept)
    tasks = _told_found(found, named, paths)
    return (yield from _run(tasks, pipeline, store, sources, engines, executor, selection))


def _first_frames(files: Sequence[Path], recipe: Recipe) -> Iterator[Stack | CellvinoError]:
    first = recipe.model_copy(update={"frame": 1})
    return (stack for _, stack in list_fields(files, first))


def _name_of(paths: Sequence[Path]) -> str:
    return paths[0].name if len(paths) == 1 else str(paths[0].parent)


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
    found = folder_tasks(fields, pipeline, store, FilmSizes(pipeline, engines), replace=replace)
    tasks = _told_found(found, named, RealPaths())
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
    fields: Iterable[tuple[Origin, Stack | KnownField | CellvinoError, Recipe]],
    pipeline: Pipeline,
    store: ResultStore,
    sizes: FilmSizes,
    *,
    overwrite: bool = False,
    replace: bool = False,
    known: KnownInputs | None = None,
    kept: bool = False,
) -> Iterator[FieldTask | FieldOutcome]:
    """Yield the task of every field, or its outcome if the image cannot be read; files are opened one by one.

    What is found is noted in ``known``; ``sizes`` are those of cells in films. With ``kept``, a field that is known to
    be done has its outcome already.
    """
    taken: set[str] = set()
    for number, (origin, stack, recipe) in enumerate(fields, 1):
        task: FieldTask | FieldOutcome
        if isinstance(stack, KnownField):
            if kept and not overwrite:
                taken.add(compared_name(stack.folder.name))
                row = stack.summary.row(stack.folder.name)
                yield told_again(number, row, stack.summary, stack.notices, stack.remarks)
                continue
            task = _known_task(number, stack)
        elif isinstance(stack, CellvinoError):
            task = failed_outcome(number, origin, stack)
        else:
            task = _new_task(number, origin, stack, recipe, pipeline, store, sizes, taken)
        if isinstance(task, FieldTask):
            taken.add(compared_name(task.folder.name))
            task = changed(task, again=overwrite, replace=replace) if overwrite or replace else task
        if known is not None and not isinstance(stack, KnownField):
            task = known.noted(task, stack)
        yield task


def _known_task(number: int, field: KnownField) -> FieldTask:
    return FieldTask(
        number, field.origin.name, field.origin, field.recipe, field.folder, field.key,
        notices=field.notices, recorded=field.recorded, remarks=field.remarks,
    )  # fmt: skip


def _new_task(
    number: int,
    origin: Origin,
    stack: Stack,
    recipe: Recipe,
    pipeline: Pipeline,
    store: ResultStore,
    sizes: FilmSizes,
    taken: Collection[str],
) -> FieldTask | FieldOutcome:
    try:
        folder = store.choose_folder(origin, taken)
    except CellvinoError as error:
        return failed_outcome(number, origin, error)
    return _task(number, origin, stack, recipe, pipeline, sizes, folder)


def _told_found(
    tasks: Iterable[FieldTask | FieldOutcome], named: Iterable[Path] | None, paths: RealPaths
) -> Iterator[FieldTask | FieldOutcome]:
    """Yield the tasks; those whose file is none of the inputs by name know that it was found in a folder."""
    names = None if named is None else {paths.of(path) for path in named}
    for task in tasks:
        if names is not None and isinstance(task, FieldTask) and paths.of(task.origin.path) not in names:
            yield changed(task, found=True)
        else:
            yield task


def _task(
    number: int, origin: Origin, stack: Stack, recipe: Recipe, pipeline: Pipeline, sizes: FilmSizes, folder: Path
) -> FieldTask | FieldOutcome:
    """Return the task of a field, with the channel that its model is made for where nobody named one."""
    try:
        check_choices(recipe, stack.origin.name, z=stack.shape.z, t=stack.shape.t)
        choice = choose_unless_named(stack, recipe, None if pipeline.find is None else pipeline.package.spec)
    except CellvinoError as error:
        return failed_outcome(number, origin, error)
    here, frame = with_channel(at_time(recipe, origin), choice), describe_frame(recipe, stack.shape.t)
    size = None if recipe.frame else sizes.size(stack, here)
    said: tuple[str, ...] = ()
    if size is not None:
        here = here.model_copy(update={"diameter_px": size.diameter_px})
        said = describe_common_size(size, pipeline.package.spec, "all time points")
    doubts, remarks = (said, ()) if size is not None and size.is_doubtful else ((), said)
    return FieldTask(
        number, origin.name, origin, here, folder, ResultKey.of(origin, here),
        notices=(*stack.doubts, *frame, *choice.notices, *said),
        recorded=(*stack.doubts, *choice.doubts, *doubts), remarks=(*choice.remarks, *remarks),
    )  # fmt: skip


def list_inputs(
    inputs: Sequence[Path], pattern: str = "", listings: dict[Path, FolderListing] | None = None
) -> list[Path]:
    """Return the files to run, absolute and each once: files as given, folders as the images right in them.

    What folders hold is put into ``listings``, for `describe_inputs`. A folder without images, or one that may not be
    read, stays itself: its reason is told with those of other inputs.
    With a pattern of names, which groups the files of a folder to images, every folder stays itself.
    """
    held = {} if listings is None else listings
    found = [file for path in inputs for file in ([] if pattern else _images_of(path, held)) or [path.absolute()]]
    once, paths = dict[str, Path](), RealPaths()
    for file in found:
        real = paths.of(file)
        if real in once and os.path.islink(once[real]) and not os.path.islink(file):
            del once[real]  # people look for it by its own name
        once.setdefault(real, file)
    return list(once.values())


def _images_of(path: Path, listings: dict[Path, FolderListing]) -> Sequence[Path]:
    if not os.path.isdir(path) or is_image_folder(path):
        return [path.absolute()]
    try:
        listings[path] = scan_folder(path.absolute())
    except ImageReadError:
        return []
    return listings[path].images


def describe_inputs(
    inputs: Sequence[Path], pattern: str = "", listings: Mapping[Path, FolderListing] = MappingProxyType({})
) -> tuple[str, ...]:
    """Return sentences on how input folders are taken, on their files that are not taken for images, and why.

    ``listings`` are those of folders that were listed already.
    """
    said: list[str] = []
    for folder in inputs:
        if not os.path.isdir(folder) or is_image_folder(folder):
            continue
        if pattern:
            said.append(f"{folder.name}: taken as images of several files by the pattern {pattern}")
            continue
        try:
            listing = without_results(listings.get(folder) or scan_folder(folder))
        except ImageReadError:  # told when its turn comes
            continue
        said.append(f"{folder.name}: taken as a folder of {len(listing.images):,} images (--plate: as a plate)")
        said += [f"{folder.name}: {one}" for one in (*listing.describe_skipped(), *describe_copies(listing.images))]
        if not _is_set(listing.images):
            said += [f"{folder.name}: {sentence}" for sentence in describe_suggestion([p.name for p in listing.images])]
    return tuple(said)


def _is_set(images: Sequence[Path]) -> bool:
    """Return whether the first of the images is one of a set of files, which know themselves what they are."""
    try:
        return bool(images) and len(open_source(images[0]).parts) > 1
    except CellvinoError:  # told when its turn comes
        return False
