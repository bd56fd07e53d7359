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
from napari_cellvino.results.film_folder import CTC_NAME, FilmResult, read_film
from napari_cellvino.tracking.film_annotation import annotate_film
from napari_cellvino.tracking.lasting_ids import keep_ids
from napari_cellvino.tracking.link_film import LinkedFilm
from napari_cellvino.tracking.settling import settled_links, settled_of
from napari_cellvino.tracking.tracks import GONE, Links, Node, Tracks, relabel, tracks_of_links
from napari_cellvino.workflows.film import Film

HALF = 0.5  # of a found cell: if as much of it lies under a corrected one, it is that one again

Labels = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class KeptTracks:
    """What stays of an earlier result, of a film that may have grown since.

    Attributes
    ----------
    result
        The earlier result.
    records
        The records of what is kept, by track.
    origin
        Where it was.
    count
        The number of frames of the film now.
    """

    result: FilmResult
    records: Mapping[int, ObjectRecord]
    origin: Origin
    count: int

    @property
    def folder(self) -> Path:
        """Where the earlier result is."""
        return Path(self.origin.path)

    @property
    def said(self) -> str:
        """What is kept, as a sentence."""
        kept = said_kept(len(self.records))
        more = self.count - len(self.result.masks)
        return f"{kept}; they go on in {more:,} further frame{'s' * (more != 1)}" if more else kept

    @property
    def _above(self) -> int:
        """Labels of cells that are found are numbers above those of kept tracks."""
        return max(self.records, default=0)

    @property
    def _last(self) -> int:
        """The last frame of the earlier result."""
        return len(self.result.masks) - 1

    def beside(self, number: int, found: Labels) -> Labels:
        """Return the cells found in a frame without those that are kept, or were deleted there.

        Of a film that has grown, those that are kept are in the last frame of the earlier result, so that they are
        linked to what they become.
        """
        mine = _fitted(self._frame(number), found.shape)
        taken = mine > 0
        for record in self.records.values():
            if record.deleted and record.box is not None:
                low, high = record.box[: len(record.box) // 2], record.box[len(record.box) // 2 :]
                if low[0] <= number < high[0]:
                    taken[tuple(slice(a, b) for a, b in zip(low[1:], high[1:], strict=True))] = True
        count = int(found.max(initial=0)) + 1
        whole, under = (np.bincount(image.reshape(-1), minlength=count) for image in (found, found[taken]))
        gone = under >= HALF * np.maximum(whole, 1)
        beside = np.where(taken | gone[found] | (found == 0), 0, found.astype(np.int64) + self._above)
        return np.where(mine > 0, mine, beside) if number == self._last < self.count - 1 else beside

    def _frame(self, number: int) -> NDArray[np.int32]:
        """Return the kept tracks in a frame as labels."""
        if number > self._last:
            return np.zeros((0,) * read_label_pixels(self.result.masks[0])[0].ndim, np.int32)
        here = {
            node.label: track
            for track, nodes in self.result.tracks.nodes.items()
            if track in self.records
            for node in nodes
            if node.frame == number
        }
        return relabel(read_label_pixels(self.result.masks[number])[0], here)

    def joined(self, found: LinkedFilm, labels: Callable[[int], Labels]) -> Annotation:
        """Return the kept tracks, with what they become in further frames, and those that were found beside them.

        Parameters
        ----------
        found
            The tracks of the cells of `beside`.
        labels
            Gives these label images.
        """
        kept = {
            track: tuple(Node(node.frame, track) for node in own)
            for track, own in self.result.tracks.nodes.items()
            if track in self.records
        }
        earlier = Tracks(kept, {t: self.records[t].parent for t in kept})
        settled = settled_of(earlier, set(kept), self._last)
        nodes = [{*cells.labels.tolist()} for cells in found.frames]
        for own in kept.values():
            for node in own:
                nodes[node.frame].add(node.label)
        links = self._with_families(settled_links(found.tracks.links(), settled), labels)
        known = {node: track for track, own in kept.items() for node in own}
        tracks = keep_ids(tracks_of_links([sorted(held) for held in nodes], links), known, self._above + 1)

        def both(number: int) -> Labels:
            image = np.asarray(labels(number), np.int64)
            return np.where(image > 0, image, _fitted(self._frame(number), image.shape))

        came = tracks.parents
        records = [r if r.parent in kept else replace(r, parent=came.get(r.id, 0)) for r in self.records.values()]
        return annotate_film(map(both, range(self.count)), tracks, self.count, self.origin, records)

    def _with_families(self, links: Links, labels: Callable[[int], Labels]) -> Links:
        """Return links with those divisions of the earlier result of which a kept track is the mother or a daughter.

        The others of such a family are the cells that are found where they were.
        """
        changed, earlier = dict(links), self.result.tracks
        for mother, daughters in earlier.divisions.items():
            if len({mother, *daughters} & self.records.keys()) in (0, 1 + len(daughters)):
                continue
            ends = [(mother, earlier.nodes[mother][-1]), *((d, earlier.nodes[d][0]) for d in daughters)]
            one, *later = [self._now(track, node, labels) for track, node in ends]
            there = tuple(node for node in later if node is not None)
            if one is None or not there:
                continue
            changed = {node: to for node, to in changed.items() if not set(there) & set(to)}
            changed[one] = there if len(there) > 1 else (*there, GONE)
        return changed

    def _now(self, track: int, node: Node, labels: Callable[[int], Labels]) -> Node | None:
        """Return the cell that one of the earlier result is now, None where none is found there."""
        if track in self.records:
            return Node(node.frame, track)
        image = np.asarray(labels(node.frame), np.int64)
        mask = _fitted(read_label_pixels(self.result.masks[node.frame])[0], image.shape) == node.label
        counts = np.bincount(image[mask])
        counts[:1] = 0
        return Node(node.frame, int(counts.argmax())) if counts.any() else None


def _fitted(image: NDArray[np.integer], shape: tuple[int, ...]) -> NDArray[np.integer]:
    """Return an image cut to a shape, or filled up with zeros."""
    cut = image[tuple(slice(0, size) for size in shape)]
    return np.pad(cut, [(0, a - b) for a, b in zip(shape, cut.shape, strict=True)])


def said_kept(count: int) -> str:
    """Return that so many tracks are kept, as a sentence."""
    return f"kept as you corrected them: {count:,} track{'s' * (count != 1)}"


def kept_tracks(folder: Path, film: Film) -> KeptTracks | None:
    """Return what was corrected in an earlier result of a film, None where nothing was.

    Raises
    ------
    ReplaceError
        If the film had more frames then, or others.
    """
    if not (folder / CTC_NAME).is_dir():
        return None
    result = read_film(folder)
    if not result.corrected:
        return None
    names, now = result.summary.get("files"), [file.name for file in film.files]
    others = isinstance(names, list) and len(now) > 1 and names != now[: len(names)]
    if len(result.masks) > film.count or (others and len(result.masks) != film.count):
        what = "other frames" if others else f"{len(result.masks)} frames, and this one has {film.count}"
        raise ReplaceError(
            f"{folder} holds corrections of a film of {what}; they would be lost",
            remedy="choose another folder",
            command="choose another --out",
        )
    records = {record.id: record for record in result.corrected}
    return KeptTracks(result, records, Origin(path=str(folder)), film.count)
