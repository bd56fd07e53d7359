"""The records of what a model found, made when one of them is asked for.

Of a preview that a slider makes only their number and states are seen, and it is gone when the slider moves on: a
record for each of 14,000 cells takes a tenth of a second, and what it leaves to be cleaned up as much again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import ItemsView, Iterator, Mapping, ValuesView

import numpy as np

from napari_cellvino.annotation.record import ObjectRecord
from napari_cellvino.annotation.record_columns import records_of_objects
from napari_cellvino.core.objects import ObjectOrigin, Objects, ReviewState


class FoundRecords(Mapping[int, ObjectRecord]):
    """The records of ``objects`` by id; with their boxes if ``boxes``, where objects have no pixels."""

    def __init__(self, objects: Objects, *, boxes: bool) -> None:
        self._objects, self._boxes = objects, boxes
        self._made: dict[str, dict[int, ObjectRecord]] = {}

    @property
    def objects(self) -> Objects:
        """The objects that were found, by id."""
        return self._objects.select(np.argsort(self._objects.id, kind="stable"))

    def made(self) -> dict[int, ObjectRecord]:
        """Return the records, which are the same ones for all threads: what the first one made holds."""
        if not self._made:
            records = records_of_objects(self._objects, boxes=self._boxes)
            self._made.setdefault("records", {record.id: record for record in records})
        return self._made["records"]

    def states(self) -> Counter[tuple[ReviewState, bool]]:
        """Return the number of objects of each review state; none of them is excluded."""
        states, number = np.unique(self._objects.review, return_counts=True)
        return Counter({(ReviewState(s), False): n for s, n in zip(states.tolist(), number.tolist(), strict=True)})

    @property
    def protected(self) -> bool:
        """Whether there is one that a new run leaves unchanged."""
        found = self._objects
        reviewed = found.review != ReviewState.UNSEEN
        return bool((reviewed | (found.origin == ObjectOrigin.IMPORTED)).any())

    def __len__(self) -> int:
        return len(self._made["records"] if self._made else self._objects)

    def __getitem__(self, id_: int) -> ObjectRecord:
        return self.made()[id_]

    def values(self) -> ValuesView[ObjectRecord]:
        """Return all records, without a look-up for each."""
        return self.made().values()

    def items(self) -> ItemsView[int, ObjectRecord]:
        """Return all ids with their records, as `values`."""
        return self.made().items()

    def __iter__(self) -> Iterator[int]:
        return iter(self.made())
