"""Write a field's result, also in the place of another, so that nothing a person made is lost.

Beside what was corrected, a result keeps what the model itself had found, so that both can be compared at any time.
A result that another program changed while this one was written is looked at again before it is replaced.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from napari_cellvino.annotation import Annotation, Provenance
from napari_cellvino.annotation.document_json import FORMAT, annotation_dict
from napari_cellvino.annotation.snapshot import Snapshot
from napari_cellvino.core.errors import OutputError
from napari_cellvino.core.image import Plane
from napari_cellvino.core.spot_edits import edit_spots
from napari_cellvino.core.spots import Spots
from napari_cellvino.core.stage_log import timed_stage
from napari_cellvino.core.threads import beside
from napari_cellvino.engines.engine import NO_DEVICE
from napari_cellvino.figures.qc_picture import draw_qc, write_qc
from napari_cellvino.figures.top_view import flattened
from napari_cellvino.io.label_tiff import write_labels
from napari_cellvino.results.corrections import is_other_image, with_corrections
from napari_cellvino.results.field_folder import FieldFolder, Stamp, journal_path, stamp_of
from napari_cellvino.results.field_result import FieldResult, measured
from napari_cellvino.results.schema import (
    ANNOTATION_NAME,
    CELLS_NAME,
    KEY,
    LABELS_NAME,
    MODEL,
    OBJECTS_NAME,
    PREVIOUS,
    QC_NAME,
    WRITTEN,
    ResultKey,
)
from napari_cellvino.results.spot_journal import forget_spot_edits
from napari_cellvino.results.spot_table import read_spot_edits, read_spots, write_pairs, write_spots
from napari_cellvino.segmentation.volume import Volume
from napari_cellvino.storage.atomic import Swapping, atomic_folder
from napari_cellvino.storage.csv_table import write_table
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.storage.lock import folder_lock

_logger = logging.getLogger(__name__)

TRIES = 5  # where others write the same result meanwhile

Finish = Callable[[FieldResult], FieldResult]
"""Adds to a measured result what its place asks for: on a plate, the well."""

_Written = TypeVar("_Written")
Content = dict[str, object]
"""What ``annotation.json`` holds."""


class ResultChangedError(OutputError):
    """A result was changed by another program while it was about to be replaced."""


def as_it_is(result: FieldResult) -> FieldResult:
    """Return a result as it is."""
    return result


def write_result(
    folder: Path, result: FieldResult, key: ResultKey, finish: Finish = as_it_is, *, recovered: bool = False
) -> tuple[FieldResult, Content]:
    """Write the result of a new run; return it and what was written; corrections in the one before stay as they were.

    What a killed run left beside the folder is looked for first, unless it is ``recovered`` already.

    Raises
    ------
    OutputError
        If the corrections there do not fit, or the folder cannot be written.
    """
    with timed_stage(_logger, "save", folder.name):
        written, content = _retried(
            folder, lambda seen: _write_run(folder, result, key, finish, seen, recovered=recovered)
        )
    _forget_kept(folder, written)
    return written, content


def write_corrections(
    folder: Path,
    snapshot: Snapshot,
    plane: Plane,
    volume: Volume | None = None,
    *,
    key: ResultKey | None = None,
    found: Annotation | None = None,
    spots: Spots | None = None,
    finish: Finish = as_it_is,
) -> tuple[FieldResult, Content]:
    """Write a corrected result in place of the one in ``folder``, all of it or nothing; return it and what was written.

    What stood there before the first save of a session stays in ``previous``; files that others put there stay too.

    Parameters
    ----------
    folder
        The result.
    snapshot
        What a person made of it.
    plane, volume
        The pixels that it was found in.
    key
        Says what the result was made from; by default it is that of the result before.
    found
        What the model found; by default what stands there of it.
    spots
        The spots of the field; by default those that stand there.
    finish
        What is done to the measured result before it is written.

    Raises
    ------
    OutputError
        If it cannot be written; the result and the journal are then as they were.
    """
    with timed_stage(_logger, "save", folder.name, "corrected"), snapshot.saving(journal_path(folder)):
        known = with_kept_edits(folder, spots) if spots is not None else read_spots(folder)
        result = finish(measured(snapshot.annotation, plane, volume, spots=known))
        content = _retried(folder, lambda seen: _write_session(folder, result, key, found, seen, first=snapshot.first))
    _forget_kept(folder, result)
    return result, content


def _retried(folder: Path, write: Callable[[Stamp | None], _Written]) -> _Written:
    """Write with the stamp of what stands there; once more where that was changed meanwhile."""
    for _ in range(TRIES - 1):
        try:
            return write(stamp_of(folder))
        except ResultChangedError:
            continue
    return write(stamp_of(folder))


def _write_run(
    folder: Path, result: FieldResult, key: ResultKey, finish: Finish, seen: Stamp | None, *, recovered: bool
) -> tuple[FieldResult, Content]:
    if result.spots is not None and (spots := with_kept_edits(folder, result.spots)) is not result.spots:
        if is_other_image(FieldFolder(folder).annotation(), result.plane, result.volume):
            raise OutputError(f"{folder} holds spots that were corrected in another image; move it away")
        result = measured(result.annotation, result.plane, result.volume, spots=spots)
    kept = with_corrections(folder, result)
    finished = finish(kept)
    if kept is not result:
        return finished, _replace(folder, finished, key.as_dict(), result.annotation, seen, first=True, anew=True)
    with atomic_folder(folder, _if_unchanged(folder, seen), recovered=recovered) as part:
        if folder.is_dir():
            _carry_over(FieldFolder(folder), part, first=False)
            shutil.rmtree(part / MODEL, ignore_errors=True)  # it is the whole result now
        content = fill_folder(part, finished, key.as_dict())
    return finished, content


def _forget_kept(folder: Path, result: FieldResult) -> None:
    """Delete the journal of edits of spots, once all of them stand in the result."""
    if result.spots is not None and result.spots.edits is not None:
        forget_spot_edits(folder, result.spots.edits)


def with_kept_edits(folder: Path, spots: Spots) -> Spots:
    """Return the spots of a new run with what a person did to those before; as they are where they hold edits."""
    edits = read_spot_edits(folder) if spots.edits is None else None
    return spots if not edits else edit_spots(spots, edits)


def _write_session(
    folder: Path,
    result: FieldResult,
    key: ResultKey | None,
    found: Annotation | None,
    seen: Stamp | None,
    *,
    first: bool,
) -> Content:
    before = FieldFolder(folder)
    known = before.result.result_key if before.is_result else None
    plain = key.as_dict() if key is not None else known
    return _replace(folder, result, plain, found, seen, first=first, anew=key is not None and plain != known)


def _replace(
    folder: Path,
    result: FieldResult,
    key: object,
    found: Annotation | None,
    seen: Stamp | None,
    *,
    first: bool,
    anew: bool,
) -> Content:
    """Write a result in the place of another; ``first`` of a session, ``anew`` made from something else."""
    with atomic_folder(folder, _if_unchanged(folder, seen)) as part:
        if folder.is_dir():
            _carry_over(FieldFolder(folder), part, first=first)
        content = fill_folder(part, result, key)
        if found is not None and (anew or not (part / MODEL).is_dir()):
            _write_model(part / MODEL, found, result.plane)
    return content


def _if_unchanged(folder: Path, seen: Stamp | None) -> Swapping:
    """Return what a folder is swapped under: others wait, and what another one wrote since is not replaced."""

    @contextmanager
    def hold() -> Iterator[None]:
        with folder_lock(folder.parent):
            if stamp_of(folder) != seen:
                raise ResultChangedError(f"{folder} is being written by another program; save it again")
            yield

    return hold


def _carry_over(before: FieldFolder, part: Path, *, first: bool) -> None:
    """Copy into a new folder what stays of a result: the version before the session, the model's, what others wrote."""
    folder = before.path
    if first and before.is_result:
        _copy_files(folder, part / PREVIOUS, WRITTEN)
        if not before.result.corrected:
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
    _write_content(folder, {"format": FORMAT} | annotation_dict(found))


