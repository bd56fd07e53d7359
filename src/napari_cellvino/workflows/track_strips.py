"""Pictures of single cells through time, cut out of a film frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.figures.track_strip import StripPicture
from napari_cellvino.tracking.link_film import LinkedFilm
from napari_cellvino.tracking.tracks import Node
from napari_cellvino.workflows.film import Film
from napari_cellvino.workflows.lost_frames import unless_damaged

MOST = 36  # frames of a strip, evenly through the life of a track
ROUND = 1.6  # diameters of the largest cell of a track that its pictures are wide


def longest_tracks(linked: LinkedFilm, count: int) -> list[int]:
    """Return the ids of the ``count`` longest tracks."""
    nodes = linked.tracks.nodes
    return sorted(nodes, key=lambda track: (-len(nodes[track]), track))[:count]


def cut_strips(
    film: Film,
    linked: LinkedFilm,
    labels: Callable[[int], NDArray[np.integer]],
    tracks: Sequence[int],
    channel: int = 0,
) -> dict[int, list[StripPicture]]:
    """Return the pictures of tracks, of a channel, by their ids."""
    nodes = linked.tracks.nodes
    chosen = {track: _evenly(nodes[track]) for track in tracks}
    size = {track: _side(linked, nodes[track]) for track in tracks}
    found: dict[int, list[StripPicture]] = {track: [] for track in tracks}
    for frame in sorted({node.frame for own in chosen.values() for node in own}):
        plane = unless_damaged(partial(_plane, film, frame, channel))
        if isinstance(plane, ImageReadError):  # told where it is measured
            continue
        image = labels(frame)
        flat = image if image.ndim == 2 else image.max(axis=0)
        for track in tracks:
            for node in (node for node in chosen[track] if node.frame == frame):
                centre = linked.frames[frame].centroids[_index(linked, node)][-2:]
                corner = np.rint(centre - size[track] / 2).astype(int)
                pixels, inside = (_cut(whole, corner, size[track]) for whole in (plane, flat == node.label))
                found[track].append(StripPicture(frame, pixels.astype(np.float64), inside.astype(bool)))
    return found


def _plane(film: Film, frame: int, channel: int) -> NDArray[np.generic]:
    stack, t = film.frame(frame)
    return np.asarray(np.max([stack.plane(t=t - 1, c=channel, z=z) for z in range(stack.shape.z)], axis=0))


def _evenly(nodes: tuple[Node, ...]) -> list[Node]:
    places = np.unique(np.linspace(0, len(nodes) - 1, min(len(nodes), MOST)).round().astype(int))
    return [nodes[place] for place in places.tolist()]


def _side(linked: LinkedFilm, nodes: tuple[Node, ...]) -> int:
    most = max(float(linked.frames[node.frame].diameters[_index(linked, node)]) for node in nodes)
    return max(int(ROUND * most), 8)


def _index(linked: LinkedFilm, node: Node) -> int:
    return int(np.searchsorted(linked.frames[node.frame].labels, node.label))


def _cut(image: NDArray[np.generic], corner: NDArray[np.int_], side: int) -> NDArray[np.generic]:
    """Return a square of an image; what lies outside repeats its edge."""
    rows, columns = (
        np.clip(np.arange(at, at + side), 0, most - 1) for at, most in zip(corner.tolist(), image.shape, strict=True)
    )
    return np.asarray(image[np.ix_(rows, columns)])
