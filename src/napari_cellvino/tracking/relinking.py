"""Link the cells of a film again with other options: what was found stays, and so do tracks that a person corrected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import replace

import numpy as np

from napari_cellvino.annotation import Annotation, Edit, ObjectRecord, Region, make_edit
from napari_cellvino.annotation.pixel_runs import join_runs, runs_between
from napari_cellvino.core.link_options import LinkOptions
from napari_cellvino.core.progress import Progress
from napari_cellvino.tracking.frame_cells import frame_cells
from napari_cellvino.tracking.link_film import FilmLinker, LinkedFilm
from napari_cellvino.tracking.placed_looks import PlacedLooks

NAME = "Link again"


class Relinker:
    """Links the cells of an annotated film, prepared once, for any options that do not need pixels."""

    def __init__(self, annotation: Annotation, reach: float) -> None:
        self._annotation, self.reach = annotation, reach
        self._linker = FilmLinker(LinkOptions(reach=reach), keep=True)
        self.has_features = False  # of any cell

    def prepare(self, looks_of: Callable[[int], PlacedLooks | None]) -> Generator[Progress, None, Relinker]:
        """Yield progress while looking at all frames, and return this.

        ``looks_of`` gives what was measured of the cells of a frame, None where nothing was.
        """
        annotation = self._annotation
        kept = [record.id for record in annotation.records.values() if record.protected]
        for number in range(annotation.shape[0]):
            plane = annotation.pixels[number]
            cells, looks = frame_cells(np.where(np.isin(plane, kept), 0, plane) if kept else plane), looks_of(number)
            self.has_features |= looks is not None and looks.looks.features is not None
            self._linker.add_cells(cells if looks is None else replace(cells, looks=looks.of(cells)))
            yield Progress("looking at frames", number + 1, annotation.shape[0])
        return self

    def linked(self, options: LinkOptions) -> LinkedFilm:
        """Return the tracks of all cells that are not of corrected tracks; labels are ids of the annotation."""
        return self._linker.relinked(options)


def relink(annotation: Annotation, linked: LinkedFilm) -> Edit:
    """Return the edit by which the tracks of an annotated film become others.

    Parameters
    ----------
    annotation
        The film.
    linked
        As of `Relinker.linked`. A track keeps the id that most of its cells have.
    """
    ids = _ids(annotation, linked)
    new_id: dict[int, dict[int, int]] = {}
    for track, nodes in linked.tracks.nodes.items():
        for node in nodes:
            if node.label != ids[track]:
                new_id.setdefault(node.frame, {})[node.label] = ids[track]
    runs = []
    for frame, changed in new_id.items():
        plane = annotation.pixels[frame]
        table = np.arange(int(plane.max()) + 1, dtype=np.int32)
        table[list(changed)] = list(changed.values())
        place = Region((frame, *(0,) * plane.ndim), (frame + 1, *plane.shape))
        runs.append(runs_between(annotation.shape, place, plane[None], table[plane][None]))
    records = [_record(annotation, ids, linked, track) for track in linked.tracks.nodes]
    return replace(make_edit(annotation, NAME, join_runs(runs), records), rerun=True)


def _ids(annotation: Annotation, linked: LinkedFilm) -> dict[int, int]:
    """Return the id of each track: that of most of its cells, unless a longer one has it, or a free one."""
    nodes, free = linked.tracks.nodes, annotation.next_id
    ids: dict[int, int] = {}
    taken: set[int] = set()
    for track in sorted(nodes, key=lambda t: (-len(nodes[t]), t)):
        wanted = next((i for i, _ in Counter(n.label for n in nodes[track]).most_common() if i not in taken), free)
        free += wanted == free
        ids[track] = wanted
        taken.add(wanted)
    return ids


def _record(annotation: Annotation, ids: dict[int, int], linked: LinkedFilm, track: int) -> ObjectRecord:
    """Return the record of a track; a corrected mother stays that of a track that begins as it did."""
    parent = ids.get(linked.tracks.parents.get(track, 0), 0)
    before = annotation.records[linked.tracks.nodes[track][0].label]
    mother = annotation.records.get(before.parent)
    if not parent and mother is not None and mother.protected and before.id == ids[track]:
        parent = before.parent
    known = annotation.records.get(ids[track], ObjectRecord(ids[track]))
    return replace(known, parent=parent)
