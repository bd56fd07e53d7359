"""The work list: the fields of files, folders, films and plates, each with what stands on disk of it.

The folder of results is the ledger: what a run from the command line, a watched folder or another window did appears in
the list as soon as it is looked at again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.core.image import MetadataOverrides, Origin
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.io import is_image_folder
from napari_cellvino.io.plates import PlateSource
from napari_cellvino.results.counts_table import UNREADABLE, read_rows
from napari_cellvino.results.plate_place import field_origin
from napari_cellvino.results.schema import FieldSummary, Row
from napari_cellvino.results.store import ResultStore
from napari_cellvino.results.usual_folder import results_at_home, results_beside
from napari_cellvino.workflows.field_listing import list_fields
from napari_cellvino.workflows.run_folder import list_inputs

EVERY_TIME_POINT = Recipe(frame=0)

FieldId = tuple[str, str, int]
"""By what a field is known again: its file, its position in it, its time point."""


class WorkState(StrEnum):
    """What has become of a field."""

    WAITING = "not run yet"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class WorkField:
    """One field of a work list.

    ``error`` is why it failed. ``folder`` and ``summary`` are those of its result, where there is one.
    """

    origin: Origin
    state: WorkState = WorkState.WAITING
    error: str = ""
    folder: Path | None = None
    summary: FieldSummary | None = None

    @property
    def id(self) -> FieldId:
        """By what it is known again."""
        return field_id(self.origin)

    @property
    def count(self) -> int | None:
        """Number of cells that count; None without a result."""
        found = (self.summary.counts or {}).get("count") if self.summary is not None else None
        return None if found is None else int(found)


@dataclass(frozen=True, slots=True)
class FolderState:
    """What stands in a folder of results: finished fields, and why others failed."""

    done: Mapping[FieldId, tuple[Path, FieldSummary]]
    failed: Mapping[FieldId, str]

    def of(self, field: WorkField) -> WorkField:
        """Return a field as it stands now; one whose file cannot be read stays failed."""
        found = self.done.get(field.id)
        if found is not None:
            return replace(field, state=WorkState.DONE, error="", folder=found[0], summary=found[1])
        why = self.failed.get(field.id) or field.error
        state = WorkState.FAILED if why else WorkState.WAITING
        return replace(field, state=state, error=why, folder=None, summary=None)


def field_id(origin: Origin) -> FieldId:
    """Return by what a field is known again."""
    return os.path.realpath(origin.path), origin.position, origin.frame


def row_id(row: Mapping[str, object]) -> FieldId:
    """Return the same of a row of ``counts.csv``."""
    return os.path.realpath(str(row["file"])), str(row["position"] or ""), int(str(row["frame"] or 0))


def usual_root(inputs: Sequence[Path]) -> Path:
    """Return the folder of results of a list: a folder of results itself, or the one beside the first image."""
    first = inputs[0]
    if _is_plain_folder(first):
        return first if ResultStore(first).find_folders() else results_beside(first / "image")
    return results_beside(first)


def check_input(path: Path, store: ResultStore) -> None:
    """Check that a file or folder that somebody gave can be listed, before a list that is there makes room for it.

    Raises
    ------
    CellvinoError
        If it is one file that cannot be read, or a folder with neither images nor results.
    """
    files = list_inputs([path])
    if len(files) > 1 or (_is_plain_folder(path) and store.find_folders()):
        return
    for _, stack in list_fields(files, EVERY_TIME_POINT):
        if isinstance(stack, CellvinoError):
            raise stack
        return


def read_work_list(
    inputs: Sequence[Path], store: ResultStore, overrides: Mapping[str, MetadataOverrides] | None = None
) -> Iterator[WorkField]:
    """Yield the fields of files and folders as they stand, each position and time point one; files are opened in turn.

    ``overrides`` is what the user said of single images, by their paths: with other axes they may be other fields.
    Where a folder is among the inputs, the fields of its results that lie elsewhere follow; not those of other images
    whose results are at home as well.
    """
    standing = standing_in(store)
    seen: set[FieldId] = set()
    files = [path for path in list_inputs(inputs) if not _is_plain_folder(path)]
    for origin, stack in list_fields(files, EVERY_TIME_POINT, overrides=overrides):
        error = str(stack) if isinstance(stack, CellvinoError) else ""
        found = standing.of(WorkField(origin, WorkState.FAILED if error else WorkState.WAITING, error))
        seen.add(found.id)
        yield found
    if any(map(_is_plain_folder, inputs)) and (store.root != results_at_home() or store.root in inputs):
        for id_, (_, summary) in standing.done.items():
            if id_ not in seen and summary.origin is not None and not summary.origin.well:
                yield standing.of(WorkField(summary.origin))


def plate_fields(source: PlateSource) -> tuple[WorkField, ...]:
    """Return the fields of a plate in its order, none of them looked for on disk."""
    return tuple(WorkField(field_origin(source, field)) for field in source.plate.fields)


def standing_in(store: ResultStore) -> FolderState:
    """Return what stands in a folder of results now."""
    done = {
        field_id(summary.origin): (folder, summary)
        for folder, summary in store.summaries()
        if summary.finished and summary.origin is not None
    }
    return FolderState(done, {row_id(row): str(row.get("error", "")) for row in _failures(store)})


def standing_of_plate(store: ResultStore) -> FolderState:
    """Return the same of a plate, a field of which has one result, whichever time point that is of."""
    standing = standing_in(store)
    done = {at_any_time(id_): found for id_, found in standing.done.items()}
    return FolderState(done, {at_any_time(id_): why for id_, why in standing.failed.items()})


def at_any_time(id_: FieldId) -> FieldId:
    """Return by what a field of a plate is known again."""
    return id_[0], id_[1], 0


def after_run(field: WorkField, row: Row, store: ResultStore) -> WorkField:
    """Return a field with the outcome of a run, whose row of ``counts.csv`` this is."""
    if row["status"] == "failed":
        return replace(field, state=WorkState.FAILED, error=str(row["error"]), folder=None, summary=None)
    folder = store.root / str(row["folder"])
    return replace(field, state=WorkState.DONE, error="", folder=folder, summary=store.summary(folder))


def _failures(store: ResultStore) -> list[dict[str, str]]:
    try:
        rows = read_rows(store.counts_path, ("file", "position", "frame", "status"))
    except UNREADABLE:
        return []
    return [row for row in rows if row["status"] == "failed"]


def _is_plain_folder(path: Path) -> bool:
    return path.is_dir() and not is_image_folder(path)
