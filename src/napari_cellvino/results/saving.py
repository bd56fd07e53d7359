"""Write a result in the place of another, so that nothing a person made is lost.

Beside what was corrected, a result keeps what the model itself had found, so that both can be compared at any time.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from napari_cellvino.annotation import Annotation
from napari_cellvino.annotation.document_json import FORMAT, annotation_dict
from napari_cellvino.annotation.snapshot import Snapshot
from napari_cellvino.core.image import Plane
from napari_cellvino.core.stage_log import timed_stage
from napari_cellvino.io.label_tiff import write_labels
from napari_cellvino.results.corrections import (
    MODEL,
    content_of,
    is_corrected,
    is_result,
    journal_path,
    with_corrections,
)
from napari_cellvino.results.field_files import ANNOTATION_NAME, LABELS_NAME, RESULT_NAMES, fill_folder
from napari_cellvino.results.field_result import FieldResult, measured
from napari_cellvino.segmentation.volume import Volume
from napari_cellvino.storage.atomic import atomic_folder
from napari_cellvino.storage.json_text import json_text

_logger = logging.getLogger(__name__)

PREVIOUS = "previous"  # folder inside a result: what was there before it was corrected
WRITTEN = (LABELS_NAME, *RESULT_NAMES)

Finish = Callable[[FieldResult], FieldResult]
"""Adds to a measured result what its place asks for: on a plate, the well."""


def as_it_is(result: FieldResult) -> FieldResult:
    """Return a result as it is."""
    return result


def save_corrections(
    folder: Path,
    snapshot: Snapshot,
    plane: Plane,
    volume: Volume | None = None,
    *,
    result_key: dict[str, object] | None = None,
    found: Annotation | None = None,
    finish: Finish = as_it_is,
) -> FieldResult:
    """Write a corrected result in place of the one in ``folder``, all of it or nothing, and return it.

    What stood there before the first save of a session stays in ``previous``; files that others put there stay too.

    Parameters
    ----------
    folder
        The result.
    snapshot
        What a person made of it.
    plane, volume
        The pixels that it was found in.
    ticket
        Says what the result was made from; by default it is that of the result before.
    found
        What the model found; by default what stands there of it.
    finish
        What is done to the measured result before it is written.

    Raises
    ------
    OutputError
        If it cannot be written; the result and the journal are then as they were.
    """
    with timed_stage(_logger, "save", folder.name, "corrected"), snapshot.saving(journal_path(folder)):
        result = finish(measured(snapshot.annotation, plane, volume))
        known = content_of(folder).get("ticket") if is_result(folder) else None
        anew = result_key is not None and result_key != known
        _replace(folder, result, result_key or known, found, first=snapshot.first, anew=anew)
    return result


def replace_result(folder: Path, result: FieldResult, result_key: dict[str, object], finish: Finish = as_it_is) -> None:
    """Write the result of a new run; what a person corrected in the one before stays as it was.

    Raises
    ------
    OutputError
        If the corrections there do not fit, or the folder cannot be written.
    """
    with timed_stage(_logger, "save", folder.name):
        _replace_result(folder, result, result_key, finish)


def _replace_result(folder: Path, result: FieldResult, result_key: dict[str, object], finish: Finish) -> None:
    kept = with_corrections(folder, result)
    if kept is not result:
        _replace(folder, finish(kept), result_key, result.annotation, first=True, anew=True)
        return
    with atomic_folder(folder) as part:
        if folder.is_dir():
            _carry_over(folder, part, first=False)
            shutil.rmtree(part / MODEL, ignore_errors=True)  # it is the whole result now
        fill_folder(part, finish(result), {"ticket": result_key})


def _replace(
    folder: Path,
    result: FieldResult,
    result_key: dict[str, object] | None,
    found: Annotation | None,
    *,
    first: bool,
    anew: bool,
) -> None:
    """Write a result in the place of another; ``first`` of a session, ``anew`` made from something else."""
    with atomic_folder(folder) as part:
        if folder.is_dir():
            _carry_over(folder, part, first=first)
        fill_folder(part, result, {"ticket": result_key} if result_key else {})
        if found is not None and (anew or not (part / MODEL).is_dir()):
            _write_model(part / MODEL, found, result.plane)


def _carry_over(folder: Path, part: Path, *, first: bool) -> None:
    """Copy into a new folder what stays of a result: the version before the session, the model's, what others wrote."""
    if first and is_result(folder):
        _copy_files(folder, part / PREVIOUS, WRITTEN)
        if not is_corrected(folder):
            _copy_files(folder, part / MODEL, (LABELS_NAME, ANNOTATION_NAME))
    for file in folder.iterdir():
        if file.is_dir() and not (part / file.name).exists():
            shutil.copytree(file, part / file.name)
        elif file.is_file() and file.name not in WRITTEN:
            shutil.copy2(file, part / file.name)


def _copy_files(folder: Path, target: Path, names: Sequence[str]) -> None:
    target.mkdir()
    for name in names:
        if (folder / name).is_file():
            shutil.copy2(folder / name, target / name)


def _write_model(folder: Path, found: Annotation, plane: Plane) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if found.labels is not None:
        write_labels(folder / LABELS_NAME, found.labels, plane.spacing)
    content = {"format": FORMAT} | annotation_dict(found)
    (folder / ANNOTATION_NAME).write_text(json_text(content), encoding="utf-8", newline="\n")
