"""A label image as runs: stretches of one object along one row.

Area, moments and hull of an object follow from its runs in closed form, and a cell of 700 px has only 30 of them: so
the pixels are passed once, to find the runs, and everything after costs next to nothing. Cropping each object and
measuring it alone, as is usual, costs more in calls than in arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.compiled import compiled
from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.label_runs import DENSE, SMALL, Integers, LabelRuns, labelled_runs
from napari_cellvino.storage.large_arrays import give_back_pages

PART_PX = 2**22  # pixels of which values are gathered together


@dataclass(frozen=True)
class Part:
    """Some runs of the foreground, one after the other; arrays of equal length."""

    begin: NDArray[np.intp]
    length: NDArray[np.intp]

    @cached_property
    def pixels(self) -> NDArray[np.intp]:
        """The flat index of every pixel, run by run."""
        return _pixels(self.begin, self.length)

    @property
    def first(self) -> NDArray[np.intp]:
        """Where each run begins among the pixels."""
        return np.asarray(np.cumsum(self.length) - self.length)


@dataclass(frozen=True)
class Runs:
    """Runs of N objects, sorted by object, then row, then column; arrays of equal length R.

    Run r covers the pixels (y[r], x0[r]) to (y[r], x1[r] - 1). The foreground is all that is no background; ``begin``
    and ``length`` are of all its runs in raster order.
    """

    row: NDArray[np.intp]  # which object, 0 to N - 1
    y: NDArray[np.intp]
    x0: NDArray[np.intp]
    x1: NDArray[np.intp]
    order: NDArray[np.intp]  # of these runs among all runs of the foreground
    begin: NDArray[np.intp]  # flat index into the image
    length: NDArray[np.intp]
    starts: NDArray[np.intp]  # (N,): the first run of each object

    @cached_property
    def parts(self) -> list[Part]:
        """The runs of the foreground, in raster order and so many together that their pixels take little memory."""
        last = np.cumsum(self.length)
        ends = np.searchsorted(last, np.arange(PART_PX, last[-1] + PART_PX, PART_PX)) + 1 if len(last) else last
        edges = np.unique(np.minimum(np.append(0, ends), len(last)))
        return [Part(self.begin[a:b], self.length[a:b]) for a, b in pairwise(edges.tolist())]

    def total(self, per_run: NDArray[Any]) -> NDArray[np.float64]:
        """Return the sum over each object (N,) of values (R,) given per run."""
        return np.bincount(self.row, per_run, minlength=len(self.starts)).astype(np.float64, copy=False)


def find_runs(labels: Integers, ids: Integers, known: LabelRuns | None = None) -> Runs:
    """Return the runs of the objects ``ids`` (N,) in ``labels`` (Y, X); other labels are passed over.

    ``known`` are those of all labels, where they are known already.

    Raises
    ------
    ImageValueError
        If an object has no pixel in the label image.
    """
    begin, length, values = labelled_runs(labels, give_back_pages) if known is None else known.columns
    row = _rows_of(values, ids)
    if (loops := compiled(begin, length)) is not None:
        return _sorted_by(loops, begin, length, row, labels.shape[1], ids)
    few = row.astype(np.int16) if len(ids) < 2**15 else row  # sorted by their digits
    order = np.argsort(few, kind="stable")
    order = order[np.searchsorted(row[order], 0) :]
    row, first = row[order], begin[order]
    y = first // labels.shape[1]
    x0 = first - y * labels.shape[1]
    return Runs(row, y, x0, x0 + length[order], order, begin, length, _starts_of(row, ids))


def _sorted_by(
    loops: SimpleNamespace,
    begin: NDArray[np.intp],
    length: NDArray[np.intp],
    row: NDArray[np.intp],
    width: int,
    ids: Integers,
) -> Runs:
    """Return the runs of objects by a compiled loop, from the object (-1: none) of each."""
    sought = np.count_nonzero(row >= 0)
    starts = np.zeros(len(ids), np.intp)
    own, y, x0, x1, order = (np.empty(sought, np.intp) for _ in range(5))
    loops.sort_runs(begin, length, row, width, starts, own, y, x0, x1, order)
    _check_there(np.diff(starts, append=sought) == 0, ids)
    return Runs(own, y, x0, x1, order, begin, length, starts)


def find_owners(labels: Integers, ids: Integers) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the pixels (flat indices) of objects ``ids`` (N,) in ``labels`` (Y, X), and of each the row in ``ids``.

    Pixels of other labels are left out; not every object need be there.
    """
    begin, length, values = labelled_runs(labels, give_back_pages)
    row = _rows_of(values, ids)
    known = row >= 0
    return _pixels(begin[known], length[known]), np.repeat(row[known], length[known])


def box_runs(boxes: Integers, shape: tuple[int, ...]) -> Runs:
    """Return the runs of objects that fill their boxes (N, 4), in an image of ``shape`` (Y, X).

    Boxes may overlap: ``foreground`` then has a pixel once for each box.

    Raises
    ------
    ImageValueError
        If a box is empty or reaches out of the image.
    """
    y0, x0, y1, x1 = boxes.astype(np.intp).T
    bad = (y0 < 0) | (x0 < 0) | (y1 <= y0) | (x1 <= x0) | (y1 > shape[0]) | (x1 > shape[1])
    if bad.any():
        raise ImageValueError(f"box {boxes[bad][0].tolist()} (y0, x0, y1, x1) is empty or not within {shape} px")
    row = np.repeat(np.arange(len(boxes)), y1 - y0)
    starts = np.concatenate([np.zeros(1, np.intp), np.cumsum(y1 - y0)])[: len(boxes)]
    y = y0[row] + np.arange(len(row)) - starts[row]
    width = (x1 - x0)[row]
    begin = y * shape[1] + x0[row]
    return Runs(row, y, x0[row], x1[row], np.arange(len(row)), begin, width, starts)


def _pixels(begin: NDArray[np.intp], length: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the flat index of every pixel of runs, run by run."""
    ends = np.cumsum(length)
    return np.asarray(np.repeat(begin - (ends - length), length) + np.arange(length.sum()))


def _rows_of(values: Integers, ids: Integers) -> NDArray[np.intp]:
    """Return the position in ``ids`` (N,) of each value, or -1 where it is not there."""
    if len(ids) == 0:
        return np.full(len(values), -1, np.intp)
    highest = max(int(values.max(initial=0)), int(ids.max()))
    if highest <= max(DENSE * len(values), SMALL) and min(int(values.min(initial=0)), int(ids.min())) >= 0:
        table = np.full(highest + 1, -1, np.intp)
        table[ids] = np.arange(len(ids))
        return table[values]
    by_id = np.argsort(ids, kind="stable")
    place = np.minimum(np.searchsorted(ids[by_id], values), len(ids) - 1)
    rows = by_id[place]
    return np.where(ids[rows] == values, rows, -1)


def _starts_of(row: NDArray[np.intp], ids: Integers) -> NDArray[np.intp]:
    """Return the first run of each object, where runs are sorted by object."""
    starts = np.searchsorted(row, np.arange(len(ids)))
    _check_there(np.bincount(row, minlength=len(ids)) == 0, ids)
    return starts


def _check_there(absent: NDArray[np.bool_], ids: Integers) -> None:
    if absent.any():
        raise ImageValueError(
            f"object {ids[absent][0]} is in the table but not in the label image; "
            f"measure a table together with the labels it was made from"
        )
