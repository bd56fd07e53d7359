"""Fields in, folders of files out: every format at once, each folder there whole or as it was.

A folder that an export made knows its own files (``export.json``): it is replaced when asked, and never where other
files were put into it since.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from napari_cellvino import __version__
from napari_cellvino.core.errors import OptionError, OutputError, ReplaceError
from napari_cellvino.formats.field import ExportField, plane_endings
from napari_cellvino.formats.registry import FORMATS, check_formats
from napari_cellvino.formats.splits import Splits
from napari_cellvino.formats.writer import SplitAssignment, Writer
from napari_cellvino.storage.atomic import atomic_folder, recover
from napari_cellvino.storage.file_names import UniqueNames

RECORD_NAME = "export.json"
REVIEWED_ONLY = frozenset({"training"})


@dataclass
class ExportSummary:
    """What one format got: its folder, how many fields and cells, and the names of fields nobody has reviewed yet."""

    folder: Path
    fields: int = 0
    cells: int = 0
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ExportChoices:
    """``reviewed_only`` are the formats that take only fields in which every cell was accepted, edited or rejected."""

    formats: tuple[str, ...]
    out: Path
    overwrite: bool = False
    reviewed_only: frozenset[str] = REVIEWED_ONLY


def export_fields(fields: Iterable[ExportField], choices: ExportChoices) -> dict[str, ExportSummary]:
    """Write the fields in every format into ``out/<format>`` and return what each got.

    Fields are taken one at a time; rejected cells are left out of all formats. If anything raises, every folder is as
    it was before.

    Raises
    ------
    OptionError
        If a format is not known, or none of the fields is for it.
    OutputError
        If a folder stands already and ``overwrite`` is off, or holds files of someone else, or cannot be written.
    ImageValueError
        If a format needs outlines and a field has boxes only.
    """
    formats = check_formats(choices.formats)
    done = {name: ExportSummary(choices.out / name) for name in formats}
    for name in formats:
        check_replaceable(done[name].folder, overwrite=choices.overwrite)
    with ExitStack() as stack:
        parts = {name: stack.enter_context(atomic_folder(done[name].folder)) for name in formats}
        writers = {name: FORMATS[name](parts[name], _book(done[name].folder)) for name in formats}
        names = UniqueNames()
        for whole in fields:
            shown = replace(whole.without_rejected(), name=names.unique(whole.name, plane_endings(whole.shape)))
            _write(shown, writers, done, choices.reviewed_only)
        for name, writer in writers.items():
            _finish(name, writer, parts[name], done[name])
    return done


def _book(folder: Path) -> SplitAssignment:
    return SplitAssignment(Splits.written_in(folder))


def _write(
    shown: ExportField, writers: dict[str, Writer], done: dict[str, ExportSummary], reviewed_only: frozenset[str]
) -> None:
    for name, writer in writers.items():
        if name in reviewed_only and not shown.reviewed:
            done[name].left_out.append(shown.name)
            continue
        writer.add(shown)
        done[name].fields += 1
        done[name].cells += len(shown.cells.cells)


def _finish(name: str, writer: Writer, part: Path, exported: ExportSummary) -> None:
    if not exported.fields:
        if not exported.left_out:
            raise OptionError(f"{name}: there is no field to export")
        number = len(exported.left_out)
        fields = "the only field has not" if number == 1 else f"none of the {number} fields has"
        raise OptionError(
            f"{name}: {fields} been reviewed to its last cell",
            remedy="accept, correct or reject every cell in tab 3",
            command="review them, or take all with --all-fields",
        )
    writer.finish()
    files = sorted(path.relative_to(part).as_posix() for path in part.rglob("*") if path.is_file())
    record = {
        "format": name,
        "software": f"napari-cellvino {__version__}",
        "fields": exported.fields,
        "cells": exported.cells,
        "not_reviewed": exported.left_out,
        "files": files,
    }
    text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    (part / RECORD_NAME).write_text(text, encoding="utf-8", newline="\n")


def check_replaceable(folder: Path, *, overwrite: bool) -> None:
    """Raise OutputError unless ``folder`` is free, or an export that may be overwritten and holds nothing else."""
    recover(folder)
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not overwrite:
        raise ReplaceError(
            f"{folder} is there already",
            remedy="replace it or choose another folder",
            command="replace it (--overwrite) or choose another folder",
        )
    try:
        known = {RECORD_NAME, *json.loads((folder / RECORD_NAME).read_text(encoding="utf-8"))["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        raise OutputError(f"{folder} was not made by an export and is left alone; choose another folder") from None
    strange = next((p for p in sorted(folder.rglob("*")) if p.is_file() and _name(p, folder) not in known), None)
    if strange is not None:
        raise OutputError(
            f"{folder} holds {_name(strange, folder)}, which the export did not write and would delete; "
            "move it away or choose another folder"
        )


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def describe(done: Sequence[ExportSummary]) -> str:
    """Return a line per format for people."""
    lines = []
    for exported in done:
        more = f"; {_count(len(exported.left_out), 'field')} not reviewed: left out" if exported.left_out else ""
        inside = f"{_count(exported.cells, 'cell')} in {_count(exported.fields, 'field')}"
        lines.append(f"{exported.folder}: {inside}{more}")
    return "\n".join(lines)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
