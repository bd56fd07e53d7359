"""Inputs whose fields are known from an earlier run and all done: they need not be opened to be found so.

A file is taken as it was where size, time, time of its entry (ctime) and number are what they were, and where it had
stood still for `SETTLED_NS` when it was opened: a disk with a coarse clock gives two versions of one moment the same
time. Where the size and the time are the same and something else is not (a file replaced by a copy that keeps times),
or where it was opened within that moment, the pixels are read and compared with the hash in the result. Inputs of
several files, and those that say something of themselves, are opened every time.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from napari_cellvino import __version__
from napari_cellvino.core.errors import CellvinoError, OutputError, ReplaceError
from napari_cellvino.core.image import Origin, Stack
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.results.schema import FieldSummary, ResultKey
from napari_cellvino.results.store import ResultStore
from napari_cellvino.storage.input_ledger import InputLedger, InputRecord
from napari_cellvino.workflows.field_task import FieldOutcome, FieldTask, failed_outcome
from napari_cellvino.workflows.real_paths import RealPaths
from napari_cellvino.workflows.saved_field import load_saved_field

SETTLED_NS = 2_000_000_000  # the coarsest clock of a disk, that of FAT
AT_ONCE = 200  # records that are written together
RECORDS = 2  # the version of what they hold; others are not read


@dataclass(frozen=True, slots=True)
class KnownField:
    """A field that is done: its source, what made its result and where that lies, and what was said of it.

    ``summary`` is that of its result.
    """

    origin: Origin
    recipe: Recipe
    key: ResultKey
    folder: Path
    notices: tuple[str, ...]
    recorded: tuple[str, ...]
    remarks: tuple[str, ...]
    summary: FieldSummary


@dataclass(slots=True)
class _Opened:
    """An input that is being listed: as it was before it was opened, and its fields so far."""

    path: Path
    stamp: str
    settled: bool
    fields: list[list[object]]
    usable: bool = True


class KnownInputs:
    """What earlier runs of a recipe found in their inputs, and what this run finds.

    Parameters
    ----------
    store
        The folder of results.
    recipe
        The recipe of the run, with the hashes of its models.
    files
        The inputs.
    paths
        Resolves them.
    """

    def __init__(self, store: ResultStore, recipe: Recipe, files: Sequence[Path], paths: RealPaths) -> None:
        self._store, self._recipe = store, recipe
        self._choices = hashlib.sha256(f"{__version__} {RECORDS}\n{recipe.dumps()}".encode()).hexdigest()
        self._ledger, self._paths = InputLedger(store.root), paths
        self._recipes: dict[tuple[object, ...], tuple[Recipe, str]] = {}
        self._fresh: list[InputRecord] = []
        self._opened: _Opened | None = None
        try:
            self._records = self._ledger.records(self._choices, [str(path) for path in files])
        except (OutputError, UnicodeEncodeError):  # inputs are opened then
            self._records = {}

    @property
    def some(self) -> bool:
        """Whether an earlier run with these choices noted fields."""
        return bool(self._records)

    def fields(self, path: Path) -> list[KnownField] | None:
        """Return the fields of an input if it is as it was and has their results, else None: it is to be opened."""
        record = self._records.get(str(path))
        if record is None or not record.settled or not record.fields:
            return None
        found = _stat(path)
        if found is None or _stamp(found) != record.stamp:
            return None
        known = [self._field(path, found, *values) for values in json.loads(record.fields)]
        done = [field for field in known if field is not None]
        return done if len(done) == len(known) else None

    def open(self, path: Path) -> None:
        """Note an input that is about to be opened."""
        self.close()
        found = _stat(path)
        if found is not None:
            self._opened = _Opened(path, _stamp(found), _is_settled(found), [])

    def noted(self, task: FieldTask | FieldOutcome, stack: Stack | CellvinoError) -> FieldTask | FieldOutcome:
        """Note a field of the input that is open; return its task, of which a result of other pixels is not kept.

        Such a result is made again, where the task may replace results, or else has failed.
        """
        if isinstance(task, FieldOutcome) or isinstance(stack, CellvinoError):
            self._opened = None  # nothing is known of a field: the input is opened the next time, too
            return task
        if not task.again and self._is_doubtful(task) and self._store.is_finished(task.folder, task.result_key):
            try:
                load_saved_field(task.folder, stack, max(1, task.origin.frame))
            except CellvinoError as error:
                self._opened = None
                return replace(task, again=True) if task.replace else _refused(task, error)
        self._enter(task, stack)
        return task

    def _enter(self, task: FieldTask, stack: Stack) -> None:
        opened, o = self._opened, task.origin
        if opened is None or o.path != str(opened.path):
            return
        if stack.doubts or o.files:  # what is said there may change with other files
            opened.fields, opened.usable = [], False
        elif opened.usable:
            place = [o.position, o.plate, o.well, o.field, o.frame]
            chosen = {"channel": task.recipe.channel, "diameter_px": task.recipe.diameter_px}
            opened.fields.append([place, task.folder.name, chosen, task.notices, task.recorded, task.remarks])

    def close(self) -> None:
        """Note that the input that was opened has no further fields."""
        opened, self._opened = self._opened, None
        if opened is None:
            return
        fields = json.dumps(opened.fields, ensure_ascii=False) if opened.fields else ""
        self._fresh.append(InputRecord(str(opened.path), opened.stamp, opened.settled, fields))
        if len(self._fresh) >= AT_ONCE:
            self.save()

    def save(self) -> None:
        """Write what was found; where that cannot be, inputs are opened the next time."""
        fresh = [record for record in self._fresh if self._records.get(record.path) != record]
        self._fresh = []
        if fresh:
            with suppress(OutputError, UnicodeEncodeError):  # a name that is no text
                self._ledger.enter(self._choices, fresh)

    def _is_doubtful(self, task: FieldTask) -> bool:
        """Return whether a result of the same size and time may yet be of other pixels."""
        record, opened = self._records.get(task.origin.path), self._opened
        return record is not None and opened is not None and not (record.settled and record.stamp == opened.stamp)

    def _field(
        self,
        path: Path,
        found: os.stat_result,
        at: Sequence[object],
        folder: str,
        chosen: Mapping[str, object],
        notices: Sequence[str],
        recorded: Sequence[str],
        remarks: Sequence[str],
    ) -> KnownField | None:
        """Return a field of an input, None where its result is not there any more, or of something else."""
        position, plate, well, field = map(str, at[:4])
        origin = Origin(str(path), position, plate, well, field, int(str(at[4])))
        recipe, fingerprint = self._recipe_at(origin, chosen)
        key = ResultKey(self._paths.of(path), position, found.st_size, found.st_mtime_ns, fingerprint)
        place = self._store.root / folder
        summary = self._store.finished_summary(place, key)
        if summary is None or not summary.finished:
            return None
        said = (tuple(notices), tuple(recorded), tuple(remarks))
        return KnownField(origin, recipe, key, place, *said, summary)

    def _recipe_at(self, origin: Origin, chosen: Mapping[str, object]) -> tuple[Recipe, str]:
        """Return the recipe of a field with what was ``chosen`` for it, and its fingerprint."""
        at = (origin.frame, *chosen.values())
        if at not in self._recipes:
            recipe = at_time(self._recipe, origin).model_copy(update=dict(chosen))
            self._recipes[at] = recipe, recipe.fingerprint()
        return self._recipes[at]


def at_time(recipe: Recipe, origin: Origin) -> Recipe:
    """Return the recipe for one field: if it is for every time point, with the field's time point."""
    return recipe if recipe.frame else recipe.model_copy(update={"frame": origin.frame or 1})


def _refused(task: FieldTask, error: CellvinoError) -> FieldOutcome:
    """Return the outcome of a field whose result is of other pixels, or cannot be compared with them."""
    refused = ReplaceError(
        f"{task.folder} holds a result made from an image that changed since",
        remedy="replace it or choose another folder",
        command="overwrite it (--overwrite) or choose another folder",
    )
    refused.__cause__ = error
    return failed_outcome(task.number, task.origin, refused)


def _stat(path: Path) -> os.stat_result | None:
    """Return what the disk says of a file; None of what is none, or has gone."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _stamp(found: os.stat_result) -> str:
    return f"{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}:{found.st_ino}"


def _is_settled(found: os.stat_result) -> bool:
    """Return whether a file has not been changed for so long that a change from now on has another time."""
    return abs(time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns)) > SETTLED_NS
