"""Links between the cells of two frames: each cell goes on, divides, ends or begins, at the least cost together.

Every cell has a few hypotheses: it becomes one of the cells near it, divides into two of them, or ends; a cell of the
later frame that none explains begins. The best set of them, in which no cell is used twice, is found exactly by integer
programming (Jaqaman et al. 2008 solve links and divisions one after the other, which loses divisions whose first
daughter was linked already; Schiegg et al. 2013 decide them together). Costs are from overlap, distance and size, so
that any outlines can be linked; looks count where that is asked for. Where a cell is expected has several guesses
(where it was, moved with the field, by its own motion, as its neighbours move), and the one that explains a link best
counts.

References
----------
Jaqaman et al. 2008, "Robust single-particle tracking in live-cell time-lapse sequences"; Schiegg et al. 2013,
"Conservation tracking".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_cellvino.core.link_options import LinkOptions
from napari_cellvino.tracking.choosing import choose
from napari_cellvino.tracking.frame_cells import FrameCells, shared_pixels
from napari_cellvino.tracking.looks import unlike

NEAREST = 5  # cells of the later frame that a cell may become
DAUGHTERS = 4  # of these, the likeliest, two of which a cell may divide into
OVERLAP, DISTANCE, SIZE = 0.6, 0.5, 0.5  # weights of the costs; with more overlap, fast cells are lost
UNLIKE = 1.5  # weight of how unlike in size daughters are: a small new cell beside a large one is no division
CUT = 0.3  # of the cost of size, where the edge cuts a cell in both frames, or the smaller one of two daughters
ASIDE = 0.5  # weight of how far the middle of daughters lies from their mother, beside that of all links
AT_EDGE = 0.7  # of the cost of an end or a beginning, where a cell touches the edge
ROUNDS = 2  # in which links are sought with the motion of neighbours
FEWEST = 4  # links from which the motion of neighbours is told
NEIGHBOURS = 8  # links that it is told from
STIFFNESS = 0.3  # how little it is taken to change from place to place
SPARSE = 0.35  # part of the distance between neighbours that a cell of a sparse field may move as if it were its size
SPARSE_MOST = 2.5  # and the diameters that this may be at most

LEFT = -1

Indices = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A cell of the earlier frame becomes one or two of the later frame; indices into their cells.

    The second of two is `LEFT` where it left the field.
    """

    before: int
    after: tuple[int, ...]
    cost: float


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Cells that may become one another, P pairs: indices, and of each guess the shared px and the distance in px."""

    before: Indices
    after: Indices
    shared: Floats  # (guesses, P)
    expected: Floats  # (guesses, N, D)
    scales: Floats  # (N,) px that motion is measured in


@dataclass(frozen=True, slots=True)
class LinkCandidates:
    """What the cells of a frame may become in the next one: H hypotheses.

    They hold for all costs of ends, divisions and looks, so that these are changed without looking at pixels again.

    Attributes
    ----------
    before
        The cell (H,) of the earlier frame.
    after
        The one or two cells (H, 2) of the later frame, -1 for none.
    costs
        What each costs (H,), without that of a division and of looks.
    unlike
        How unlike the cells look (2, H): in intensity and in features, as `looks.unlike`.
    edges
        Which cells of the earlier and of the later frame touch the edge of the field.
    """

    before: Indices
    after: Indices
    costs: Floats
    unlike: Floats
    edges: tuple[NDArray[np.bool_], NDArray[np.bool_]]


def candidates(
    before: FrameCells, after: FrameCells, options: LinkOptions, guesses: Sequence[Floats] = ()
) -> LinkCandidates:
    """Return what the cells of a frame may become in the next one.

    Cells that push each other all move: after a first round, each cell is expected to move as the linked ones round it
    do, and the links are sought again.

    Parameters
    ----------
    before, after
        The cells of the frames.
    options
        How cells are linked; reach and end count here.
    guesses
        How far each cell may have moved, in px (N, D) each; by default not at all.
    """
    edges = before.at_edge, after.at_edge
    if not len(before) or not len(after):
        return LinkCandidates(np.zeros(0, np.int64), np.zeros((0, 2), np.int64), np.zeros(0), np.zeros((2, 0)), edges)
    steps = [np.asarray(guess, np.float64) for guess in guesses] or [np.zeros_like(before.centroids)]
    reach = _Reach(before, after, options)
    known = [reach.after(step) for step in steps]
    pairs = reach.pairs(known)
    for _ in range(ROUNDS):
        together = _neighbour_motion(before, after, pairs, options)
        if not together.any():
            break
        pairs = reach.pairs([*known, reach.after(together)])
    costs = _single_costs(before, after, pairs, options)
    rows, first, second, double = _divisions(before, after, pairs, costs, options)
    none = np.full(len(pairs.after), -1)
    both = np.concatenate([np.stack([pairs.after, none], 1), np.stack([first, second], 1)])
    mothers = np.concatenate([pairs.before, rows])
    apart = unlike(before.looks, after.looks, mothers, both, after.sizes)
    return LinkCandidates(mothers, both, np.concatenate([costs, double]), apart, edges)


def best_links(found: LinkCandidates, options: LinkOptions) -> list[Hypothesis]:
    """Return the hypotheses that cost least together; a cell that none of them takes ends or begins at a cost."""
    if not len(found.costs):
        return []
    ends, begins = (options.end * np.where(edge, AT_EDGE, 1.0) for edge in found.edges)
    rows, first, second = found.before, found.after[:, 0], found.after[:, 1]
    looks = options.intensity * found.unlike[0] + options.features * found.unlike[1]
    costs = found.costs + looks + np.where(second >= 0, options.division, 0.0)
    gains = costs - ends[rows] - begins[first] - np.where(second >= 0, begins[second], 0.0)
    taken = choose(rows, found.after, gains, len(ends), len(begins))
    return [
        Hypothesis(int(rows[n]), tuple(k for k in found.after[n].tolist() if k >= 0), float(costs[n])) for n in taken
    ]


def _scales(before: FrameCells) -> Floats:
    """Return the length (N,) in px that motion of each cell is measured in: its diameter, more in sparse fields."""
    own = np.maximum(np.maximum(before.diameters, before.diameter), 1.0)
    if len(before) < 2:
        return own * SPARSE_MOST
    apart = cKDTree(before.centroids).query(before.centroids, 2)[0][:, 1]
    return np.asarray(np.clip(SPARSE * apart, own, SPARSE_MOST * own))


@dataclass(frozen=True, slots=True)
class _Stepped:
    """Where cells are expected after a step (N, D), and the pairs, as numbers, that share px then or are near."""

    expected: Floats
    sharing: Indices
    shared: Floats  # px of those that share some
    near: Indices


class _Reach:
    """Tells which cells of the later frame those of the earlier one share px with, or are near, after a step."""

    def __init__(self, before: FrameCells, after: FrameCells, options: LinkOptions) -> None:
        self._before, self._after = before, after
        self._tree, self._nearest = cKDTree(after.centroids), list(range(1, min(NEAREST, len(after)) + 1))
        self._scales = _scales(before)
        self._most = options.reach * self._scales[:, None]

    def after(self, step: Floats) -> _Stepped:
        """Return what cells reach after a step (N, D) in px."""
        count = len(self._after)
        rows, columns, shared = shared_pixels(self._before, self._after, step)
        expected = self._before.centroids + step
        distances, chosen = self._tree.query(expected, self._nearest)
        near = np.arange(len(expected))[:, None] * count + chosen
        return _Stepped(expected, rows * count + columns, shared, near[distances <= self._most])

    def pairs(self, stepped: Sequence[_Stepped]) -> _Pairs:
        """Return the cells that share px, or are near each other, after one of several steps."""
        every = np.unique(np.concatenate([keys for one in stepped for keys in (one.sharing, one.near)]))
        shared = np.zeros((len(stepped), len(every)))
        for number, one in enumerate(stepped):
            shared[number, np.searchsorted(every, one.sharing)] = one.shared
        before, after = np.divmod(every, len(self._after))
        return _Pairs(before, after, shared, np.stack([one.expected for one in stepped]), self._scales)


def _single_costs(before: FrameCells, after: FrameCells, pairs: _Pairs, options: LinkOptions) -> Floats:
    sizes, cut = after.sizes[pairs.after].astype(np.float64), after.at_edge[pairs.after]
    return _costs(before, pairs, pairs.before, (after.centroids[pairs.after], sizes, cut), pairs.shared)


def _costs(
    before: FrameCells, pairs: _Pairs, rows: Indices, later: tuple[Floats, Floats, NDArray[np.bool_]], shared: Floats
) -> Floats:
    """Return the cost of links: of overlap, of distance from where the cell was expected, and of size.

    ``later`` are centroids, sizes, and what touches the edge. Of two that the edge cuts, as much is seen as lies inside
    in each frame: their size says little, and they overlap as far as the smaller one is covered.
    """
    centres, sizes, at_edge = later
    own, cut = before.sizes[rows], before.at_edge[rows] & at_edge
    away = np.linalg.norm(pairs.expected[:, rows] - centres, axis=2) / pairs.scales[rows]
    whole = np.where(cut, np.minimum(own, sizes), own + sizes - shared)
    uncovered = 1 - np.minimum(shared / np.maximum(whole, 1.0), 1.0)
    best = np.min(OVERLAP * uncovered + DISTANCE * away, axis=0)
    return np.asarray(best + SIZE * np.where(cut, CUT, 1.0) * np.abs(np.log(sizes / own)))


def _divisions(
    before: FrameCells, after: FrameCells, pairs: _Pairs, costs: Floats, options: LinkOptions
) -> tuple[Indices, Indices, Indices, Floats]:
    """Return mothers, their two daughters and the cost: together they must be where, and as large as, she was."""
    order = np.lexsort((costs, pairs.before))
    rank = np.arange(len(order)) - np.searchsorted(pairs.before[order], pairs.before[order])
    order = order[rank < DAUGHTERS]
    begins = np.searchsorted(pairs.before[order], pairs.before[order])
    ones, twos = [], []
    for ahead in range(1, DAUGHTERS):
        first = np.arange(max(len(order) - ahead, 0))
        same = begins[first] == begins[first + ahead]
        ones.append(order[first[same]])
        twos.append(order[first[same] + ahead])
    one, two = np.concatenate(ones), np.concatenate(twos)
    rows, a, b = pairs.before[one], pairs.after[one], pairs.after[two]
    sizes = (after.sizes[a] + after.sizes[b]).astype(np.float64)
    centres = (after.centroids[a] * after.sizes[a][:, None] + after.centroids[b] * after.sizes[b][:, None]) / sizes[
        :, None
    ]
    later = (centres, sizes, after.at_edge[a] | after.at_edge[b])
    together = _costs(before, pairs, rows, later, pairs.shared[:, one] + pairs.shared[:, two])
    small = np.where(after.sizes[a] < after.sizes[b], a, b)  # where the edge cuts it, it may be as large as her sister
    alike = np.where(after.at_edge[small], CUT, 1.0) * np.abs(np.log(after.sizes[a] / after.sizes[b]))
    away = np.linalg.norm(pairs.expected[:, rows] - centres, axis=2).min(axis=0) / pairs.scales[rows]
    return rows, a, b, together + UNLIKE * alike + ASIDE * away


def _neighbour_motion(before: FrameCells, after: FrameCells, pairs: _Pairs, options: LinkOptions) -> Floats:
    """Return how far each cell is expected to move as the linked cells round it do, in px (N, D).

    Links of which both cells are each other's best are trusted, the better half of them. A plane is fitted to the steps
    of the nearest ones, which also tells of cells that are pushed further the farther out they lie.
    """
    costs = _single_costs(before, after, pairs, options)
    best_before, best_after = np.full(len(before), np.inf), np.full(len(after), np.inf)
    np.minimum.at(best_before, pairs.before, costs)
    np.minimum.at(best_after, pairs.after, costs)
    mutual = (costs <= best_before[pairs.before]) & (costs <= best_after[pairs.after]) & (costs < 2 * options.end)
    if mutual.sum() < FEWEST:
        return np.zeros_like(before.centroids)
    trusted = np.flatnonzero(mutual & (costs <= np.median(costs[mutual])))
    places = before.centroids[pairs.before[trusted]]
    return _fitted(before, places, after.centroids[pairs.after[trusted]] - places)


def _fitted(before: FrameCells, places: Floats, steps: Floats) -> Floats:
    """Return the steps of all cells by planes fitted to those of trusted ones at ``places``, both in px (P, D)."""
    scale, most = max(before.diameter, 1.0), min(NEIGHBOURS, len(places))
    distances, chosen = cKDTree(places).query(before.centroids, list(range(1, most + 1)))
    weights = np.exp(-distances / (2 * scale))[:, :, None]
    offsets = (places[chosen] - before.centroids[:, None]) / scale
    design = np.concatenate([np.ones_like(weights), offsets], axis=2)
    stiff = np.diag([1e-9, *([STIFFNESS**2] * before.dimensions)])
    weighted = (weights * design).transpose(0, 2, 1)
    left, right = weighted @ design + stiff, weighted @ steps[chosen]
    return np.asarray(np.linalg.solve(left, right)[:, 0])
