"""The document a person corrects: a label image or boxes, one record per object, and where they came from.

It is changed in place, by a session alone, so that a viewer may show the very same pixels: the label image of a large
stack is never copied, and no change costs more than the pixels it touches.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from types import MappingProxyType

import numpy as np

from napari_cellvino.annotation.edit import Edit, RecordChange
from napari_cellvino.annotation.index import Geometry, ObjectIndex, areas_changed
from napari_cellvino.annotation.pixel_runs import Labels, PixelRuns, no_pixels
from napari_cellvino.annotation.provenance import Provenance
from napari_cellvino.annotation.record import ObjectRecord, drawn
from napari_cellvino.annotation.record_columns import objects_of_records, records_of_objects
from napari_cellvino.annotation.record_json import record_dict
from napari_cellvino.annotation.region import Region, join_regions
from napari_cellvino.core.errors import EditError, ImageValueError
from napari_cellvino.core.objects import Objects

LAST_ID = np.iinfo(np.int32).max


class Annotation:
    """Label image (Y, X) or (Z, Y, X) int32, or None where objects are boxes, and one record per object.

    ``records`` are by id; ``gone`` are those of objects that a person deleted. ``next_id`` was never used.
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
        self._live: dict[int, ObjectRecord] = {}
        self._gone: dict[int, ObjectRecord] = {}
        for record in records:
            (self._gone if record.gone else self._live)[record.id] = record
        self.next_id = max([0, *self._live, *self._gone]) + 1

    @classmethod
    def found(
        cls,
        labels: Labels | None,
        objects: Objects,
        classes: tuple[str, ...],
        provenance: Provenance,
        *,
        shape: tuple[int, ...],
    ) -> Annotation:
        """Return what a model found in an image of ``shape``, nobody having looked at it."""
        records = records_of_objects(objects, boxes=labels is None)
        return cls(labels, records, classes, provenance, shape=shape)

    @property
    def records(self) -> Mapping[int, ObjectRecord]:
        """The record of each object, by id."""
        return MappingProxyType(self._live)

    @property
    def gone(self) -> Mapping[int, ObjectRecord]:
        """The records of what a person deleted, by id."""
        return MappingProxyType(self._gone)

    @cached_property
    def index(self) -> ObjectIndex:
        """Where every object lies.

        Raises
        ------
        ImageValueError
            If labels and records do not name the same objects.
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
        """One row per object, by id."""
        records = [self._live[id_] for id_ in sorted(self._live)]
        return objects_of_records(records, [self.geometry(record.id) for record in records], len(self.shape))

    def record(self, id_: int) -> ObjectRecord:
        """Return the record of an object; `EditError` for the background or an id that is not there."""
        if id_ == 0:
            raise EditError("there is no cell here, only background; click on a cell")
        if id_ not in self._live:
            raise EditError(f"there is no cell #{id_} any more; choose another")
        return self._live[id_]

    def known(self, id_: int) -> ObjectRecord | None:
        """Return the record of an object that is there or was deleted, None of any other."""
        return self._live.get(id_, self._gone.get(id_))

    def geometry(self, id_: int) -> Geometry:
        """Return where an object lies; `EditError` if it is not there."""
        record = self.record(id_)
        if record.box is None:
            return self.index[id_]
        (y0, x0, y1, x1) = record.box
        area = (y1 - y0) * (x1 - x0)
        return Geometry(area, (area * (y0 + y1 - 1) // 2, area * (x0 + x1 - 1) // 2), Region((y0, x0), (y1, x1)))

    def region(self, ids: Iterable[int], *, plane: int | None = None, margin: int = 0) -> Region:
        """Return the box round objects, or round what can be of them in one plane, with a margin."""
        whole = join_regions([self.geometry(id_).region for id_ in ids]).grown(margin, self.shape)
        return whole.in_plane(plane)

    def apply(self, edit: Edit) -> None:
        """Make a change; sessions do this, nobody else: it is in no history.

        Raises
        ------
        EditError
            If the annotation is not what the edit was described for; nothing changes then.
        """
        if not self._fits(edit):
            raise EditError(f"{edit.name} no longer fits: the cells have changed since; do it again")
        if len(edit.pixels):
            index = self.index
            edit.pixels.write(self.pixels)
            index.update(self.pixels, edit.pixels)
        for change in edit.records:
            self._put(change)

    def twin(self, labels: Labels | None) -> Annotation:
        """Return the same annotation as it is now on a copy of its labels, which nobody changes."""
        records = [*self._live.values(), *self._gone.values()]
        twin = Annotation(labels, records, self.classes, self.provenance, shape=self.shape)
        if labels is not None:
            twin.index = self.index.copy()
        return twin

    def fingerprint(self) -> str:
        """Return a sha256 over labels and records: it tells whether a journal belongs to this state."""
        digest = hashlib.sha256(f"{self.shape}".encode())
        if self.labels is not None:
            digest.update(self.labels.data)
        kept = sorted([*self._live.values(), *self._gone.values()], key=lambda record: record.id)
        digest.update(json.dumps([record_dict(record) for record in kept]).encode())
        return digest.hexdigest()

    def _fits(self, edit: Edit) -> bool:
        known = all(self.known(change.id) == change.before for change in edit.records)
        return known and (len(edit.pixels) == 0 or edit.pixels.holds(self.pixels))

    def _put(self, change: RecordChange) -> None:
        self._live.pop(change.id, None)
        self._gone.pop(change.id, None)
        if change.after is not None:
            (self._gone if change.after.gone else self._live)[change.id] = change.after
            self.next_id = max(self.next_id, change.id + 1)


def describe(
    annotation: Annotation,
    name: str,
    pixels: PixelRuns | None = None,
    records: Iterable[ObjectRecord] = (),
    *,
    removed: Iterable[int] = (),
) -> Edit:
    """Return the edit that changes pixels and records as given, and removes those of boxes.

    What is not given follows from the pixels: an object that loses its last one has no record any more, one that gains
    its first was drawn, and any other whose outline changes was edited.

    Raises
    ------
    EditError
        If an id is beyond what a label image holds.
    """
    runs = pixels or no_pixels()
    after: dict[int, ObjectRecord | None] = {record.id: record for record in records}
    after |= dict.fromkeys(removed)
    for id_, grown in areas_changed(runs).items():
        if annotation.index.area(id_) + grown == 0:
            given = after.get(id_)
            after[id_] = given if given is not None and given.gone else None
        elif id_ not in after:
            known = annotation.records.get(id_)
            after[id_] = drawn(id_) if known is None else known.edited()
    if after and not 0 < min(after) <= max(after) < LAST_ID:
        raise EditError(f"{name} needs a cell of number {max(after)}; numbers go from 1 to {LAST_ID - 1}")
    changes = (RecordChange(annotation.known(id_), record) for id_, record in sorted(after.items()))
    return Edit(name, runs, tuple(change for change in changes if change.before != change.after))
