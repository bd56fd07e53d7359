"""Tracks as points, as other programs keep them: a place for each cell and frame, and which track came from which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.image import Spacing
from napari_cellvino.tracking.link_film import LinkedFilm


@dataclass(frozen=True, slots=True)
class TrackPoints:
    """P points of tracks, by track and then by frame.

    Attributes
    ----------
    track, frame
        The track and the frame, from 0, of each point (P,).
    places
        Where it is in px (P, D), as (y, x) or (z, y, x).
    sizes
        The size of the cell in px (P,); 0 where it is not known.
    parents
        The track that a track came from by division.
    spacing
        Size of a pixel in µm.
    interval_s
        Time between frames in s, None where it is not known.
    """

    track: NDArray[np.int64]
    frame: NDArray[np.int64]
    places: NDArray[np.float64]
    sizes: NDArray[np.float64]
    parents: Mapping[int, int] = field(default_factory=dict)
    spacing: Spacing = field(default_factory=Spacing)
    interval_s: float | None = None

    def __len__(self) -> int:
        return len(self.track)

    @property
    def dimensions(self) -> int:
        """2 or 3."""
        return int(self.places.shape[1])

    def edges(self) -> list[tuple[int, int]]:
        """Return the links as pairs of indices of points, the earlier one first: within tracks, and of divisions."""
        first: dict[int, int] = {}
        last: dict[int, int] = {}
        found = []
        for index, track in enumerate(self.track.tolist()):
            if track in last:
                found.append((last[track], index))
            first.setdefault(track, index)
            last[track] = index
        return found + [(last[parent], first[child]) for child, parent in sorted(self.parents.items())]


def points_of(film: LinkedFilm, spacing: Spacing, interval_s: float | None = None) -> TrackPoints:
    """Return the points of a linked film."""
    rows = film.rows()
    dimensions = film.frames[0].dimensions if film.frames else 2
    places = rows.of([cells.centroids for cells in film.frames]).reshape(-1, dimensions)
    sizes = rows.of([cells.sizes for cells in film.frames]).astype(np.float64)
    return TrackPoints(rows.track, rows.frame, places, sizes, dict(film.tracks.parents), spacing, interval_s)


def families_of(points: TrackPoints) -> tuple[dict[int, int], dict[int, int]]:
    """Return the generation and the first ancestor of each track."""
    generations, roots = {}, {}
    for track in np.unique(points.track).tolist():
        root, number = track, 0
        while root in points.parents:
            root, number = points.parents[root], number + 1
        generations[track], roots[track] = number, root
    return generations, roots


def points_of_graph(
    frame: NDArray[np.int64], places: NDArray[np.float64], sizes: NDArray[np.float64],
    edges: Sequence[tuple[int, int]], spacing: Spacing, interval_s: float | None, name: str,
) -> TrackPoints:  # fmt: skip
    """Return points from a graph: a chain is a track, and where a point has two later ones, it divides.

    Raises
    ------
    ImageReadError
        If a link goes back in time, or two points become one.
    """
    later: dict[int, list[int]] = {}
    earlier: dict[int, int] = {}
    for one, two in edges:
        if frame[one] >= frame[two]:
            raise ImageReadError(f"{name} has a link from frame {frame[one]} to {frame[two]}, which goes back in time")
        if two in earlier:
            raise ImageReadError(f"{name} has two cells that become one in frame {frame[two]}; tracks here only divide")
        later.setdefault(one, []).append(two)
        earlier[two] = one
    own: dict[int, int] = {}
    parents: dict[int, int] = {}
    count = 0
    for index in np.argsort(frame, kind="stable").tolist():
        before = earlier.get(index)
        if before is not None and len(later[before]) == 1:
            own[index] = own[before]
            continue
        count += 1
        own[index] = count
        if before is not None:
            parents[count] = own[before]
    track = np.array([own[n] for n in range(len(frame))], np.int64)
    order = np.lexsort((frame, track))
    return TrackPoints(track[order], frame[order], places[order], sizes[order], parents, spacing, interval_s)
