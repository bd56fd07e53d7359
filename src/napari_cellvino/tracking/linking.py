"""Links between the cells of two frames: each cell goes on, divides, ends or begins, at the least cost together.

Every cell has a few hypotheses: it becomes one of the cells near it, divides into two of them, or ends; a cell of the
later frame that none explains begins. The best set of them, in which no cell is used twice, is found exactly by integer
programming (Jaqaman et al. 2008 solve links and divisions one after the other, which loses divisions whose first
daughter was linked already; Schiegg et al. 2013 decide them together). Costs are from overlap, distance and size only,
so that a slider answers at once and any outlines can be linked. A shift of the whole field is taken out before.

References
----------
Jaqaman et al. 2008, "Robust single-particle tracking in live-cell time-lapse sequences"; Schiegg et al. 2013,
"Conservation tracking".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.spatial import cKDTree

from napari_cellvino.tracking.frame_cells import FrameCells

NEAREST = 5  # cells of the later frame that a cell may become
OVERLAP, DISTANCE, SIZE = 1.0, 0.5, 0.5  # weights of the costs
AT_EDGE = 0.5  # of the cost of an end or a beginning, where a cell touches the edge
ROUNDS = 2  # in which links are sought again with the motion of neighbours
FEWEST = 4  # links from which the motion of neighbours is told
NEIGHBOURS = 8  # links that it is told from
STIFFNESS = 0.3  # how little it is taken to change from place to place
DRIFT = 1.5  # times better that cells must cover each other for a shift to be believed


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """How cells are linked.

    Attributes
    ----------
    reach
        How far a cell moves between two frames, at most, in cell diameters.
    end
        What an end or a beginning costs; higher links more.
    division
        What a division costs beside its links; higher finds fewer.
    gap
        Frames in which a cell may be missing.
    """

    reach: float = 1.5
    end: float = 1.0
    division: float = 0.4
    gap: int = 2


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A cell of the earlier frame becomes one or two of the later frame; indices into their cells."""

    before: int
    after: tuple[int, ...]
    cost: float


def link_frames(
    before: FrameCells, after: FrameCells, options: LinkOptions, steps: NDArray[np.float64] | None = None
) -> list[Hypothesis]:
    """Return what becomes of the cells of a frame in the next one.

    Cells that push each other all move: after a first round, each cell is expected to move as the linked ones round it
    do, and the links are sought again.

    Parameters
    ----------
    before, after
        The cells of the frames.
    options
        How cells are linked.
    steps
        How far each cell is expected to move by its motion so far, in px (N, D); by default not at all.
    """
    if not len(before.labels) or not len(after.labels):
        return []
    drift = np.broadcast_to(_drift(before, after), before.centroids.shape)
    guesses = [drift] if steps is None or not steps.any() else [drift, steps]
    best = _best(_hypotheses(before, after, guesses, options), before, after, options)
    for _ in range(ROUNDS):
        together = neighbour_motion(before, after, best)
        best = _best(_hypotheses(before, after, [*guesses, together], options), before, after, options)
    return best


def neighbour_motion(before: FrameCells, after: FrameCells, links: Sequence[Hypothesis]) -> NDArray[np.float64]:
    """Return how far each cell is expected to move as the linked cells round it do, in px (N, D).

    A plane is fitted to the steps of the nearest links that are better than the median one, which also tells of cells
    that are pushed further the farther out they lie.
    """
    moved = np.zeros_like(before.centroids)
    single = [link for link in links if len(link.after) == 1]
    if len(single) < FEWEST:
        return moved
    limit = float(np.median([link.cost for link in single]))
    trusted = [link for link in single if link.cost <= limit]
    places = before.centroids[[link.before for link in trusted]]
    steps = after.centroids[[link.after[0] for link in trusted]] - places
    near = cKDTree(places)
    scale = max(before.diameter, 1.0)
    for index, place in enumerate(before.centroids):
        distances, chosen = near.query(place, min(NEIGHBOURS, len(trusted)))
        weights = np.sqrt(np.exp(-distances / (2 * scale)))[:, None]
        design = np.hstack([np.ones((len(chosen), 1)), (places[chosen] - place) / scale])
        stiff = np.diag([0.0, *([STIFFNESS] * len(place))])
        left = np.vstack([weights * design, stiff])
        right = np.vstack([weights * steps[chosen], np.zeros((len(place) + 1, len(place)))])
        moved[index] = np.linalg.lstsq(left, right, rcond=None)[0][0]
    return moved


