"""The annotation of a field: a label image or boxes, one record per object, and the provenance.

Only a session changes it, and in place, so that a viewer can show the same array: the label image of a large stack is
never copied, and the cost of a change depends only on the pixels it touches.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation.edit import Edit
from napari_cellvino.annotation.found_records import FoundRecords
from napari_cellvino.annotation.index import Geometry, ObjectIndex, Places, areas_changed
from napari_cellvino.annotation.pixel_runs import Labels, PixelRuns, empty_runs
from napari_cellvino.annotation.provenance import Provenance
from napari_cellvino.annotation.record import ObjectRecord, drawn_record, is_counted
from napari_cellvino.annotation.record_changes import RecordChanges
from napari_cellvino.annotation.record_columns import objects_of_records, placed
from napari_cellvino.annotation.record_json import record_dict
from napari_cellvino.annotation.region import Region, join_regions
from napari_cellvino.core.errors import EditError, ImageValueError
from napari_cellvino.core.objects import Objects, ReviewState
from napari_cellvino.storage.large_arrays import in_bands

LAST_ID = np.iinfo(np.int32).max


class Annotation:
    """Label image (Y, X) or (Z, Y, X) int32, or None where objects are boxes, with one record per object.

    ``records`` are by id; ``deleted`` are the records of deleted objects. ``next_id`` is the first unused id.
    """

    def __init__(
        self,
        labels: Labels | None,
        records: Iterable[ObjectRecord],
        classes: tuple[str, ...],
        provenance: Provenance,
        *,
        shape: tuple[int, ...],
    ) -> None:
        self.labels = None if labels is None else np.ascontiguousarray(labels, np.int32)
        if labels is not None and labels.shape != shape:
            raise ImageValueError(f"labels of shape {labels.shape} do not fit an image of {shape}")
        self.classes = classes
        self.provenance = provenance
        self.shape = shape
        self.version = 0  # another one after each change
        self._found: FoundRecords | None = None  # those of all objects, as long as none of them was made
        self._kept: dict[int, ObjectRecord] = {}
        self._deleted: dict[int, ObjectRecord] = {}
        self._states: Counter[tuple[ReviewState, bool]] | None = None  # counted when they are asked for
        self._corrected: bool | None = None
        for record in records:
            (self._deleted if record.deleted else self._kept)[record.id] = record
        self.next_id = max([0, *self._kept, *self._deleted]) + 1

    @classmethod
    def found(
        cls,
        labels: Labels | None,
        objects: Objects,
        classes: tuple[str, ...],
        provenance: Provenance,
        *,
        shape: tuple[int, ...],
        places: Places | None = None,
    ) -> Annotation:
        """Return the unreviewed annotation of a model's result in an image of ``shape``.

        ``places`` are those of ``objects`` in ``labels``, where they are known already; nobody else may change them.
        """
        found = cls(labels, (), classes, provenance, shape=shape)
        found._found = FoundRecords(objects, boxes=labels is None) if len(objects) else None
        found.next_id = int(objects.id.max(initial=0)) + 1
        if places is not None:
            found.index = ObjectIndex.known(objects.id.tolist(), places)
        return found

    @property
    def records(self) -> Mapping[int, ObjectRecord]:
        """The records of all objects, by id."""
        return self._found if self._found is not None else MappingProxyType(self._kept)

    @property
    def as_found(self) -> bool:
        """Whether all objects are as a model found them: nobody and no gate has said anything of one."""
        return self._found is not None

    @property
    def _live(self) -> dict[int, ObjectRecord]:
        found = self._found
        if found is not None:
            self._kept = found.made()  # the same ones, whichever thread comes first
            self._found = None
        return self._kept

    @property
    def deleted(self) -> Mapping[int, ObjectRecord]:
        """The records of deleted objects, by id."""
        return MappingProxyType(self._deleted)

    def all_records(self) -> list[ObjectRecord]:
        """Return the records of all objects, of deleted ones too, as they are now; any thread may ask for them."""
        return [*self._live.values(), *self._deleted.values()]

    @property
    def states(self) -> Mapping[tuple[ReviewState, bool], int]:
        """The number of objects of each review state that are excluded (True), or are not."""
        if self._states is None:
            found = self._found
            self._states = found.states() if found else _count_states(self._live.values())
        return self._states

    @property
    def corrected(self) -> bool:
        """Whether an object was deleted, or there is one that a new run leaves unchanged."""
        if self._corrected is None:
            found = self._found
            protected = found.protected if found else any(record.protected for record in self._live.values())
            self._corrected = bool(self._deleted) or protected
        return self._corrected

    @property
    def counted(self) -> int:
        """The number of objects that count as cells."""
        return sum(n for (review, excluded), n in self.states.items() if is_counted(review, excluded=excluded))

    @cached_property
    def index(self) -> ObjectIndex:
        """Box, area and centroid of every object.

        Raises
        ------
        ImageValueError
            If labels and records do not have the same ids.
        """
        index = ObjectIndex(self.pixels)
        found, named = set(index.ids()), set(self._live)
        if found != named:
            first = min(found ^ named)
            where = "labels but not among the records" if first in found else "records but not in the labels"
            raise ImageValueError(f"object {first} is in the {where}: they do not belong together")
        return index

    @property
    def pixels(self) -> Labels:
        """The label image.

        Raises
        ------
        EditError
            If objects are boxes.
        """
        if self.labels is None:
            raise EditError("these cells are boxes and have no outlines; use the tools for boxes")
        return self.labels

    @property
    def objects(self) -> Objects:
        """One row per object, sorted by id."""
        found = self._found
        if found and self.labels is not None:
            return placed(found.objects, self.places(found.objects.id.tolist()))
        records = [self._live[id_] for id_ in sorted(self._live)]
        return objects_of_records(records, self.places([record.id for record in records]))

    @property
    def excluded(self) -> NDArray[np.bool_]:
        """Whether each object is excluded (N,), in the order of `objects`."""
        if self._found:
            return np.zeros(len(self._found), bool)  # nobody did it yet
        return np.array([self._live[id_].excluded for id_ in sorted(self._live)], bool)

    def places(self, ids: Sequence[int]) -> Places:
        """Return the geometry of objects (N,) as columns."""
        if self.labels is not None:
            return self.index.places(ids)
        box = np.array([self.record(id_).box for id_ in ids], np.int64).reshape(len(ids), 4)
        low, high = box[:, :2], box[:, 2:]
        area = (high - low).prod(1)
        return Places(area, area[:, None] * (low + high - 1) // 2, low, high)

    def box_around(self, ids: Sequence[int]) -> Region | None:
        """Return the bounding box of objects; None of none."""
        places = self.places(ids)
        return Region(tuple(places.low.min(0).tolist()), tuple(places.high.max(0).tolist())) if len(ids) else None

    def record(self, id_: int) -> ObjectRecord:
        """Return the record of an object; `EditError` for the background or an unknown id."""
        if id_ == 0:
            raise EditError("there is no cell here, only background; click on a cell")
        if id_ not in self._live:
            raise EditError(f"there is no cell #{id_} any more; choose another")
        return self._live[id_]

    def find_record(self, id_: int) -> ObjectRecord | None:
        """Return the record of a present or deleted object, else None."""
        return self._live.get(id_, self._deleted.get(id_))

    def geometry(self, id_: int) -> Geometry:
        """Return area, centroid and box of an object; `EditError` for an unknown id."""
        record = self.record(id_)
        if record.box is None:
            return self.index[id_]
        (y0, x0, y1, x1) = record.box
        area = (y1 - y0) * (x1 - x0)
        return Geometry(area, (area * (y0 + y1 - 1) // 2, area * (x0 + x1 - 1) // 2), Region((y0, x0), (y1, x1)))

    def region(self, ids: Iterable[int], *, plane: int | None = None, margin: int = 0) -> Region:
        """Return the bounding box of objects with a margin in px, cut to one plane where ``plane`` is given."""
        whole = join_regions([self.geometry(id_).region for id_ in ids]).expanded(margin, self.shape)
        return whole.in_plane(plane)

    def apply(self, edit: Edit) -> None:
        """Apply an edit. Only sessions call this, since it is not recorded in a history.

        Raises
        ------
        EditError
            If the annotation has changed since the edit was made; nothing changes then.
        """
        index = self.index if len(edit.pixels) else None
        if not self._knows(edit.records) or (index is not None and not edit.pixels.write_over(self.pixels)):
            raise EditError(f"{edit.name} no longer fits: the cells have changed since; do it again")
        if index is not None:
            index.update(self.pixels, edit.pixels)
        if edit.records:
            self._put(edit.records)
        self.version += 1

    def become(self, after: Annotation) -> None:
        """Take over labels and records of what edits made of a copy; nobody else may hold it. Only sessions call this.

        The label image is another array then.
        """
        if after.labels is not None:
            self.labels, self.index = after.labels, after.index
        self._found, self._kept, self._deleted = None, after._live, after._deleted
        self._states, self._corrected = after._states, after._corrected
        self.next_id = max(self.next_id, after.next_id)
        self.version += 1

    def copy_with_labels(self, labels: Labels | None) -> Annotation:
        """Return a copy of this annotation that uses ``labels``, a copy of its label image."""
        copy = Annotation(labels, self.all_records(), self.classes, self.provenance, shape=self.shape)
        if labels is not None:
            copy.index = self.index.copy()
        return copy

    def with_records(self, changed: Iterable[ObjectRecord]) -> Annotation:
        """Return a copy that shares the label image, with other records in the place of those of the same ids."""
        records = {**self._live, **self._deleted, **{record.id: record for record in changed}}
        copy = Annotation(self.labels, records.values(), self.classes, self.provenance, shape=self.shape)
        if self.labels is not None:
            copy.index = self.index
        return copy

    def fingerprint(self) -> str:
        """Return the SHA-256 of labels and records; it shows whether a journal belongs to this state."""
        return fingerprint_of(self.shape, self.labels, self.all_records())

    def fits(self, edit: Edit) -> bool:
        """Return whether the cells are as they were when the edit was made."""
        return self._knows(edit.records) and (len(edit.pixels) == 0 or edit.pixels.holds(self.pixels))

    def _knows(self, changes: RecordChanges) -> bool:
        """Return whether the records are those before the changes."""
        live, gone = self._live, self._deleted
        now = (live.get(id_) or gone.get(id_) for id_ in changes.ids)
        return all(a is b or a == b for a, b in zip(now, changes.before, strict=True))

    def _put(self, changes: RecordChanges) -> None:
        self._states = self._corrected = None
        live, gone = self._live, self._deleted
        for id_, record in zip(changes.ids, changes.after, strict=True):
            here, elsewhere = (gone, live) if record is not None and record.deleted else (live, gone)
            elsewhere.pop(id_, None)
            if record is None:
                here.pop(id_, None)
            else:
                here[id_] = record
        self.next_id = max(self.next_id, max(changes.ids) + 1)


def _count_states(records: Iterable[ObjectRecord]) -> Counter[tuple[ReviewState, bool]]:
    """Return the number of each state, counted as numbers: to hash an enumeration takes three times as long."""
    found = Counter([2 * record.review + record.excluded for record in records])
    return Counter({(ReviewState(code // 2), code % 2 == 1): number for code, number in found.items()})


def fingerprint_of(shape: tuple[int, ...], labels: Labels | None, records: Iterable[ObjectRecord]) -> str:
    """Return the SHA-256 of labels and of the records of present and deleted objects."""
    digest = hashlib.sha256(f"{shape}".encode())
    if labels is not None:
        for rows in in_bands(labels):
            digest.update(labels[rows].data)
    kept = sorted(records, key=lambda record: record.id)
    digest.update(json.dumps([record_dict(record) for record in kept]).encode())
    return digest.hexdigest()


def make_edit(
    annotation: Annotation,
    name: str,
    pixels: PixelRuns | None = None,
    records: Iterable[ObjectRecord] = (),
    *,
    removed: Iterable[int] = (),
) -> Edit:
    """Return the edit with the given changes of pixels and records; ``removed`` are ids of boxes to remove.

    Other records follow from the pixels: an object that loses its last pixel loses its record, one that gains its
    first pixel is drawn, and any other one with changed pixels is edited.

    Raises
    ------
    EditError
        If an id exceeds the range of a label image.
    """
    runs = pixels or empty_runs()
    after: dict[int, ObjectRecord | None] = {record.id: record for record in records}
    after |= dict.fromkeys(removed)
    for id_, grown in areas_changed(runs).items():
        if annotation.index.area(id_) + grown == 0:
            given = after.get(id_)
            after[id_] = given if given is not None and given.deleted else None
        elif id_ not in after:
            known = annotation.records.get(id_)
            after[id_] = drawn_record(id_) if known is None else known.edited()
    if after and not 0 < min(after) <= max(after) < LAST_ID:
        raise EditError(f"{name} needs a cell of number {max(after)}; numbers go from 1 to {LAST_ID - 1}")
    changes = [(annotation.find_record(id_), record) for id_, record in sorted(after.items())]
    real = [(a, b) for a, b in changes if a != b]
    return Edit(name, runs, RecordChanges([a for a, _ in real], [b for _, b in real]))
