"""The cells and links of the frames of a film that have passed, in files where it may be long.

As values of Python they took 350 bytes for each cell, so that memory grew as long as a film ran.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.storage.frame_arrays import FrameArrays
from napari_cellvino.tracking.frame_cells import FrameCells
from napari_cellvino.tracking.gaps import CellPlaces, Links
from napari_cellvino.tracking.linking import LEFT, Hypothesis
from napari_cellvino.tracking.tracks import GONE, Node

NOBODY = -9  # stands for the second daughter of a cell that does not divide


class FramesPassed:
    """The cells of the frames of a film, without pixels, and how far the field moved before each."""

    def __init__(self, folder: Path | None) -> None:
        self._cells = FrameArrays(None if folder is None else folder / "cells")
        self._moved = array("d")
        self._shapes: dict[tuple[int, ...], int] = {}
        self._shape_of = array("i")

    def __len__(self) -> int:
        return len(self._cells)

    def add(self, cells: FrameCells, moved: NDArray[np.float64]) -> None:
        """Add a frame, and the step (D,) in px that the field made to it."""
        self._cells.append(np.column_stack([cells.labels, cells.sizes, cells.at_edge, cells.centroids]))
        self._moved.extend(moved.tolist())
        self._shape_of.append(self._shapes.setdefault(cells.shape, len(self._shapes)))

    def places(self) -> CellPlaces:
        """Return where the cells of all frames are."""
        frames = [self._frame(number) for number in range(len(self))]
        drift = np.cumsum(np.reshape(self._moved, (len(frames), -1)), axis=0) if frames else np.zeros((0, 2))
        return CellPlaces(frames, drift)

    def _frame(self, number: int) -> FrameCells:
        held, shape = self._cells[number], tuple(self._shapes)[self._shape_of[number]]
        labels, sizes = held[:, 0].astype(np.int64), held[:, 1].astype(np.int64)
        empty = np.zeros((0,) * len(shape), np.int32)
        return FrameCells(shape, labels, held[:, 3:].copy(), sizes, held[:, 2] > 0, empty, (), np.zeros(0, np.intp))


class LinksPassed:
    """The links from frame to frame of a film."""

    def __init__(self, folder: Path | None) -> None:
        self._links = FrameArrays(None if folder is None else folder / "links")
        self._ones, self._twos = array("i"), array("i")

    def add(self, one: int, two: int, found: Sequence[Hypothesis]) -> None:
        """Add what the cells of a frame, by their places in it, became in a later one."""
        self._ones.append(one)
        self._twos.append(two)
        rows = [(link.before, *link.after, NOBODY)[:3] for link in found]
        self._links.append(np.array(rows, np.float64).reshape(-1, 3))

    def named(self, film: CellPlaces) -> Links:
        """Return all links, between the cells of the film."""
        links: Links = {}
        for number, (one, two) in enumerate(zip(self._ones, self._twos, strict=True)):
            pairs = [(before, (k, m)[: 2 - (m == NOBODY)]) for before, k, m in self._links[number].astype(int).tolist()]
            links |= _named(pairs, film.nodes(one), film.nodes(two))
        return links


def named_links(found: Sequence[Hypothesis], before: Sequence[Node], after: Sequence[Node]) -> Links:
    """Return links between the cells of two frames, which are given in the order of their labels."""
    return _named([(link.before, link.after) for link in found], before, after)


def _named(found: Sequence[tuple[int, tuple[int, ...]]], before: Sequence[Node], after: Sequence[Node]) -> Links:
    return {before[one]: tuple(GONE if k == LEFT else after[k] for k in later) for one, later in found}