def fill_folder(folder: Path, result: FieldResult, key: object = None) -> Content:
    """Write the files of a result into an empty folder, and return what ``annotation.json`` holds.

    Where boxes were found and no outlines, there are no labels.
    """
    with beside(lambda: _write_label_images(folder, result)):
        return _write_others(folder, result, key)


def _write_label_images(folder: Path, result: FieldResult) -> None:
    for name, labels in ((LABELS_NAME, result.annotation.labels), (CELLS_NAME, result.cells)):
        if labels is not None:
            write_labels(folder / name, labels, result.plane.spacing)


def _write_others(folder: Path, result: FieldResult, key: object) -> Content:
    """Write tables, picture and ``annotation.json``, and return what this holds."""
    annotation, plane = result.annotation, result.plane
    labels, objects = flattened(annotation.labels, annotation.objects)
    write_table(folder / OBJECTS_NAME, result.table)
    if result.spots is not None:
        write_spots(folder, result.spots)
        if result.pairs is not None:
            write_pairs(folder, result.spots, result.pairs)
    picture = draw_qc(
        plane.inputs,
        labels,
        objects,
        name=plane.origin.name,
        classes=annotation.classes,
        ran=_ran(annotation.provenance),
        spacing=plane.spacing,
        rgb=len(plane.inputs) == 3,
        spots=None if result.spots is None else result.spots.position[:, 1:],
        excluded=[id_ for id_, record in annotation.records.items() if record.excluded],
    )
    write_qc(folder / QC_NAME, picture)
    made = {KEY: key} if key else {}
    content = {"format": FORMAT, **made, "counts": result.counts} | annotation_dict(result.annotation)
    _write_content(folder, content)
    return content


def _write_content(folder: Path, content: Content) -> None:
    (folder / ANNOTATION_NAME).write_text(json_text(content), encoding="utf-8", newline="\n")


def _ran(provenance: Provenance) -> list[str]:
    engine = provenance.engine
    values = ", ".join(f"{name} {value:g}" for name, value in provenance.recipe.parameters.items())
    models = " and ".join(filter(None, (provenance.model, provenance.outline)))
    where = "" if engine.device == NO_DEVICE else f" on {engine.device} ({engine.number_type})"
    return [f"{provenance.plane} · {models}{where}", values]
