"""``cellvino export``: results as files that other programs read."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.formats.export import REVIEWED_ONLY, ExportChoices, ExportSummary, describe, export_fields
from napari_cellvino.formats.registry import check_formats
from napari_cellvino.results.exported_fields import UnreadableField, read_fields, read_groups
from napari_cellvino.results.field_folder import FieldFolder
from napari_cellvino.results.store import ResultStore
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.workflows.path_map import PathMap

TRAINERS = {
    "cellpose": "{python} -m cellpose --train --dir {folder}/train {test}--mask_filter _seg.npy --verbose",
    "stardist": "{python} {folder}/train_stardist.py",
}


def run(options: argparse.Namespace) -> int:
    """Export and print the paths; 1 when a field could not be read."""
    formats = check_formats(_formats(options))
    groups = read_groups(options.groups) if options.groups else {}
    strict = frozenset() if options.all_fields else REVIEWED_ONLY | ({options.trainer} if options.trainer else set())
    unreadable: list[UnreadableField] = []
    store = ResultStore.open(options.results)
    fields = read_fields(store.folders(), groups, unreadable, PathMap.parse(options.map).there)
    unsaved = store.unsaved()
    for folder, steps in unsaved.items():
        print(f"{folder.name}: {format_unsaved(steps)}", file=sys.stderr)
    try:
        done = export_fields(fields, ExportChoices(formats, options.out, options.overwrite, strict))
    finally:  # also where nothing was left to export: then these are why
        for lost in unreadable:
            print(f"{lost.folder.name}: left out: {lost.error}", file=sys.stderr)
        if any(is_gone(lost.folder) for lost in unreadable):
            print("images that lie elsewhere now are found with --map /old/folder=/new/folder", file=sys.stderr)
    command = training_command(options.trainer, done[options.trainer].folder) if options.trainer else ""
    if options.json:
        print(
            json_text(_record(done, unreadable, command) | {"unsaved": {f.name: n for f, n in unsaved.items()}}), end=""
        )
    else:
        print(describe(list(done.values())))
        if command:
            print(f"train there with:\n  {command}")
    return int(bool(unreadable))


def is_gone(folder: Path) -> bool:
    """Return whether the image of a result is no more where it was when it was run."""
    try:
        origin = FieldFolder(folder).result.origin
    except CellvinoError:
        return False
    return origin is not None and not Path(origin.path).exists()


def format_unsaved(steps: int) -> str:
    """Return that corrections are in a journal alone, and what to do."""
    were = "1 correction is" if steps == 1 else f"{steps} corrections are"
    return f"{were} not saved and left out: open the image, save, then do this again"


def _formats(options: argparse.Namespace) -> Sequence[str]:
    named = [name.strip() for text in options.to for name in text.split(",") if name.strip()]
    return [*named, options.trainer] if options.trainer else named


def training_command(trainer: str, folder: Path) -> str:
    """Return the one command that trains in ``cellpose`` or ``stardist`` on an export in ``folder``."""
    test = f"--test_dir {_quoted(folder)}/val " if (folder / "val").is_dir() else ""
    return TRAINERS[trainer].format(python="python", folder=_quoted(folder), test=test)


def _quoted(folder: Path) -> str:
    text = folder.as_posix()
    return f'"{text}"' if " " in text else text


def _record(done: dict[str, ExportSummary], unreadable: list[UnreadableField], command: str) -> dict[str, object]:
    return {
        "formats": {
            name: {"folder": e.folder, "fields": e.fields, "cells": e.cells, "not_reviewed": e.left_out}
            for name, e in done.items()
        },
        "unreadable": [{"folder": lost.folder, "error": str(lost.error)} for lost in unreadable],
        "command": command,
    }
