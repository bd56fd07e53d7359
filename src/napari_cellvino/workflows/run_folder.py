"""Many files with one recipe: each field is done, kept from an earlier run, or fails with its reason."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from napari_cellvino.core.errors import CellvinoError, ImageReadError
from napari_cellvino.core.image import Origin, Stack
from napari_cellvino.core.progress import Progress
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.engines.engine import Engine, EngineInfo, InferenceCancelledError
from napari_cellvino.io import list_images, open_source
from napari_cellvino.model_package import ModelPackage
from napari_cellvino.results.counts_table import write_counts
from napari_cellvino.results.field_result import finish_field, notices_of, predict_field
from napari_cellvino.results.folder import (
    RECIPE_NAME,
    ResultKey,
    Row,
    check_replaceable,
    choose_folder,
    field_row,
    finished_row,
    finished_rows,
    is_finished,
    save_field,
    write_recipe,
)
from napari_cellvino.segmentation.predict import Prediction
from napari_cellvino.segmentation.refine import MaskRefiner

COUNTS_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class FieldProgress:
    """Progress inside field number ``number`` (from 1)."""

    number: int
    name: str
    progress: Progress


@dataclass(frozen=True, slots=True)
class FieldOutcome:
    """A field came to its end: ``row`` stands in ``counts.csv``; ``kept`` says that an earlier run had finished it."""

    number: int
    row: Row
    kept: bool = False
    seconds: float = 0.0
    facts: EngineInfo | None = None
    notices: tuple[str, ...] = ()
    traceback: str = ""

    @property
    def failed(self) -> bool:
        """Whether the field has no result."""
        return self.row["status"] == "failed"


@dataclass(frozen=True, slots=True)
class RunContext:
    """Everything a run needs beside the images."""

    root: Path
    recipe: Recipe
    package: ModelPackage
    engine: Engine
    overwrite: bool = False
    refiner: MaskRefiner | None = None

    @property
    def outline(self) -> ModelPackage | None:
        """The model that outlines what the first one finds, or None."""
        return self.refiner.package if self.refiner else None


def list_inputs(inputs: Sequence[Path]) -> list[Path]:
    """Return the files to run, absolute and each once: files as given, folders as the images right in them.

    A folder without images, or one that may not be read, stays itself: its reason is told with those of other inputs.
    """
    found = [file.absolute() for path in inputs for file in _images_of(path) or [path]]
    once: dict[str, Path] = {}
    for file in found:
        once.setdefault(os.path.realpath(file), file)
    return list(once.values())


def _images_of(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    try:
        return list_images(path)
    except ImageReadError:
        return []


def run_batch(
    files: Sequence[Path], context: RunContext
) -> Generator[FieldProgress | FieldOutcome, None, list[FieldOutcome]]:
    """Yield news and return what became of every field.

    ``counts.csv`` is written on the way and however it ends, ``recipe.yaml`` with the first result.

    Raises
    ------
    OutputError
        If one of them cannot be written.
    """
    done: list[FieldOutcome] = []
    taken: set[Path] = set()
    earlier = finished_rows(context.root)
    written = time.monotonic()
    ended = False
    if not (context.root / RECIPE_NAME).exists():
        write_recipe(context.root, context.recipe)
    try:
        for origin, stack in list_fields(files, context.recipe):
            here = replace(context, recipe=at_time(context.recipe, origin))
            outcome = yield from _one_field(len(done) + 1, origin, stack, here, taken)
            if not outcome.failed and all(d.failed for d in done):  # a run without any result changes nothing
                write_recipe(context.root, context.recipe)
            done.append(outcome)
            yield outcome
            if time.monotonic() - written > COUNTS_EVERY_S:
                write_counts(context.root, [d.row for d in done], earlier)
                written = time.monotonic()
        ended = True
    finally:  # stopped: a field may have been finished that is not in ``done`` yet, so look at what stands there
        write_counts(context.root, [d.row for d in done], earlier if ended else None)
    return done


def at_time(recipe: Recipe, origin: Origin) -> Recipe:
    """Return the recipe for one field: where it asks for every time point, with that of the field."""
    return recipe if recipe.frame else recipe.model_copy(update={"frame": origin.frame or 1})


def list_fields(files: Sequence[Path], recipe: Recipe) -> Iterator[tuple[Origin, Stack | CellvinoError]]:
    """Yield every position of every file, or every time point of each, or the reason why it cannot be read."""
    overrides = recipe.overrides
    covered: set[Path] = set()  # a set of OME-TIFF files opens whole from any of them: once is enough
    for path in files:
        origin = Origin(path=str(path))
        if path.resolve() in covered:
            continue
        if path.is_dir():
            yield origin, _no_images(path)
            continue
        try:
            source = open_source(path, axes=overrides.axes, spacing=overrides.spacing, channels=overrides.channels)
        except CellvinoError as error:
            yield origin, error
            continue
        covered.update(part.resolve() for part in source.parts)
        for position in source.positions:
            try:
                stack = source.read(position)
            except CellvinoError as error:
                yield Origin(path=str(path), position=position.name), error
            else:
                for frame in [recipe.frame] if recipe.frame else range(1, stack.shape.t + 1):
                    yield stack.origin_of(frame), stack


def _no_images(folder: Path) -> ImageReadError:
    """Return why a folder gave nothing to run."""
    try:
        list_images(folder)
    except ImageReadError as error:
        return error
    inside = any(path.is_dir() for path in folder.iterdir())
    advice = "; the folders in it are not searched: name them, or the images in them" if inside else ""
    return ImageReadError(f"{folder} holds no images (TIFF, PNG, JPEG){advice}")


def _one_field(
    number: int, origin: Origin, stack: Stack | CellvinoError, context: RunContext, taken: set[Path]
) -> Generator[FieldProgress, None, FieldOutcome]:
    if isinstance(stack, CellvinoError):
        return FieldOutcome(number, field_row(origin, "", "failed", str(stack)))
    try:
        folder = choose_folder(context.root, origin, frozenset(taken))
        taken.add(folder)
        return (yield from _run_field(number, origin, stack, context, folder))
    except InferenceCancelledError:
        raise
    except Exception as error:  # a bug on one image must not cost the night's run
        reason, details = why_failed(error)
        return FieldOutcome(number, field_row(origin, "", "failed", reason), traceback=details)


def why_failed(error: Exception) -> tuple[str, str]:
    """Return why a field has no result, and the traceback for ``run.json`` where the error was not foreseen."""
    if isinstance(error, (CellvinoError, MemoryError)):
        return str(error) or "not enough memory for this image; close other programs or use a computer with more", ""
    reason = f"unexpected {type(error).__name__}: {error} (please report it; run.json has the details)"
    return reason, "".join(traceback.format_exception(error))


def _run_field(
    number: int, origin: Origin, stack: Stack, context: RunContext, folder: Path
) -> Generator[FieldProgress, None, FieldOutcome]:
    start = time.perf_counter()
    result_key = ResultKey.of(origin, context.recipe, context.package, context.outline)
    if not context.overwrite and is_finished(folder, result_key):
        return FieldOutcome(number, finished_row(folder), kept=True)
    check_replaceable(folder, result_key, overwrite=context.overwrite)
    prediction = yield from predict_with_progress(number, origin.name, stack, context)
    result = finish_field(prediction, context.recipe, context.package, context.outline)
    save_field(folder, result, result_key, overwrite=context.overwrite)
    return FieldOutcome(
        number,
        finished_row(folder),
        seconds=time.perf_counter() - start,
        facts=prediction.raw.facts,
        notices=notices_of(prediction),
    )


def predict_with_progress(
    number: int, name: str, stack: Stack, context: RunContext
) -> Generator[FieldProgress, None, Prediction]:
    """Yield progress inside a field and return what was found; maps are not kept, as nobody decodes them again."""
    running = predict_field(stack, context.recipe, context.package, context.engine, context.refiner, keep_maps=False)
    while True:
        try:
            yield FieldProgress(number, name, next(running))
        except StopIteration as finished:
            prediction: Prediction = finished.value
            return prediction
