"""Link a whole film: frame after frame, then over gaps, then what only the whole film tells."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.link_options import LinkOptions
from napari_cellvino.core.progress import Progress
from napari_cellvino.tracking.channels import link_channels
from napari_cellvino.tracking.drift import field_drift
from napari_cellvino.tracking.frame_cells import FrameCells, frame_cells
from napari_cellvino.tracking.gaps import CellPlaces, Links, close_gaps, undo_mergers, undo_short_divisions
from napari_cellvino.tracking.linking import LinkCandidates, best_links, candidates
from napari_cellvino.tracking.passed_frames import FramesPassed, LinksPassed, named_links
from napari_cellvino.tracking.tracks import GONE, Tracks, tracks_of_links

INERTIA = (0.5, 1.0)  # how much of its last step a cell may be expected to repeat


@dataclass(frozen=True, slots=True)
class LinkedFilm:
    """Tracks, and the cells of the frames that they were made of.

    Attributes
    ----------
    tracks
        The tracks.
    frames
        The cells of each frame, without their pixels.
    drift
        How far the field had moved by each frame, in px (T, D).
    """

    tracks: Tracks
    frames: tuple[FrameCells, ...]
    drift: NDArray[np.float64]

    def rows(self) -> TrackRows:
        """Return the cells of all tracks, by track and frame."""
        nodes = self.tracks.nodes
        count = sum(map(len, nodes.values()))
        frame, label = (
            np.fromiter((node[n] for held in nodes.values() for node in held), np.int64, count) for n in (0, 1)
        )
        above = max((int(cells.labels[-1]) for cells in self.frames if len(cells)), default=0) + 1
        keys = [number * above + cells.labels for number, cells in enumerate(self.frames)]
        at = np.searchsorted(np.concatenate(keys), frame * above + label) if keys else np.zeros(0, np.int64)
        track = np.repeat(np.fromiter(nodes, np.int64, len(nodes)), [len(held) for held in nodes.values()])
        return TrackRows(track.astype(np.int64), frame, label, at)


@dataclass(frozen=True, slots=True)
class TrackRows:
    """The cells of all tracks (P,): track, frame, label, and the place among the cells of all frames together."""

    track: NDArray[np.int64]
    frame: NDArray[np.int64]
    label: NDArray[np.int64]
    at: NDArray[np.int64]

    def of(self, by_frame: Sequence[NDArray[np.generic]]) -> NDArray[Any]:
        """Return values (P, …) of what each frame has for its cells, in the order of their labels."""
        return np.concatenate(by_frame)[self.at] if len(self.at) else np.zeros(0)


class FilmLinker:
    """Links frames as they come; of the pixels, those of the last frame with cells are held.

    A frame without cells (the lamp was off) is passed over: those on both sides of it are linked to each other.

    Parameters
    ----------
    options
        How cells are linked.
    keep
        Whether to hold what cells may become, for `relinked`.
    folder
        Where cells and links of the frames are put aside, in files of its own; None holds them in memory.
    """

    def __init__(self, options: LinkOptions, *, keep: bool = False, folder: Path | None = None) -> None:
        self.options = options
        self.kept: dict[tuple[int, int], LinkCandidates] | None = {} if keep else None
        self._passed, self._links = FramesPassed(folder), LinksPassed(folder)
        self._last: FrameCells | None = None
        self._at = 0  # the number of that frame
        self._in_channels: set[int] = set()
        self._steps: dict[int, NDArray[np.float64]] = {}  # of each of its cells beside the field, in a frame
        self._moved: NDArray[np.float64] = np.zeros(1)  # how far the field moved then, in a frame

    def add(self, image: NDArray[np.integer]) -> None:
        """Link the next label image (Y, X) or (Z, Y, X)."""
        self.add_cells(frame_cells(image))

    def add_cells(self, cells: FrameCells) -> None:
        """Link the cells of the next frame; what they look like counts where it is there."""
        number = len(self._passed)
        moved = np.zeros(cells.dimensions) if self._last is None else field_drift(self._last, cells)
        self._passed.add(cells, moved)
        if self._last is None or len(cells):
            if self._last is not None and number - self._at - 1 <= self.options.gap:
                self._link(self._last, cells, moved, number)
            self._last, self._at = cells, number

    def _link(self, before: FrameCells, after: FrameCells, drift: NDArray[np.float64], two: int) -> None:
        """Enter the links to the newest frame, and keep the last step of each of its cells."""
        one, found = self._at, link_channels(before, after, drift)
        if found is not None:
            self._in_channels.add(one)
        else:
            options = replace(self.options, reach=self.options.reach * (two - one) ** 0.5)
            possible = candidates(before, after, options, self._guesses(before, drift, two - one))
            found = best_links(possible, options)
            if self.kept is not None:
                self.kept[one, two] = possible
        self._links.add(one, two, found)
        self._steps, self._moved = {}, drift / (two - one)
        for link in found:
            if len(link.after) == 1:
                moved = after.centroids[link.after[0]] - before.centroids[link.before]
                self._steps[int(after.labels[link.after[0]])] = (moved - drift) / (two - one)

    def _guesses(self, before: FrameCells, drift: NDArray[np.float64], frames: int) -> list[NDArray[np.float64]]:
        """Return where cells may be expected: moved with the field alone, and by their own motion too.

        Few cells may be taken for a field that moves, which it does not: where one moved, both are expected.
        """
        still = np.tile(drift, (len(before), 1))
        own = np.zeros_like(still)
        for index, label in enumerate(before.labels.tolist()):
            if label in self._steps:
                own[index] = frames * self._steps[label]
        expected = [still, *(still + share * own for share in INERTIA)] if self._steps else [still]
        if drift.any() or self._moved.any():
            expected += [np.zeros_like(still), own + frames * self._moved]
        return expected

    def finish(self) -> LinkedFilm:
        """Return the tracks of all frames so far."""
        film = self._passed.places()
        return _finished(film, self._links.named(film), self.options, self._in_channels)

    def relinked(self, options: LinkOptions) -> LinkedFilm:
        """Return the tracks with other options, of the cells that are there: without pixels, at once.

        What a cell may become is taken as it was found; of ``options``, the reach counts over gaps only.
        """
        kept, film = self.kept or {}, self._passed.places()
        again = {one for one, _ in kept}
        links = {node: later for node, later in self._links.named(film).items() if node.frame not in again}
        for (one, two), possible in kept.items():
            links |= named_links(best_links(possible, options), film.nodes(one), film.nodes(two))
        return _finished(film, links, options, self._in_channels)


def _finished(film: CellPlaces, links: Links, options: LinkOptions, sure: set[int]) -> LinkedFilm:
    """Return the tracks of links from frame to frame, after what only the whole film tells."""
    undo_mergers(film, links, options, sure)
    close_channel_gaps(film, links, options, sure)
    close_gaps(film, links, options)
    undo_short_divisions(film, links, sure)
    return LinkedFilm(tracks_of_links([c.labels.tolist() for c in film.frames], links), tuple(film.frames), film.drift)


def close_channel_gaps(film: CellPlaces, links: Links, options: LinkOptions, sure: set[int]) -> None:
    """Enter links over gaps between cells in channels, by their order in the rows of the frames on both sides.

    A cell that ends goes on as, or divides into, cells that begin; that its row is aligned so tells more than distance.
    """
    begun = {later for laters in links.values() for later in laters}
    for missing in range(1, options.gap + 1):
        for one in sorted(sure):
            two = one + missing + 1
            if two >= len(film.frames) or begun.issuperset(film.nodes(two)) or links.keys() >= set(film.nodes(one)):
                continue
            moved = film.drift[two] - film.drift[one]
            found = link_channels(film.frames[one], film.frames[two], moved) or []
            for node, later in named_links(found, film.nodes(one), film.nodes(two)).items():
                if node not in links and GONE not in later and not begun.intersection(later):
                    links[node] = later
                    begun.update(later)


def link_film(
    frames: Iterable[NDArray[np.integer]], options: LinkOptions | None = None, *, total: int | None = None
) -> Generator[Progress, None, LinkedFilm]:
    """Yield progress and return the tracks of label images, which are read one by one.

    Parameters
    ----------
    frames
        Label images (Y, X) or (Z, Y, X).
    options
        How cells are linked; by default as suits most films.
    total
        Number of frames, for progress.
    """
    linker = FilmLinker(options or LinkOptions())
    for number, image in enumerate(frames, 1):
        linker.add(image)
        yield Progress("frames", number, total or number)
    return linker.finish()
