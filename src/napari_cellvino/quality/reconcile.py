"""A new run keeps reviewed, edited and imported objects: only untouched objects are replaced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation import Annotation, Edit, ObjectRecord, make_edit
from napari_cellvino.annotation.pixel_runs import runs_between
from napari_cellvino.annotation.prepared_step import PreparedStep, StepBase, StepDraft
from napari_cellvino.annotation.record import with_values
from napari_cellvino.annotation.record_columns import records_of_objects
from napari_cellvino.annotation.region import Region
from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.objects import Objects
from napari_cellvino.quality.overlap import overlap

HALF = 0.5
RERUN_NAME = "Run again"
Labels = NDArray[np.int32]
Kept = Callable[[ObjectRecord], bool]


@dataclass(frozen=True, slots=True, eq=False)
class Reconciliation:
    """The edit that takes in a new run, and how many objects were kept, came new, or were dropped for those kept."""

    edit: Edit
    kept: int
    new: int
    dropped: int

    def __str__(self) -> str:
        kept = f"Kept as you corrected them: {self.kept}"
        return f"{kept}; {self.dropped} found again there and left out" if self.dropped else kept


def holds_for(annotation: Annotation, new: Annotation) -> bool:
    """Return whether there are corrections that apply to a new run: same pixels, kind of object, classes.

    Models with one class each agree, independent of its name.
    """
    same = annotation.provenance.pixels_sha256 == new.provenance.pixels_sha256 and annotation.shape == new.shape
    begins = new.classes[: len(annotation.classes)] == annotation.classes  # gates may give more
    classes = begins or len(annotation.classes) == len(new.classes) == 1
    return annotation.corrected and same and classes and (annotation.labels is None) == (new.labels is None)


@dataclass(frozen=True, slots=True, eq=False)
class Merge:
    """The step that takes in a new run, and what it does."""

    step: PreparedStep
    done: Reconciliation


def prepare_merge(base: StepBase, new: Annotation) -> Merge:
    """Return the step by which a new run is taken in; any thread may prepare it.

    Raises
    ------
    EditError, ImageValueError
        If the run before cannot be taken back, or the new one does not fit.
    """
    draft, before = StepDraft(base), base.annotation.provenance.model
    other = before if before != new.provenance.model else ""
    done = reconcile(draft.annotation, new.labels, new.objects, before=other, records=new.records)
    return Merge(draft.finish(done.edit), done)


def is_kept(record: ObjectRecord) -> bool:
    """Return whether a new run leaves an object as it is."""
    return record.protected


def reconcile(
    annotation: Annotation,
    labels: Labels | None,
    objects: Objects,
    *,
    before: str = "",
    kept: Kept = is_kept,
    records: Mapping[int, ObjectRecord] | None = None,
) -> Reconciliation:
    """Return the edit by which a new run replaces untouched objects.

    Objects in any other state stay and win over new ones: of a new object, the pixels they cover are left out, and if
    fewer than half are left, or an object was deleted there, all of it. A new object that is the same as one it
    replaces (IoU above 1/2) has its number.

    Parameters
    ----------
    annotation
        What was corrected. Its provenance is not changed here: it is of the new run from then on.
    labels, objects
        What the new run found in the same image; ``labels`` None where it found boxes.
    before
        The model that found what is kept, where another one ran now: its objects are marked with it.
    kept
        Says which objects stay; by default what a person touched or brought.
    records
        Of the new objects by id, where gates decided on them already.

    Raises
    ------
    ImageValueError
        If one of both has outlines and the other boxes, or the images differ in size.
    """
    if labels is None or annotation.labels is None:
        return _reconcile_boxes(annotation, labels, objects, before, kept, records)
    if labels.shape != annotation.shape:
        raise ImageValueError(f"new labels of shape {labels.shape} do not fit an image of {annotation.shape}")
    old = annotation.labels
    touched = [id_ for id_, record in annotation.records.items() if kept(record)]
    untouched = np.ones(max(annotation.next_id, int(old.max(initial=0)) + 1), bool)
    untouched[touched] = False
    free = untouched[old]
    areas = np.bincount(labels.reshape(-1))
    known = np.flatnonzero(areas[1:]) + 1
    area, covered = areas[known], labels[~free]
    left = area - np.bincount(covered, minlength=len(areas))[known]
    rows = objects.select(np.searchsorted(objects.id, known))
    stays = (left > 0) & (2 * left >= area) & ~_was_deleted(annotation, rows)
    ids = _numbers(annotation, np.where(free, old, 0), labels, known, stays)
    lookup = np.zeros(len(areas), np.int32)
    lookup[known] = ids
    after = np.where(free, lookup[labels], old)
    whole = Region((0,) * after.ndim, after.shape)
    made = _records(rows.select(stays), ids[stays], records, boxes=False)
    marked = [*made, *_marked(annotation, before, kept)]
    edit = make_edit(annotation, RERUN_NAME, runs_between(annotation.shape, whole, old, after), marked)
    return Reconciliation(replace(edit, rerun=True), len(touched), len(made), int((~stays).sum()))


def _numbers(
    annotation: Annotation, old: Labels, new: Labels, known: NDArray[np.intp], stays: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """Return the number of each new object: that of the one it replaces, or a free one; 0 if it is left out."""
    ids = np.zeros(len(known), np.int32)
    pairs, old_ids = overlap(old, new), np.unique(old[old != 0])
    same = pairs.iou > HALF
    ids[pairs.predicted_row[same]] = old_ids[pairs.true_row[same]]
    fresh = stays & (ids == 0)
    ids[fresh] = np.arange(annotation.next_id, annotation.next_id + fresh.sum())
    return np.where(stays, ids, 0).astype(np.int32)


def _reconcile_boxes(
    annotation: Annotation,
    labels: Labels | None,
    objects: Objects,
    before: str,
    kept: Kept,
    records: Mapping[int, ObjectRecord] | None,
) -> Reconciliation:
    if labels is not None or annotation.labels is not None:
        raise ImageValueError("boxes and outlines cannot be brought together; begin a new result")
    touched = [record for record in annotation.records.values() if kept(record)]
    replaced = {id_ for id_, record in annotation.records.items() if not kept(record)}
    boxes = np.array([record.box for record in touched], np.int64).reshape(-1, 4)
    stays = (_covered(objects.box, boxes).max(axis=1, initial=0) <= HALF) & ~_was_deleted(annotation, objects)
    ids = np.arange(annotation.next_id, annotation.next_id + stays.sum())
    made = _records(objects.select(stays), ids, records, boxes=True)
    edit = make_edit(annotation, RERUN_NAME, None, [*made, *_marked(annotation, before, kept)], removed=replaced)
    return Reconciliation(replace(edit, rerun=True), len(touched), len(made), int((~stays).sum()))


def _records(
    rows: Objects, ids: NDArray[np.integer], records: Mapping[int, ObjectRecord] | None, *, boxes: bool
) -> list[ObjectRecord]:
    plain = records_of_objects(rows, boxes=boxes)
    found = plain if records is None else [records[record.id] for record in plain]
    return with_values(found, {"id": ids.tolist()})


def _marked(annotation: Annotation, before: str, kept: Kept) -> list[ObjectRecord]:
    """Return the records of what is kept, with the model that found it."""
    stay = [record for record in annotation.records.values() if kept(record) and not record.model]
    return [replace(record, model=before) for record in stay] if before else []


def _was_deleted(annotation: Annotation, objects: Objects) -> NDArray[np.bool_]:
    """Return which objects are, by their boxes (IoU above 1/2), those that were deleted by hand."""
    axes = len(annotation.shape)
    gone = np.array([record.box for record in annotation.deleted.values()], np.int64).reshape(-1, 2 * axes)
    both = _shared(objects.box, gone)
    union = _size(objects.box)[:, None] + _size(gone) - both
    return np.asarray((2 * both > union).any(axis=1))


def _covered(boxes: NDArray[np.integer], by: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the share of each box (N,) that each other one (M,) covers."""
    return _shared(boxes, by) / np.maximum(_size(boxes), 1)[:, None]


def _shared(a: NDArray[np.integer], b: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the pixels (N, M) that boxes share; lows before highs, any number of axes."""
    axes = a.shape[1] // 2
    shared = np.ones((len(a), len(b)), np.int64)
    for axis in range(axes):
        low = np.maximum(a[:, None, axis], b[None, :, axis])
        shared *= np.clip(np.minimum(a[:, None, axes + axis], b[None, :, axes + axis]) - low, 0, None)
    return shared


def _size(boxes: NDArray[np.integer]) -> NDArray[np.int64]:
    axes = boxes.shape[1] // 2
    return np.asarray((boxes[:, axes:] - boxes[:, :axes]).astype(np.int64).prod(axis=1))
