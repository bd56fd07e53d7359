"""Tracks of another program, put on label images: each of its points is the cell that it lies in, or the nearest one.

What links the cells is then that program, not this one; all else (measures, corrections, other formats) is as usual.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import OptionError
from napari_cellvino.formats.track_formats import read_track_points
from napari_cellvino.formats.track_points import TrackPoints
from napari_cellvino.tracking.frame_cells import FrameCells
from napari_cellvino.tracking.link_film import LinkedFilm
from napari_cellvino.tracking.tracks import Node, tracks_of_links

NEAR = 1.0  # diameters that a point may lie from the middle of a cell that it is not in


@dataclass
class GivenTracks:
    """Tracks of a file, which are put on the cells of a film frame by frame.

    Parameters
    ----------
    path
        TrackMate XML, GEFF, a CSV of napari or btrack, or an HDF5 of btrack.
    count
        The number of frames of the film.

    Raises
    ------
    ImageReadError
        If it cannot be read.
    OptionError
        If it has points in frames that the film does not have.
    """

    path: Path
    count: int

    def __post_init__(self) -> None:
        self._points = read_track_points(self.path)
        last = int(self._points.frame.max(initial=-1))
        if last >= self.count:
            raise OptionError(f"{self.path.name} has tracks up to frame {last + 1} and the film {self.count} frames")
        self._node: dict[int, Node] = {}  # of each point
        self._alone = 0  # cells without a point

    def put_on(self, number: int, image: NDArray[np.integer], cells: FrameCells) -> None:
        """Note which cell of a frame each of its points is."""
        here = np.flatnonzero(self._points.frame == number)
        places = _places(self._points, here, cells.dimensions)
        chosen = _cells_of(places, image, cells)
        self._node |= {
            int(point): Node(number, int(cells.labels[cell]))
            for point, cell in zip(here, chosen, strict=True)
            if cell >= 0
        }
        self._alone += len(cells) - int((chosen >= 0).sum())

    def linked(self, film: LinkedFilm) -> LinkedFilm:
        """Return the film with the tracks of the file; cells that are in none of them are left out."""
        links: dict[Node, tuple[Node, ...]] = {}
        for one, two in _edges(self._points, self._node):
            links[one] = (*links.get(one, ()), two)
        cells: list[list[int]] = [[] for _ in range(self.count)]
        for node in self._node.values():
            cells[node.frame].append(node.label)
        return replace(film, tracks=tracks_of_links([sorted(labels) for labels in cells], links))

    @property
    def notices(self) -> tuple[str, ...]:
        """What did not fit, as sentences."""
        lost, name = len(self._points) - len(self._node), self.path.name
        said = (
            (lost, f"of the {len(self._points):,} points in {name} are near no cell, and are left out"),
            (self._alone, f"cells, of all frames, are in no track of {name}, and are left out"),
        )
        return tuple(f"{count:,} {what}" for count, what in said if count)


def _places(points: TrackPoints, which: NDArray[np.int64], dimensions: int) -> NDArray[np.float64]:
    """Return places (N, D) of points in as many dimensions as the cells have."""
    held = points.places[which]
    if points.dimensions < dimensions:
        raise OptionError("the tracks are flat and the label images are volumes; give label images of a projection")
    return held[:, points.dimensions - dimensions :]


def _cells_of(places: NDArray[np.float64], image: NDArray[np.integer], cells: FrameCells) -> NDArray[np.int64]:
    """Return the index of the cell of each place (N,), -1 for none; no cell is given twice."""
    chosen = np.full(len(places), -1)
    if not len(cells) or not len(places):
        return chosen
    at = tuple(np.clip(np.rint(places[:, n]).astype(int), 0, size - 1) for n, size in enumerate(image.shape))
    away = np.linalg.norm(places[:, None] - cells.centroids, axis=2) / np.maximum(cells.diameters, 1.0)
    inside = image[at][:, None] == cells.labels
    costs = np.where(inside, away / (1 + away) - 1, np.where(away <= NEAR, away, 1e6))  # inside is always better
    from scipy.optimize import linear_sum_assignment  # it takes half a second to import

    rows, columns = linear_sum_assignment(costs)
    fits = costs[rows, columns] < 1e6
    chosen[rows[fits]] = columns[fits]
    return chosen


def _edges(points: TrackPoints, node: dict[int, Node]) -> Sequence[tuple[Node, Node]]:
    """Return the links between cells; where a point is no cell, from the one before it to those after."""
    came: dict[int, int] = {}  # from which point that is a cell
    links = []
    for one, two in sorted(points.edges(), key=lambda edge: int(points.frame[edge[1]])):
        came[two] = one if one in node else came.get(one, one)
        if two in node and came[two] in node:
            links.append((node[came[two]], node[two]))
    return links