def _hypotheses(
    before: FrameCells, after: FrameCells, guesses: Sequence[NDArray[np.float64]], options: LinkOptions
) -> list[Hypothesis]:
    """Return what each cell may become, each at the cost of the guess of its motion that explains it best."""
    scale = max((before.diameter + after.diameter) / 2, 1.0)
    near = cKDTree(after.centroids)
    most = min(NEAREST, len(after.labels))
    shared = [_overlaps(before, after, guess) for guess in guesses]
    found: list[Hypothesis] = []
    for index in range(len(before.labels)):
        size = int(before.areas[index])
        own = max(scale, _diameter(size, before.image.ndim))
        points = [before.centroids[index] + guess[index] for guess in guesses]
        rows = [_row(table, index) for table in shared]
        candidates = set().union(*rows)
        for point in points:
            distances, chosen = near.query(point, [*range(1, most + 1)])
            candidates |= {int(k) for d, k in zip(distances, chosen, strict=True) if d <= options.reach * own}

        def cost(after_: tuple[int, ...], own: float = own, size: int = size, points=points, rows=rows) -> float:
            total = int(after.areas[list(after_)].sum())
            middle = after.areas[list(after_)] @ after.centroids[list(after_)] / total
            return min(
                _cost(size, total, sum(row.get(k, 0.0) for k in after_), _distance(point, middle) / own)
                for point, row in zip(points, rows, strict=True)
            )

        found += [Hypothesis(index, (k,), cost((k,))) for k in candidates]
        for one, two in combinations(sorted(candidates), 2):
            alike = abs(float(np.log(after.areas[one] / after.areas[two])))
            found.append(Hypothesis(index, (one, two), cost((one, two)) + options.division + SIZE * alike))
    return found


def _row(table: sparse.csr_array, index: int) -> dict[int, float]:
    begin, end = table.indptr[index], table.indptr[index + 1]
    return dict(zip(table.indices[begin:end].tolist(), table.data[begin:end].tolist(), strict=True))


def _diameter(size: int, dimensions: int) -> float:
    return float(2 * np.sqrt(size / np.pi) if dimensions == 2 else (6 * size / np.pi) ** (1 / 3))


def _distance(one: NDArray[np.float64], two: NDArray[np.float64]) -> float:
    return float(np.sqrt(((one - two) ** 2).sum()))


def _cost(before: float, after: float, shared: float, away: float) -> float:
    """Return the cost of a link from overlap (px), distance in cell diameters, and sizes (px)."""
    union = before + after - shared
    return OVERLAP * (1 - shared / union) + DISTANCE * away + SIZE * abs(float(np.log(after / before)))


def _best(
    found: Sequence[Hypothesis], before: FrameCells, after: FrameCells, options: LinkOptions
) -> list[Hypothesis]:
    """Return the hypotheses that cost least together; a cell that none of them takes ends or begins at a cost."""
    if not found:
        return []
    ends = options.end * np.where(before.at_edge, AT_EDGE, 1.0)
    begins = options.end * np.where(after.at_edge, AT_EDGE, 1.0)
    gains = np.array([h.cost - ends[h.before] - begins[list(h.after)].sum() for h in found])
    useful = [h for h, gain in zip(found, gains, strict=True) if gain < 0]
    if not useful:
        return []
    rows = [[h.before, *(len(ends) + k for k in h.after)] for h in useful]
    columns = np.repeat(np.arange(len(useful)), [len(r) for r in rows])
    used = sparse.csr_array(
        (np.ones(len(columns)), (np.concatenate(rows), columns)), shape=(len(ends) + len(begins), len(useful))
    )
    solved = milp(
        gains[gains < 0], constraints=LinearConstraint(used, -np.inf, 1), bounds=Bounds(0, 1),
        integrality=np.ones(len(useful)), options={"mip_rel_gap": 1e-4},
    )  # fmt: skip
    return [h for h, taken in zip(useful, solved.x, strict=True) if taken > 0.5]


def _drift(before: FrameCells, after: FrameCells) -> NDArray[np.float64]:
    """Return how far the whole field moved, in whole px (D,): zero unless cells then cover each other much better."""
    from skimage.registration import phase_cross_correlation

    none = np.zeros(before.image.ndim)
    found, _, _ = phase_cross_correlation(after.image > 0, before.image > 0, normalization=None)
    drift = np.asarray(found, float)
    if not drift.any() or np.abs(drift).max() > max(before.image.shape) / 4:
        return none
    tables = [_overlaps(before, after, np.broadcast_to(d, before.centroids.shape)) for d in (drift, none)]
    return drift if tables[0].sum() > DRIFT * tables[1].sum() else none


def _overlaps(before: FrameCells, after: FrameCells, moved: NDArray[np.float64]) -> sparse.csr_array:
    """Return how many px each cell of the one frame, moved by its own step, shares with each of the other."""
    places = np.nonzero(before.image)
    own = np.searchsorted(before.labels, before.image[places])
    shifted = [place + np.rint(moved[:, axis]).astype(np.intp)[own] for axis, place in enumerate(places)]
    inside = np.ones(len(own), bool)
    for place, size in zip(shifted, after.image.shape, strict=True):
        inside &= (place >= 0) & (place < size)
    there = after.image[tuple(place[inside] for place in shifted)]
    both = there > 0
    rows, columns = own[inside][both], np.searchsorted(after.labels, there[both])
    shape = (len(before.labels), len(after.labels))
    return sparse.coo_array((np.ones(len(rows)), (rows, columns)), shape=shape).tocsr()
