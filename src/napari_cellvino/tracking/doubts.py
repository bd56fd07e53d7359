"""Links to look at first: jumps, swaps, sudden changes of size, unlikely divisions, gaps, short tracks; with reasons.

What is usual is taken from the film itself: a step is long, and a change of size large, beside its other links.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from napari_cellvino.tracking.gaps import CellPlaces
from napari_cellvino.tracking.link_film import LinkedFilm
from napari_cellvino.tracking.swaps import possible_swaps
from napari_cellvino.tracking.tracks import Node

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["track", "frame", "label", "doubt", "reason"]
FAR = 0.5  # diameters that a step must have at least to be long
UNUSUAL = 4.0  # times the median of the film's links
GROWN = 0.4  # change of the logarithm of size that is sudden at least
SHORT = 2  # frames of a track that is short
APPEARS = 0.55  # how doubtful a track is that appears inside the field: after what is unlikely, before single gaps
UNLIKE = 0.5  # difference of the logarithms of the daughters' sizes


def doubtful_links(film: LinkedFilm) -> pd.DataFrame:
    """Return a row for each doubt, the worst first: track, frame (from 0) and label of the cell, and the reason."""
    import pandas as pd

    held = CellPlaces(film.frames, film.drift)
    links = [(track, one, two) for track, nodes in film.tracks.nodes.items() for one, two in _steps(nodes)]
    steps = np.array([float(np.linalg.norm(held.place(b) - held.place(a))) / held.scale(a.frame) for _, a, b in links])
    grown = np.array([abs(float(np.log(held.size(b) / held.size(a)))) for _, a, b in links])
    far = max(FAR, UNUSUAL * float(np.median(steps))) if len(steps) else FAR
    large = max(GROWN, UNUSUAL * float(np.median(grown))) if len(grown) else GROWN
    rows: list[tuple[int, int, int, float, str]] = []
    for (track, one, two), step, change in zip(links, steps.tolist(), grown.tolist(), strict=True):
        missing = two.frame - one.frame - 1
        if step > far * (missing + 1) ** 0.5:
            rows.append((track, two.frame, two.label, step / far, f"moved by {step:.1f} diameters"))
        if change > large:
            word = "larger" if held.size(two) > held.size(one) else "smaller"
            rows.append((track, two.frame, two.label, change / large, f"{np.exp(change):.1f} times {word} at once"))
        if missing:
            said = f"not found for {missing} frame{'s' * (missing > 1)} before"
            rows.append((track, two.frame, two.label, 0.5 + 0.2 * missing, said))
    rows += _divisions(film, held) + _short(film, held) + possible_swaps(links, held)
    rows.sort(key=lambda row: (-row[3], row[0], row[1]))
    return pd.DataFrame(rows, columns=COLUMNS)


def _steps(nodes: tuple[Node, ...]) -> list[tuple[Node, Node]]:
    return list(pairwise(nodes))


def _divisions(film: LinkedFilm, held: CellPlaces) -> list[tuple[int, int, int, float, str]]:
    rows = []
    for mother, daughters in film.tracks.divisions.items():
        nodes, last = [film.tracks.nodes[daughter][0] for daughter in daughters], film.tracks.nodes[mother][-1]
        sizes = [held.size(node) for node in nodes]
        if len(nodes) == 1:
            rows.append((mother, last.frame, last.label, 0.6, "divides, and one daughter is not in the field"))
            continue
        unlike, total = abs(float(np.log(sizes[0] / sizes[1]))), abs(float(np.log(sum(sizes) / held.size(last))))
        if unlike > UNLIKE:
            said = f"divides into cells of which one is {np.exp(unlike):.1f} times as large"
            rows.append((mother, last.frame, last.label, unlike / UNLIKE, said))
        if total > GROWN:
            said = f"divides into cells that are together {sum(sizes) / held.size(last):.1f} times as large"
            rows.append((mother, last.frame, last.label, total / GROWN, said))
    return rows


def _short(film: LinkedFilm, held: CellPlaces) -> list[tuple[int, int, int, float, str]]:
    """Return tracks that are there for a frame or two inside the film, and those that appear inside the field."""
    rows, divided = [], film.tracks.divisions
    for track, nodes in film.tracks.nodes.items():
        inside = nodes[0].frame > 0 and nodes[-1].frame < len(film.frames) - 1
        alone = track not in divided and track not in film.tracks.parents
        if inside and alone and len(nodes) <= SHORT and not held.at_edge(nodes[0]):
            said = f"there for {len(nodes)} frame{'s' * (len(nodes) > 1)} only"
            rows.append((track, nodes[0].frame, nodes[0].label, 1.5 - 0.25 * len(nodes), said))
        elif nodes[0].frame > 0 and track not in film.tracks.parents and not held.at_edge(nodes[0]):
            rows.append(
                (track, nodes[0].frame, nodes[0].label, APPEARS, "appears inside the field, from no other cell")
            )
    return rows
