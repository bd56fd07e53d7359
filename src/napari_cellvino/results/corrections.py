"""Results that a person corrected: gone on with, and kept when a run is repeated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from napari_cellvino.annotation import Annotation, ObjectRecord, pixels_sha256
from napari_cellvino.annotation.journal import check_free
from napari_cellvino.annotation.recovery import find_unsaved
from napari_cellvino.core.errors import JournalBusyError, JournalError, OutputError
from napari_cellvino.core.image import Plane
from napari_cellvino.quality.reconcile import Reconciliation, is_kept, reconcile
from napari_cellvino.results.field_folder import FieldFolder, Stamp, file_stamp
from napari_cellvino.results.field_result import FieldResult, measured
from napari_cellvino.segmentation.volume import Volume
from napari_cellvino.storage.atomic import recover

IMPORTED = "imported"  # the model of a recipe that masks of others stand for


def is_other_image(annotation: Annotation, plane: Plane, volume: Volume | None = None) -> bool:
    """Return whether the pixels are not those that the annotation was made from: the caller decides what then."""
    sha256 = pixels_sha256(plane) if volume is None else volume.sha256
    return sha256 != annotation.provenance.pixels_sha256


@dataclass(frozen=True, slots=True)
class EarlierCorrections:
    """Corrections of the same image that were found: those that are saved, and those that only a journal has.

    ``question`` is whether to go on with them, or to look at them while another window corrects them; ``journal`` is
    None where none belongs to them.
    """

    annotation: Annotation
    journal: Path | None
    question: str


Seen = tuple[Stamp | None, Stamp | None]
"""A result and its journal as they stood on the disk at one time: another value, another content."""


def seen_of(folder: Path) -> Seen:
    """Return how a result and its journal stand on the disk now."""
    stored = FieldFolder(folder)
    return stored.stamp, file_stamp(stored.journal)


def find_earlier(folder: Path, fresh: Annotation) -> EarlierCorrections | None:
    """Return what was corrected in a result before, or None where there is nothing to go on with.

    Parameters
    ----------
    folder
        Where the result is, or will be.
    fresh
        What the model finds in the image now.

    Raises
    ------
    JournalBusyError
        If another window corrects it just now, and has saved nothing yet.
    ImageReadError, ImageValueError, JournalError
        If there are corrections that cannot be read.
    """
    stored = FieldFolder(folder)
    recover(folder)
    saved = stored.annotation(shape=fresh.shape) if stored.is_result and stored.result.kept else None
    if saved is not None and (saved.shape != fresh.shape or (saved.labels is None) != (fresh.labels is None)):
        saved = None
    try:
        check_free(stored.journal)
    except JournalBusyError as busy:
        if saved is None:
            raise
        return EarlierCorrections(saved, None, f"{busy.problem}. Look at what is saved of it, in {folder}?")
    for annotation in (fresh, saved):
        unsaved = find_unsaved_steps(folder, annotation) if annotation is not None else None
        if unsaved is not None:
            return unsaved
    if saved is None:
        _check_journal(stored.journal, fresh)
        return None
    other = saved.provenance.pixels_sha256 != fresh.provenance.pixels_sha256
    changed = "; the image has changed since" if other else ""
    done = "This image was corrected before" if stored.result.corrected else "Masks of this image were imported"
    return EarlierCorrections(saved, None, f"{done}, in {folder}{changed}. Go on with them?")


def find_unsaved_steps(folder: Path, annotation: Annotation) -> EarlierCorrections | None:
    """Return the corrections of an annotation that only the journal beside its result has; None if there are none.

    Raises
    ------
    JournalError
        If the journal cannot be read.
    """
    unsaved = find_unsaved(FieldFolder(folder).journal, annotation)
    if unsaved is None or not unsaved.fits or not unsaved.steps:
        return None
    steps = "1 correction" if unsaved.steps == 1 else f"{unsaved.steps} corrections"
    were, them = ("was", "it") if unsaved.steps == 1 else ("were", "them")
    damage = f" ({unsaved.damage})" if unsaved.damage else ""
    question = f"{steps} of this image {were} not saved, the last: {unsaved.last}{damage}. Go on with {them}?"
    return EarlierCorrections(annotation, unsaved.path, question)


def _check_journal(path: Path, annotation: Annotation) -> None:
    """Raise JournalError if a journal holds steps that were made on another result."""
    unsaved = find_unsaved(path, annotation)
    if unsaved is not None and unsaved.steps:
        steps = "1 unsaved step" if unsaved.steps == 1 else f"{unsaved.steps} unsaved steps"
        raise JournalError(
            f"{path} holds {steps} on this image as it was found with other choices; "
            "run with those again to go on with them, or begin anew: the file is kept under another name"
        )


def with_corrections(folder: Path, result: FieldResult) -> FieldResult:
    """Return a new run's result with what a person corrected in the one that it is about to replace.

    Raises
    ------
    OutputError
        If the corrections there were made on another image, or some of them were not saved yet.
    ImageReadError, ImageValueError
        If there are corrections that cannot be read: nothing is written over them.
    """
    stored = FieldFolder(folder)
    if not stored.is_result or not (stored.journal.exists() or stored.result.kept):
        return result
    corrected = stored.annotation(shape=result.annotation.shape)
    if find_unsaved(stored.journal, corrected) is not None:
        raise OutputError(f"{folder} has corrections that were not saved; open it, save or drop them, then run again")
    if not stored.result.kept:
        return result
    if is_import(result.annotation) and not has_corrections(corrected):
        return result  # masks replace the masks that were imported before
    if is_other_image(corrected, result.plane, result.volume):
        raise OutputError(f"{folder} holds corrections of another image, or of one that changed since; move it away")
    return measured(rerun(corrected, result.annotation)[0], result.plane, result.volume, spots=result.spots)


def is_import(annotation: Annotation) -> bool:
    """Return whether an annotation is made of the masks of others, and not by a model."""
    return annotation.provenance.recipe.model == IMPORTED


def by_person(annotation: Annotation) -> Callable[[ObjectRecord], bool]:
    """Return what tells whether a person corrected an object here; what imported masks say of a review is theirs."""
    imported = is_import(annotation)
    return lambda record: record.reviewed and (bool(record.at) or not imported)


def has_corrections(annotation: Annotation) -> bool:
    """Return whether a person corrected anything here."""
    return bool(annotation.deleted) or any(map(by_person(annotation), annotation.records.values()))


def rerun(corrected: Annotation, new: Annotation) -> tuple[Annotation, Reconciliation]:
    """Return a new run's annotation in which what a person corrected stays, and what was done for that.

    Raises
    ------
    ImageValueError
        If one has outlines and the other boxes, or the images differ in size.
    """
    merged = Annotation(
        None if corrected.labels is None else corrected.labels.copy(),
        [_renamed(record, corrected, new) for record in (*corrected.records.values(), *corrected.deleted.values())],
        new.classes,
        new.provenance,
        shape=corrected.shape,
    )
    stays = by_person(corrected) if is_import(new) else is_kept
    done = reconcile(merged, new.labels, new.objects, kept=stays)
    merged.apply(done.edit)
    return merged, done


def _renamed(record: ObjectRecord, corrected: Annotation, new: Annotation) -> ObjectRecord:
    """Return a record with its class by the number the new model gives it, and with the model that found it."""
    index = record.class_index
    if corrected.classes != new.classes:
        name = corrected.classes[index] if index < len(corrected.classes) else ""
        index = new.classes.index(name) if name in new.classes else 0
    before, after = corrected.provenance.model, new.provenance.model
    return replace(record, class_index=index, model=record.model or (before if before != after else ""))
