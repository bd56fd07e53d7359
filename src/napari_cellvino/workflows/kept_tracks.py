"""Tracks that a person corrected, which stay as they are when their film is tracked again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation import Annotation, ObjectRecord
from napari_cellvino.core.errors import ReplaceError
from napari_cellvino.core.image import Origin
from napari_cellvino.io.label_tiff import read_label_pixels
from napari_cellvino.results.film_folder import FilmResult, read_film
from napari_cellvino.tracking.film_annotation import annotate_film
from napari_cellvino.tracking.tracks import Node, Tracks, relabel

HALF = 0.5  # of a found cell: if as much of it lies under a corrected one, it is that one again

Labels = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class KeptTracks:
    """What stays of an earlier result."""

    result: FilmResult
    records: Mapping[int, ObjectRecord]
    origin: Origin

    @property
    def said(self) -> str:
        """What is kept, as a sentence."""
        return f"kept as you corrected them: {len(self.records):,} track{'s' * (len(self.records) != 1)}"

    def leave_out(self, number: int, found: Labels) -> Labels:
        """Return the cells found in a frame without those that are kept, or were deleted there."""
        mine = self._frame(number) > 0
        mine = np.pad(mine, [(0, max(a - b, 0)) for a, b in zip(found.shape, mine.shape, strict=True)])
        mine = mine[: found.shape[0], : found.shape[1]].copy()
        for record in self.records.values():
            if record.deleted and record.box is not None and record.box[0] <= number < record.box[3]:
                mine[record.box[1] : record.box[4], record.box[2] : record.box[5]] = True
        count = int(found.max(initial=0)) + 1
        whole, under = (np.bincount(image.reshape(-1), minlength=count) for image in (found, found[mine]))
        gone = under >= HALF * np.maximum(whole, 1)
        return np.where(mine | gone[found], 0, found)

    def _frame(self, number: int) -> NDArray[np.int32]:
        """Return the kept tracks in a frame as labels."""
        here = {
            node.label: track
            for track, nodes in self.result.tracks.nodes.items()
            if track in self.records
            for node in nodes
            if node.frame == number
        }
        return relabel(read_label_pixels(self.result.masks[number])[0], here)

    def joined(self, found: Tracks, labels: Callable[[int], Labels]) -> Annotation:
        """Return the kept tracks and those that were found beside them; the latter get numbers above."""
        above = max(self.records, default=0)
        nodes = {
            track + above: tuple(Node(n.frame, n.label + above) for n in own) for track, own in found.nodes.items()
        }
        parents = {track + above: parent + above for track, parent in found.parents.items()}
        for track, own in self.result.tracks.nodes.items():
            if track in self.records:
                nodes[track] = tuple(Node(node.frame, track) for node in own)

        def both(number: int) -> Labels:
            image, mine = np.asarray(labels(number), np.int64), self._frame(number)
            image = np.where(image > 0, image + above, 0)
            image[: mine.shape[0], : mine.shape[1]] += np.where(image[: mine.shape[0], : mine.shape[1]] > 0, 0, mine)
            return image

        count = len(self.result.masks)
        known = [r if r.parent in self.records else replace(r, parent=0) for r in self.records.values()]
        return annotate_film(map(both, range(count)), Tracks(nodes, parents), count, self.origin, known)


def kept_tracks(folder: Path, count: int) -> KeptTracks | None:
    """Return what was corrected in an earlier result of a film of ``count`` frames, None where nothing was.

    Raises
    ------
    ReplaceError
        If the film had another number of frames then.
    """
    if not (folder / "ctc").is_dir():
        return None
    result = read_film(folder)
    if not result.corrected:
        return None
    if len(result.masks) != count:
        raise ReplaceError(
            f"{folder} holds corrections of a film of {len(result.masks)} frames, and this one has {count}; they would "
            "be lost",
            remedy="choose another folder",
            command="choose another --out",
        )
    return KeptTracks(result, {record.id: record for record in result.corrected}, Origin(path=str(folder)))
