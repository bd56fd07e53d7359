"""Link a whole film: frame after frame, then over gaps in which a cell was not found."""

from __future__ import annotations

from collections.abc import Generator, Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from napari_cellvino.core.progress import Progress
from napari_cellvino.tracking.frame_cells import FrameCells, frame_cells
from napari_cellvino.tracking.linking import LinkOptions, link_frames
from napari_cellvino.tracking.tracks import Node, Tracks, tracks_of_links

INERTIA = 0.5  # how much of its last step a cell is expected to repeat
GAP_COST = 0.3  # of each frame in which a cell was not found

Links = dict[Node, tuple[Node, ...]]


def link_film(
    frames: Iterable[NDArray[np.integer]], options: LinkOptions, *, total: int | None = None
) -> Generator[Progress, None, Tracks]:
    """Yield progress and return the tracks of label images, frame by frame; two frames are held at a time.

    Parameters
    ----------
    frames
        Label images (Y, X) or (Z, Y, X) of one shape.
    options
        How cells are linked.
    total
        Number of frames, for progress.
    """
    links: Links = {}
    held: list[FrameCells] = []
    steps: dict[int, NDArray[np.float64]] = {}
    for number, image in enumerate(frames):
        cells = frame_cells(image)
        if held:
            steps = _link(held[-1], cells, number, steps, links, options)
            held[-1] = _light(held[-1])
        held.append(cells)
        yield Progress("frames", number + 1, total or number + 1)
    if held:
        held[-1] = _light(held[-1])
    close_gaps(held, links, options)
    return tracks_of_links([cells.labels for cells in held], links)


def _light(cells: FrameCells) -> FrameCells:
    """Return cells without their image."""
    return FrameCells(cells.image[:0], cells.labels, cells.centroids, cells.areas, cells.at_edge)


def _link(
    before: FrameCells, after: FrameCells, number: int, steps: dict[int, NDArray[np.float64]], links: Links,
    options: LinkOptions,
) -> dict[int, NDArray[np.float64]]:  # fmt: skip
    """Enter the links of a frame to frame ``number``, and return the last step of each cell by its label."""
    expected = np.zeros_like(before.centroids)
    for index, label in enumerate(before.labels.tolist()):
        if label in steps:
            expected[index] = INERTIA * steps[label]
    moved: dict[int, NDArray[np.float64]] = {}
    for found in link_frames(before, after, options, expected):
        later = tuple(Node(number, int(after.labels[k])) for k in found.after)
        links[Node(number - 1, int(before.labels[found.before]))] = later
        if len(found.after) == 1:
            moved[later[0].label] = after.centroids[found.after[0]] - before.centroids[found.before]
    return moved


def close_gaps(frames: list[FrameCells], links: Links, options: LinkOptions) -> None:
    """Enter links over up to ``options.gap`` frames, from cells that end to cells that begin, at the least cost."""
    index = [{int(label): n for n, label in enumerate(cells.labels)} for cells in frames]
    begun = {node for laters in links.values() for node in laters}
    ends = [
        Node(frame, int(label))
        for frame, cells in enumerate(frames[:-2])
        for label in cells.labels
        if Node(frame, int(label)) not in links
    ]
    begins = [
        Node(frame, int(label))
        for frame, cells in enumerate(frames)
        if frame >= 2
        for label in cells.labels
        if Node(frame, int(label)) not in begun
    ]
    if not ends or not begins or not options.gap:
        return
    costs = np.full((len(ends), len(begins)), np.inf)
    for row, end in enumerate(ends):
        for column, begin in enumerate(begins):
            missing = begin.frame - end.frame - 1
            if 1 <= missing <= options.gap:
                one, two = frames[end.frame], frames[begin.frame]
                a, b = index[end.frame][end.label], index[begin.frame][begin.label]
                costs[row, column] = _gap_cost(one, a, two, b, missing, options)
    limit = options.end
    costs[costs > limit] = limit * 10
    for row, column in zip(*linear_sum_assignment(costs), strict=True):
        if costs[row, column] <= limit:
            links[ends[row]] = (begins[column],)


def _gap_cost(one: FrameCells, a: int, two: FrameCells, b: int, missing: int, options: LinkOptions) -> float:
    scale = max(one.diameter, two.diameter, 1.0)
    away = float(np.linalg.norm(one.centroids[a] - two.centroids[b])) / scale
    if away > options.reach * np.sqrt(missing + 1):
        return np.inf
    return away + abs(float(np.log(one.areas[a] / two.areas[b]))) + GAP_COST * missing
