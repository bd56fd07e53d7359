"""Links over frames in which a cell was not found, and divisions that were none.

What finds cells errs: a cell is missed for a frame, outlined in two parts, or with its neighbour as one. Frame by frame
that looks like an end and a beginning, or like a division. Over the whole film it can be told: parts live a frame or
two, and of a division that follows a merger another track ended beside the mother just before.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_cellvino.core.link_options import LinkOptions
from napari_cellvino.tracking.frame_cells import FrameCells
from napari_cellvino.tracking.linking import UNLIKE
from napari_cellvino.tracking.tracks import GONE, Node

GAP_COST = 0.3  # of each frame in which a cell was not found
HALVED = 0.6  # times as large as a frame before is a cell that may have divided, whose other daughter was not found
PART_LIFE = 2  # frames that a part of a cell lives at most before it is one with the rest again
MERGED = 1.3  # times as large as before is a cell that was outlined with its neighbour, in all frames of that

Links = dict[Node, tuple[Node, ...]]


class CellPlaces:
    """Where the cells of a film are, by their nodes.

    Parameters
    ----------
    frames
        The cells of each frame, of which pixels are not needed.
    drift
        How far the field had moved by each frame, in px (T, D).
    """

    def __init__(self, frames: Sequence[FrameCells], drift: NDArray[np.float64]) -> None:
        self.frames, self.drift = frames, drift

    def index(self, node: Node) -> int:
        """Return the place of a cell among those of its frame."""
        return int(np.searchsorted(self.frames[node.frame].labels, node.label))

    def place(self, node: Node) -> NDArray[np.float64]:
        """Return the centroid of a cell as if the field had not moved, in px (D,)."""
        return np.asarray(self.frames[node.frame].centroids[self.index(node)] - self.drift[node.frame])

    def size(self, node: Node) -> float:
        """Return the size of a cell in px."""
        return float(self.frames[node.frame].sizes[self.index(node)])

    def at_edge(self, node: Node) -> bool:
        """Return whether a cell touches the edge of the frame."""
        return bool(self.frames[node.frame].at_edge[self.index(node)])

    def scale(self, frame: int) -> float:
        """Return the length that motion is measured in, in px."""
        return max(self.frames[frame].diameter, 1.0)

    def nodes(self, frame: int) -> list[Node]:
        """Return the cells of a frame."""
        return [Node(frame, label) for label in self.frames[frame].labels.tolist()]


def close_gaps(film: CellPlaces, links: Links, options: LinkOptions) -> None:
    """Enter links over up to ``options.gap`` frames, from cells that end to cells that begin, the cheapest first.

    Cells that divide are often not found while they do, and daughters not at once: a cell may go on as two, and one
    that is half as large as a frame before may have a sister that is found later.
    """
    begun = {later for laters in links.values() for later in laters}
    ends = [[n for n in film.nodes(t) if n not in links] for t in range(len(film.frames))]
    begins = [[n for n in film.nodes(t) if n not in begun] for t in range(len(film.frames))]
    found: list[_Closed] = []
    for missing in range(1, options.gap + 1):
        for frame in range(len(ends) - missing - 1):
            later = begins[frame + missing + 1]
            found += _over(film, ends[frame], later, missing, options)
            found += _divided(film, ends[frame], later, missing, options)
            found += _late(film, links, frame, later, missing, options)
    used: set[Node] = set()
    for _, one, laters in sorted(found):
        known = links.get(one, ())
        if len(known) > 1 or not set(known) <= set(laters) or (known and len(laters) == 1):
            continue
        if used.isdisjoint(laters):
            links[one] = laters
            used.update(node for node in laters if node not in known)


_Closed = tuple[float, Node, tuple[Node, ...]]
"""What it costs that a cell goes on as one or two others."""


def _divided(
    film: CellPlaces, ends: list[Node], begins: list[Node], missing: int, options: LinkOptions
) -> list[_Closed]:
    """Return cells that may have divided while they were not found, with the cost."""
    if not ends or len(begins) < 2:
        return []
    there, scale = cKDTree([film.place(node) for node in begins]), film.scale(ends[0].frame)
    found: list[_Closed] = []
    for one in ends:
        near = there.query_ball_point(film.place(one), options.reach * scale * np.sqrt(missing + 1))
        for a, b in combinations(sorted(near), 2):
            cost = _of_division(film, one, (begins[a], begins[b])) + GAP_COST * missing + options.division
            if cost <= 1.5 * options.end:
                found.append((cost, one, (begins[a], begins[b])))
    return found


def _late(
    film: CellPlaces, links: Links, frame: int, begins: list[Node], missing: int, options: LinkOptions
) -> list[_Closed]:
    """Return cells that went on as one of about half their size, and may have a second daughter found later."""
    begins = [node for node in begins if not film.at_edge(node)]
    if not begins:
        return []
    there, scale = cKDTree([film.place(node) for node in begins]), film.scale(frame)
    found: list[_Closed] = []
    for one in film.nodes(frame):
        later = links.get(one, ())
        if len(later) != 1 or later[0].frame != frame + 1 or later[0] == GONE:
            continue
        if not film.size(later[0]) < HALVED * film.size(one):
            continue
        for column in there.query_ball_point(film.place(one), options.reach * scale):
            both = (later[0], begins[column])
            cost = _of_division(film, one, both) + GAP_COST * missing + options.division
            if cost <= 1.5 * options.end:
                found.append((cost, one, both))
    return found


def _of_division(film: CellPlaces, mother: Node, daughters: tuple[Node, Node]) -> float:
    """Return how unlike a mother her daughters are together in place and size, and how unlike each other in size."""
    a, b = (film.size(node) for node in daughters)
    middle = (film.place(daughters[0]) * a + film.place(daughters[1]) * b) / (a + b)
    away = float(np.linalg.norm(middle - film.place(mother))) / film.scale(mother.frame)
    return away + abs(float(np.log((a + b) / film.size(mother)))) + UNLIKE * abs(float(np.log(a / b)))


def _over(film: CellPlaces, ends: list[Node], begins: list[Node], missing: int, options: LinkOptions) -> list[_Closed]:
    """Return the pairs of cells that may be one over a gap, with their costs."""
    if not ends or not begins:
        return []
    there, scale = cKDTree([film.place(node) for node in begins]), film.scale(ends[0].frame)
    found: list[_Closed] = []
    for one in ends:
        place = film.place(one)
        for column in there.query_ball_point(place, options.reach * scale * np.sqrt(missing + 1)):
            two = begins[column]
            away = float(np.linalg.norm(film.place(two) - place)) / scale
            cost = away + abs(float(np.log(film.size(one) / film.size(two)))) + GAP_COST * missing
            if cost <= 1.5 * options.end:
                found.append((cost, one, (two,)))
    return found


def undo_mergers(film: CellPlaces, links: Links, options: LinkOptions, sure: Collection[int] = ()) -> None:
    """Give a cell that parts from another, with which it was outlined as one, back to the track that ended there.

    Divisions after the frames ``sure`` are left alone.
    """
    came_from = {later: one for one, laters in links.items() for later in laters}
    ended: dict[int, list[Node]] = {}
    for frame in range(len(film.frames)):
        ended[frame] = [node for node in film.nodes(frame) if node not in links]
    for mother, daughters in _divisions(links, sure):
        if GONE in daughters:
            continue
        choices = []
        for before in _merged_from(film, links, came_from, mother, options.gap):
            frames = range(max(mother.frame - options.gap, 0), before.frame + 1)
            lost = [node for frame in frames for node in ended[frame] if node not in links]
            choices += [
                (_apart(film, before, kept) + _apart(film, node, other), node, kept, other)
                for node in lost
                for kept, other in (daughters, daughters[::-1])
            ]
        if choices and min(choices)[0] < 2 * options.end:
            _, node, kept, other = min(choices)
            links[mother], links[node] = (kept,), (other,)


def _merged_from(film: CellPlaces, links: Links, came_from: dict[Node, Node], mother: Node, frames: int) -> list[Node]:
    """Return the cells that a mother was up to so many frames before, since when she and all between are so large."""
    found, smallest, node = [], film.size(mother), mother
    while (before := came_from.get(node)) is not None and len(links[before]) == 1:
        if before.frame < mother.frame - frames:
            break
        if smallest >= MERGED * film.size(before):
            found.append(before)
        smallest, node = min(smallest, film.size(before)), before
    return found


def _apart(film: CellPlaces, one: Node, two: Node) -> float:
    """Return how unlike two cells are in place and size."""
    away = float(np.linalg.norm(film.place(one) - film.place(two))) / film.scale(one.frame)
    return away + abs(float(np.log(film.size(one) / film.size(two))))


def undo_short_divisions(film: CellPlaces, links: Links, sure: Collection[int] = ()) -> None:
    """Take back divisions of which one daughter is gone soon though the film goes on: she was a part of the cell.

    Divisions after the frames ``sure`` are left alone: in channels, daughters are pushed out.
    """
    for mother, daughters in _divisions(links, sure):
        lives = [_life(film, links, daughter) for daughter in daughters]
        short = [life is not None and life <= PART_LIFE for life in lives]
        if any(short) and lives[0] != lives[1]:
            links[mother] = (daughters[1 if short[0] and (not short[1] or (lives[0] or 0) < (lives[1] or 0)) else 0],)


def _divisions(links: Links, sure: Collection[int]) -> list[tuple[Node, tuple[Node, ...]]]:
    return [(mother, later) for mother, later in links.items() if len(later) == 2 and mother.frame not in sure]


def _life(film: CellPlaces, links: Links, node: Node) -> int | None:
    """Return the frames from a cell to its end, None where it divides, leaves over the edge or outlives the film."""
    if node == GONE:
        return None
    first = node.frame
    while len(links.get(node, ())) == 1:
        node = links[node][0]
    if node in links or node.frame == len(film.frames) - 1 or film.at_edge(node):
        return None
    return node.frame - first + 1
