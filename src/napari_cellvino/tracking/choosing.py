"""The best set of hypotheses in which no cell is used twice, found exactly.

Most are decided without a solver. A division that gains less than one of its links alone is never chosen. A hypothesis
that gains more than the best other ones of all its cells together is always chosen: whatever a solution has in their
place, it is better with this one. What neither tells are groups of cells here and there in a crowd: small ones are
searched whole. Where there is a large one, all are solved at once: a solver takes longer to set up than to solve.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

SMALL = 18  # hypotheses of a group that is searched whole
IN_PART = 1e-6  # of a hypothesis, from which on it is not taken whole

Indices = NDArray[np.int64]
Floats = NDArray[np.float64]


def choose(before: Indices, after: Indices, gains: Floats, earlier: int, later: int) -> Indices:
    """Return which of H hypotheses cost least together, where each cell is in at most one of them.

    Parameters
    ----------
    before
        The cell (H,) of the earlier frame of each.
    after
        The one or two cells (H, 2) of the later frame, -1 for none.
    gains
        What each costs (H,) less what it costs to leave its cells alone; only those below 0 may be chosen.
    earlier, later
        How many cells the frames have.
    """
    cells = np.column_stack([before, np.where(after >= 0, after + earlier, -1)])
    open_ = np.flatnonzero((gains < 0) & ~_dominated(cells, gains, earlier + later))
    chosen: list[Indices] = []
    while len(open_):
        sure = _sure(cells[open_], gains[open_], earlier + later)
        if not sure.any():
            chosen.append(open_[_solved(cells[open_], gains[open_], earlier + later)])
            break
        chosen.append(open_[sure])
        taken = np.zeros(earlier + later + 1, bool)
        taken[cells[open_[sure]].ravel()] = True
        taken[-1] = False  # where -1 points
        open_ = open_[~taken[cells[open_]].any(1)]
    return np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, np.int64)


def _dominated(cells: Indices, gains: Floats, count: int) -> NDArray[np.bool_]:
    """Return which hypotheses (H,) are divisions that gain no more than one of their links alone."""
    double = cells[:, 2] >= 0
    single = np.flatnonzero(~double)
    keys = cells[single, 0] * count + cells[single, 1]
    order = np.argsort(keys)
    keys, known = keys[order], gains[single][order]
    worse = np.zeros(len(gains), bool)
    for column in (1, 2):
        wanted = cells[double, 0] * count + cells[double, column]
        place = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
        found = keys[place] == wanted if len(keys) else np.zeros(len(wanted), bool)
        worse[np.flatnonzero(double)[found]] |= gains[double][found] >= known[place[found]]
    return worse


def _sure(cells: Indices, gains: Floats, count: int) -> NDArray[np.bool_]:
    """Return which hypotheses (H,) gain more than the best others of all their cells together."""
    numbers = np.repeat(np.arange(len(gains)), cells.shape[1])
    flat = cells.ravel()
    numbers, flat = numbers[flat >= 0], flat[flat >= 0]
    order = np.lexsort((gains[numbers], flat))
    flat, numbers = flat[order], numbers[order]
    start = np.flatnonzero(np.r_[True, flat[1:] != flat[:-1]])
    best = np.full(count, -1)
    best[flat[start]] = numbers[start]
    gain, other = np.zeros(count + 1), np.zeros(count + 1)
    gain[flat[start]] = gains[numbers[start]]
    second = start + 1
    second = second[(second < len(flat))]
    second = second[flat[second] == flat[second - 1]]
    other[flat[second]] = gains[numbers[second]]
    of_others = np.where(best[cells] == np.arange(len(gains))[:, None], other[cells], gain[cells])
    of_others[cells < 0] = 0.0
    ties = np.isclose(gains, of_others.sum(1))  # two that are each other's equal must not both be sure
    return np.asarray((gains < of_others.sum(1)) & ~ties)


def _solved(cells: Indices, gains: Floats, count: int) -> Indices:
    """Return which hypotheses gain most together: of small groups that share cells by search, else by programming."""
    numbers = np.broadcast_to(np.arange(len(gains))[:, None], cells.shape)[cells >= 0]
    shape = (count + len(gains),) * 2
    joined = sparse.coo_array((np.ones(len(numbers)), (cells[cells >= 0], numbers + count)), shape=shape)
    _, group = csgraph.connected_components(joined, directed=False)
    group = group[count:]
    order = np.argsort(group, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
    if max(map(len, groups)) > SMALL:
        return _programmed(cells, gains)
    return np.concatenate([members[_searched(cells[members], gains[members])] for members in groups])


def _searched(cells: Indices, gains: Floats) -> Indices:
    """Return which of a few hypotheses gain most together, by trying all that may be better than the best so far."""
    order = np.argsort(gains)
    used = [sum(1 << cell for cell in row if cell >= 0) for row in _numbered(cells)[order].tolist()]
    gain = gains[order].tolist()
    left = np.append(np.cumsum(gains[order][::-1])[::-1], 0.0).tolist()  # what all that follow gain
    best: tuple[float, tuple[int, ...]] = (0.0, ())
    waiting: list[tuple[int, int, float, tuple[int, ...]]] = [(0, 0, 0.0, ())]
    while waiting:
        at, taken, total, chosen = waiting.pop()
        best = min(best, (total, chosen), key=lambda found: found[0])
        if at == len(gain) or total + left[at] >= best[0]:
            continue
        waiting.append((at + 1, taken, total, chosen))
        if not taken & used[at]:
            waiting.append((at + 1, taken | used[at], total + gain[at], (*chosen, at)))
    return order[list(best[1])]


def _programmed(cells: Indices, gains: Floats) -> Indices:
    """Return which hypotheses gain most together, by programming.

    Where hypotheses may be taken in part, which is solved in less than half the time, they nearly always are not; then
    that is the best choice of whole ones too.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp  # it takes half a second to import

    cells = _numbered(cells)
    numbers = np.broadcast_to(np.arange(len(gains))[:, None], cells.shape)[cells >= 0]
    used = sparse.csr_array((np.ones(len(numbers)), (cells[cells >= 0], numbers)), shape=(cells.max() + 1, len(gains)))
    for whole in (0, 1):
        solved = milp(
            gains, constraints=LinearConstraint(used, -np.inf, 1), bounds=Bounds(0, 1),
            integrality=np.full(len(gains), whole), options={"mip_rel_gap": 1e-9},
        )  # fmt: skip
        if np.abs(solved.x - np.round(solved.x)).max() < IN_PART:
            break
    return np.flatnonzero(solved.x > 0.5)


def _numbered(cells: Indices) -> Indices:
    """Return cells by numbers from 0, without holes; -1 stays."""
    known, numbers = np.unique(cells, return_inverse=True)
    return np.asarray(numbers.reshape(cells.shape) - int(known[0] < 0), np.int64)
