"""Many files with one recipe: each field done, kept from an earlier run, or failed with its reason; none stops the rest."""

from __future__ import annotations

import time
import traceback
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_cellvino.errors import CellvinoError, ImageReadError
from napari_cellvino.image import Origin, Stack
from napari_cellvino.inference.engine import Engine, EngineFacts, InferenceCancelledError
from napari_cellvino.inference.progress import Progress
from napari_cellvino.io import list_images, open_source
from napari_cellvino.jobs.field import finish_field, predict_field
from napari_cellvino.jobs.results import (
    Row,
    Ticket,
    choose_folder,
    field_row,
    finished_row,
    read_ticket,
    save_field,
    write_counts,
)
from napari_cellvino.package import ModelPackage
from napari_cellvino.recipe import Recipe

COUNTS_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class FieldNews:
    """Progress inside field number ``number`` (from 1)."""

    number: int
    name: str
    progress: Progress


@dataclass(frozen=True, slots=True)
class FieldDone:
    """A field came to its end: ``row`` stands in ``counts.csv``; ``kept`` says that an earlier run had finished it."""

    number: int
    row: Row
    kept: bool = False
    seconds: float = 0.0
    facts: EngineFacts | None = None
    notices: tuple[str, ...] = ()
    traceback: str = ""

    @property
    def failed(self) -> bool:
        """Whether the field has no result."""
        return self.row["status"] == "failed"


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything a run needs beside the images."""

    root: Path
    recipe: Recipe
    package: ModelPackage
    engine: Engine
    overwrite: bool = False


def list_inputs(inputs: Sequence[Path]) -> list[Path]:
    """Return the files to run: files as given, folders as the images in them. A folder without images stays itself."""
    return [file for path in inputs for file in (list_images(path) if path.is_dir() else [path]) or [path]]


def run_batch(files: Sequence[Path], bench: Bench) -> Generator[FieldNews | FieldDone, None, list[FieldDone]]:
    """Yield news and return what became of every field; ``counts.csv`` is written on the way and at the end.

    Raises
    ------
    OutputError
        If ``counts.csv`` cannot be written.
    """
    done: list[FieldDone] = []
    taken: set[Path] = set()
    written = time.monotonic()
    for origin, stack in _fields(files):
        number = len(done) + 1
        outcome = yield from _one_field(number, origin, stack, bench, taken)
        done.append(outcome)
        yield outcome
        if time.monotonic() - written > COUNTS_EVERY_S:
            write_counts(bench.root, [d.row for d in done])
            written = time.monotonic()
    write_counts(bench.root, [d.row for d in done])
    return done


def _fields(files: Sequence[Path]) -> Iterator[tuple[Origin, Stack | CellvinoError]]:
    """Yield every position of every file, or the reason why it cannot be read."""
    for path in files:
        origin = Origin(path=str(path))
        if path.is_dir():
            yield origin, ImageReadError(f"{path} holds no images (TIFF, PNG, JPEG)")
            continue
        try:
            source = open_source(path)
        except CellvinoError as error:
            yield origin, error
            continue
        for position in source.positions:
            try:
                stack = source.read(position)
            except CellvinoError as error:
                yield Origin(path=str(path), position=position.name), error
            else:
                yield stack.origin, stack


def _one_field(
    number: int, origin: Origin, stack: Stack | CellvinoError, bench: Bench, taken: set[Path]
) -> Generator[FieldNews, None, FieldDone]:
    if isinstance(stack, CellvinoError):
        return FieldDone(number, field_row(origin, "", "failed", str(stack)))
    try:
        folder = choose_folder(bench.root, origin, frozenset(taken))
        taken.add(folder)
        return (yield from _run_field(number, stack, bench, folder))
    except InferenceCancelledError:
        raise
    except (CellvinoError, MemoryError) as error:
        reason = str(error) or "not enough memory for this image; close other programs or use a computer with more"
        return FieldDone(number, field_row(origin, "", "failed", reason))
    except Exception as error:  # a bug on one image must not cost the night's run; its traceback goes to run.json
        reason = f"unexpected {type(error).__name__}: {error} (please report it; run.json has the details)"
        return FieldDone(number, field_row(origin, "", "failed", reason), traceback=traceback.format_exc())


def _run_field(number: int, stack: Stack, bench: Bench, folder: Path) -> Generator[FieldNews, None, FieldDone]:
    start = time.perf_counter()
    ticket = Ticket.of(stack.origin, bench.recipe, bench.package)
    if not bench.overwrite and read_ticket(folder) == ticket:
        return FieldDone(number, finished_row(folder), kept=True)
    running = predict_field(stack, bench.recipe, bench.package, bench.engine)
    while True:
        try:
            yield FieldNews(number, stack.origin.name, next(running))
        except StopIteration as finished:
            prediction = finished.value
            break
    save_field(folder, finish_field(prediction, bench.recipe, bench.package), ticket, overwrite=bench.overwrite)
    return FieldDone(
        number,
        finished_row(folder),
        seconds=time.perf_counter() - start,
        facts=prediction.raw.facts,
        notices=prediction.raw.notices,
    )
