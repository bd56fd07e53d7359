"""The results of a run in one folder: a folder per field, the tables beside them, the recipe and what ran.

A field's folder appears whole or not at all and knows what made it, so that a run that was killed goes on where it
stopped, and a result made from something else is never overwritten unasked. Nothing is looked at before what a killed
run had set aside is back in place. A field's result is parsed once for as long as a store is held.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from napari_cellvino.annotation import Annotation
from napari_cellvino.annotation.snapshot import Snapshot
from napari_cellvino.core.errors import CellvinoError, ImageReadError, ReplaceError
from napari_cellvino.core.image import Origin, Plane
from napari_cellvino.core.recipe import Recipe, load_recipe
from napari_cellvino.core.spots import Spots
from napari_cellvino.results.counts_table import CountsTable, as_corrected
from napari_cellvino.results.field_folder import FieldFolder, has_all_files
from napari_cellvino.results.field_result import FieldResult
from napari_cellvino.results.field_writing import Content, Finish, as_it_is, write_corrections, write_result
from napari_cellvino.results.index import Entry, FieldIndex
from napari_cellvino.results.rescue import recover_result, recover_results
from napari_cellvino.results.schema import (
    ANNOTATION_NAME,
    COUNTS_NAME,
    OF_THE_RUN,
    RECIPE_NAME,
    RUN_NAME,
    FieldSummary,
    ResultKey,
    Row,
    StoredResult,
)
from napari_cellvino.segmentation.volume import Volume
from napari_cellvino.storage.atomic import atomic_path
from napari_cellvino.storage.file_names import compared_name, safe_name
from napari_cellvino.storage.json_text import json_text

LOOK_HOLDS_S, MOST_LOOKS = 1.0, 32  # fields that are read, measured and written at once are far fewer
LOOKS, SWAP_EVERY_S = 4, 0.02  # at a result that another program may be putting in place just now


class ResultStore:
    """All that is read from and written to one folder of results.

    Parameters
    ----------
    root
        The folder of results, there or not.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._only: str | None = None
        self._is_one_of_many = False
        self._looked_at: dict[str, float] = {}  # when folders were last looked for beside where they are
        self._hidden, self._listed_at = list[str](), -LOOK_HOLDS_S
        self._index = FieldIndex(root)

    @classmethod
    def open(cls, results: Path) -> ResultStore:
        """Return the store of a folder of results, or of the one result that a folder is; killed runs are undone."""
        recover_result(results)
        if not FieldFolder(results).is_result:
            recover_results(results)
            return cls(results)
        store = cls(results.parent)
        store._only = results.name
        return store

    @property
    def is_one_result(self) -> bool:
        """Whether it was opened for one result alone."""
        return self._only is not None

    @property
    def is_one_of_many(self) -> bool:
        """Whether other runs fill the same tables, as those of a watch do."""
        return self._is_one_of_many

    def recover(self) -> None:
        """Undo what killed runs left here; `OutputError` if corrections that were set aside cannot be put back."""
        recover_results(self.root)

    def begin_run(self, *, one_of_many: bool = False) -> None:
        """Undo what killed runs left here, and take in what is known of every result; the errors are of `recover`.

        With ``one_of_many``, other runs fill the same tables: rows of fields that failed in them stay.
        """
        self._is_one_of_many = one_of_many
        self.recover()
        self._index.load()

    # -- fields

    def folders(self) -> list[Path]:
        """Return the folders of all results, by name.

        Raises
        ------
        ImageReadError
            If there is none.
        """
        found = self.find_folders()
        if not found:
            raise ImageReadError(
                f"{self.root} holds no results",
                remedy="choose the folder that results were saved into",
                command="name the folder that 'cellvino run' wrote (--out)",
            )
        return found

    def find_folders(self) -> list[Path]:
        """Return the folders of all results, by name; there may be none."""
        if self._only is None:
            self.recover()
        return self._listed()

    def _listed(self) -> list[Path]:
        if self._only is not None:
            return [self.root / self._only]
        return [folder for folder in self._visible() if os.path.isfile(f"{folder}/{ANNOTATION_NAME}")]

    def _visible(self) -> list[Path]:
        """Return what lies in the folder, by name."""
        if self._only is not None:
            return [self.root / self._only]
        try:
            names = sorted(name for name in os.listdir(self.root) if not name.startswith("."))
        except OSError:
            return []
        return [self.root / name for name in names]

    def summary(self, folder: Path) -> FieldSummary:
        """Return what lists and tables need of a result.

        Raises
        ------
        ImageReadError
            If it cannot be read.
        """
        return self._index.summary(folder)

    def summaries(self) -> Iterator[tuple[Path, FieldSummary]]:
        """Yield the summaries of all results that can be read, by the names of their folders."""
        self.recover()
        return self._summaries()

    def _summaries(self) -> Iterator[tuple[Path, FieldSummary]]:
        self._index.load()
        there: list[str] = []
        for folder in self._visible():
            try:
                summary = self._index.find(folder)
            except ImageReadError:
                continue
            if summary is not None:
                there.append(folder.name)
                yield folder, summary
        self._index.save(None if self._only else there)

    def rows(self) -> list[Row]:
        """Return the rows of ``counts.csv`` of all finished fields, by the names of their folders."""
        self.recover()
        return self._standing()

    def _standing(self) -> list[Row]:
        """Return the rows as they stand, also for those who hold the folder."""
        return [summary.row(folder.name) for folder, summary in self._summaries() if summary.finished]

    def unsaved(self) -> dict[Path, int]:
        """Return how many corrections of each result only its journal has; nothing else shows them."""
        found: dict[Path, int] = {}
        for folder in self.find_folders():
            try:
                unsaved = FieldFolder(folder).unsaved()
            except CellvinoError:  # what reads the result itself tells it
                continue
            if unsaved is not None:
                found[folder] = unsaved.steps
        return found

    def row(self, folder: Path) -> Row:
        """Return the row of a finished field; `ImageReadError` if it cannot be read."""
        return self.summary(folder).row(folder.name)

    def known(self, folder: Path) -> Entry | None:
        """Return what is known of a result, for the store of another process; None where nothing is."""
        return self._index.entry(folder)

    def take(self, folder: Path, entry: Entry) -> None:
        """Take in what the store of another process knows of a result, so that it need not be read here."""
        self._index.take(folder, entry)

    def current_row(self, row: Row) -> Row:
        """Return the row of a field with the counts of what stands there by now, as a person may have corrected it."""
        if not row["folder"]:
            return row
        try:
            return as_corrected(row, self.row(self.root / str(row["folder"])))
        except ImageReadError:
            return row

    def key(self, folder: Path) -> ResultKey | None:
        """Return what the result in a folder was made from, or None where there is no readable result."""
        try:
            return self.summary(folder).key
        except ImageReadError:
            return None

    def choose_folder(self, origin: Origin, taken: Collection[str] = ()) -> Path:
        """Return the folder of a field: its own from before, or ``stem``, ``stem-2``, … whichever is free.

        ``taken`` are names of folders of other fields of this run, as `compared_name` gives them: ``a`` and ``A`` would
        be one folder where the results are copied to Windows.
        """
        stem = safe_name(origin.name)
        path = str(Path(origin.path).resolve()) if Path(origin.path).is_file() else origin.path
        number = 1
        while True:
            folder = self.root / (stem if number == 1 else f"{stem}-{number}")
            if compared_name(folder.name) not in (*taken, *OF_THE_RUN) and self._is_free_for(
                folder, path, origin.position
            ):
                return folder
            number += 1

    def _is_free_for(self, folder: Path, path: str, position: str) -> bool:
        """Return whether nothing stands in a folder but a result of this field."""
        for _ in range(LOOKS):
            self._put_back(folder)
            if not folder.exists():
                return True
            found = self.key(folder)
            if found is not None:
                return (found.path, found.position) == (path, position)
            time.sleep(SWAP_EVERY_S)  # another run may be putting a result in its place
        return False

    def is_finished(self, folder: Path, key: ResultKey) -> bool:
        """Return whether a folder holds the whole result of a key; what a killed run had set aside is put back."""
        return self.finished_summary(folder, key) is not None

    def finished_summary(self, folder: Path, key: ResultKey) -> FieldSummary | None:
        """Return the summary of a field if it `is_finished`, else None."""
        try:
            summary = self._index.find(folder)
            if summary is None:
                self._put_back(folder)
                summary = self.summary(folder)
        except ImageReadError:
            return None
        return summary if summary.key == key and has_all_files(folder, summary) else None

    def _put_back(self, folder: Path) -> None:
        """Put back what a killed run had set aside from where nothing is; a look holds for a moment.

        The folder of results may hold 10,000 others: it is listed once for many fields, and what it lists hidden names
        something that was left.
        """
        if folder.exists():
            return
        now = time.monotonic()
        if now - self._looked_at.get(folder.name, -LOOK_HOLDS_S) < LOOK_HOLDS_S:
            return
        if folder.parent != self.root or self._is_left(folder):
            recover_result(folder)
        if len(self._looked_at) >= MOST_LOOKS:
            self._looked_at = {}
        self._looked_at[folder.name] = now

    def _is_left(self, folder: Path) -> bool:
        """Return whether something hidden in the folder of results may be of one field; a listing holds for a moment.

        A writer that dies within that moment is found by the next run.
        """
        now = time.monotonic()
        if now - self._listed_at >= LOOK_HOLDS_S:
            self._hidden, self._listed_at = _hidden_in(self.root), now
        return any(name.endswith(folder.name) for name in self._hidden)

    def check_replaceable(self, folder: Path, key: ResultKey, *, overwrite: bool) -> None:
        """Raise ReplaceError if another result stands in ``folder`` and ``overwrite`` is off."""
        self._put_back(folder)
        if folder.exists() and not overwrite and not key.is_of_same_choices(self.key(folder)):
            raise ReplaceError(
                f"{folder} holds a result made with other choices, or from an image that changed since",
                remedy="replace it or choose another folder",
                command="overwrite it (--overwrite) or choose another folder",
            )

    def save(
        self, folder: Path, result: FieldResult, key: ResultKey, *, overwrite: bool, finish: Finish = as_it_is
    ) -> None:
        """Write a field's result; what a person corrected in the one before stays as it was.

        ``finish`` is done to the measured result before it is written.

        Raises
        ------
        OutputError
            If another result stands there and ``overwrite`` is off, its corrections do not fit, or the folder cannot be
            written.
        """
        self.check_replaceable(folder, key, overwrite=overwrite)
        clean = folder.parent == self.root and not self._is_left(folder)
        written, content = write_result(folder, result, key, finish, recovered=clean)
        self._enter(folder, written, content)

    def save_corrections(
        self,
        folder: Path,
        snapshot: Snapshot,
        plane: Plane,
        volume: Volume | None,
        *,
        key: ResultKey,
        found: Annotation | None = None,
        spots: Spots | None = None,
        finish: Finish = as_it_is,
    ) -> None:
        """Write a corrected result in place of the one in ``folder``; see `field_writing.write_corrections`."""
        written, content = write_corrections(
            folder, snapshot, plane, volume, key=key, found=found, spots=spots, finish=finish
        )
        self._enter(folder, written, content)

    def _enter(self, folder: Path, result: FieldResult, content: Content) -> None:
        """Take in what was just written without reading it again."""
        known = {name: None if math.isnan(value) else value for name, value in result.counts.items()}  # as it is read
        written = StoredResult.model_validate(content | {"counts": known})
        self._index.enter(folder, FieldSummary.of(written))

    # -- what stands beside the fields

    @cached_property
    def counts(self) -> CountsTable:
        """The table ``counts.csv``; rows of fields that had failed when it was first asked for are of earlier runs."""
        return CountsTable(self.root, self._standing, beside=self._is_one_of_many or self._is_run_open())

    @property
    def counts_path(self) -> Path:
        """The file ``counts.csv``."""
        return self.root / COUNTS_NAME

    def _is_run_open(self) -> bool:
        """Return whether a run began here that did not come to its end: it may go on, or was killed."""
        try:
            info = json.loads((self.root / RUN_NAME).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return False
        return isinstance(info, dict) and info.get("complete") is False

    def write_counts(self, rows: Sequence[Row], *, corrected: bool = False) -> None:
        """Write ``counts.csv``: these rows, ``corrected`` as they stand now, then those of all other finished fields.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        with self.counts.merged(rows, corrected=corrected):
            return

    @property
    def has_recipe(self) -> bool:
        """Whether there is a recipe."""
        return (self.root / RECIPE_NAME).exists()

    def recipe(self) -> Recipe:
        """Return what the results were last made with; `OptionError` if it is not there or cannot be read."""
        return load_recipe(self.root / RECIPE_NAME)

    def write_recipe(self, recipe: Recipe) -> None:
        """Write ``recipe.yaml``; `OutputError` if it cannot be written."""
        write_text(self.root / RECIPE_NAME, recipe.dumps())

    def write_run_info(self, info: dict[str, object]) -> None:
        """Write ``run.json``; `OutputError` if it cannot be written."""
        write_text(self.root / RUN_NAME, json_text(info))


def _hidden_in(folder: Path) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if name[0] == "."]
    except OSError:
        return []


def write_text(path: Path, text: str) -> None:
    """Write a text file as a whole."""
    with atomic_path(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")
