"""What an edit of tracks consists of: cells that go from one id to another, and records that follow."""

from __future__ import annotations

from dataclasses import replace

from napari_cellvino.annotation import Annotation, Edit, ObjectRecord, Region, make_edit
from napari_cellvino.annotation.pixel_runs import PixelRuns, join_runs
from napari_cellvino.annotation.record import drawn_record
from napari_cellvino.annotation.tools.single_object import reassign_pixels
from napari_cellvino.core.errors import EditError
from napari_cellvino.tracking.film_annotation import frames_of, parents_of


class TrackPieces:
    """Collects what an edit of tracks consists of."""

    def __init__(self, annotation: Annotation) -> None:
        self._annotation = annotation
        self._runs: list[PixelRuns] = []
        self._records: dict[int, ObjectRecord] = {}
        self._gone: set[int] = set()
        self._free = annotation.next_id

    def give(self, track: int, to: int, begin: int, end: int | None = None) -> None:
        """Give the cells of a track in frames from ``begin`` to before ``end`` to another one."""
        shape = self._annotation.shape
        frames = Region((begin, *(0,) * len(shape[1:])), (shape[0] if end is None else end, *shape[1:]))
        self._runs.append(reassign_pixels(self._annotation, [track], to, within=frames))
        for changed in (track, to):
            if changed in self._annotation.records:
                self.change(changed)

    def cut_off(self, track: int, begin: int, end: int | None = None) -> int:
        """Make cells of a track a new one, and return its id."""
        new = self.new_track(track)
        self.give(track, new, begin, end)
        return new

    def change(self, track: int, *, parent: int | None = None) -> None:
        """Mark a track as edited, and give it another parent."""
        known = self._records.get(track) or self._annotation.records.get(track) or drawn_record(track)
        self._records[track] = replace(known.edited(), parent=known.parent if parent is None else parent)

    def children(self, of: int, to: int) -> None:
        """Make the daughters of a track those of another one, or of none (0)."""
        for child in daughters_of(self._annotation, of):
            self.change(child, parent=to)

    def add(self, runs: PixelRuns) -> None:
        """Take in other changes of pixels."""
        self._runs.append(runs)

    def new_track(self, like: int) -> int:
        """Return the id of a new track, with the record of another one."""
        new, self._free = self._free, self._free + 1
        record = self._annotation.record(like)
        self._records[new] = replace(record.edited(), id=new, parent=0, sources=(), note="")
        return new

    def drop(self, track: int) -> None:
        """Note that a track has given all its cells away."""
        self._gone.add(track)

    def edit(self, name: str) -> Edit:
        """Return the edit."""
        records = [record for id_, record in self._records.items() if id_ not in self._gone]
        return make_edit(self._annotation, name, join_runs(self._runs), records, removed=self._gone)


def daughters_of(annotation: Annotation, mother: int) -> list[int]:
    """Return the tracks that came from one by division."""
    parents = parents_of(annotation.records.values())
    return sorted(track for track, parent in parents.items() if parent == mother)


def check_in(annotation: Annotation, track: int, frame: int) -> None:
    """Raise EditError where a track is not in a frame."""
    if frame not in frames_of(annotation, track):
        raise EditError(f"#{track} is not in frame {frame + 1}; go to one that it is in")
