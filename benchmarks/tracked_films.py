"""Films of the public labelled images with their true tracks, and what finding cells does to them."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from benchmarks.figure import NotMeasuredError
from napari_cellvino.tracking.tracks import Node, Tracks

Labels = list[NDArray[np.int32]]


@dataclass(frozen=True, slots=True)
class TrueFilm:
    """Label images and their true tracks; every ``step``-th frame was taken."""

    name: str
    labels: Labels
    tracks: Tracks
    images: tuple[bytes, ...]  # TIFFs


FILMS = {  # folder, what names of labels begin with, table of parents
    "mother machine": ("bacteria", "labels/delta_mm", "tracks/delta_mm_pos01.csv"),
    "yeast": ("yeast", "labels/", ""),
    "t98g": ("t98g_tracks", "labels/", "tracks/t98g_spans.csv"),
}


def true_film(data: Path, name: str, step: int = 1) -> TrueFilm:
    """Return a film; `NotMeasuredError` where the images are not there."""
    folder, begin, table = FILMS[name]
    packed = data / folder / f"{folder}.zip"
    if not packed.is_file():
        raise NotMeasuredError(f"there is no {packed}; name the folder of public images with --data")
    with zipfile.ZipFile(packed) as held:
        names = sorted(n for n in held.namelist() if n.startswith(begin))[::step]
        labels = [tifffile.imread(io.BytesIO(held.read(n))).astype(np.int32) for n in names]
        images = tuple(held.read(n.replace("labels/", "images/")) for n in names)
        rows = list(csv.DictReader(io.StringIO(held.read(table).decode()))) if table else []
    parents = {int(row["track"]): int(row["parent"]) for row in rows if int(row["parent"])}
    said = name if step == 1 else f"{name}, one frame of {step}"
    return TrueFilm(said, labels, _tracks(labels, parents), images)


def _tracks(labels: Labels, parents: dict[int, int]) -> Tracks:
    """Return tracks of ids that are kept over time, where a mother ends when a daughter begins beside her."""
    seen: dict[int, list[int]] = {}
    for frame, image in enumerate(labels):
        for ident in np.unique(image[image > 0]).tolist():
            seen.setdefault(ident, []).append(frame)
    known = {d: m for d, m in parents.items() if d in seen and m in seen and seen[d][0] > seen[m][0]}
    nodes: dict[int, tuple[Node, ...]] = {}
    came_from: dict[int, int] = {}
    at: dict[tuple[int, int], int] = {}
    for ident, frames in seen.items():
        cuts = sorted({seen[d][0] for d, m in known.items() if m == ident})
        for part in np.split(frames, np.searchsorted(frames, cuts)):
            if len(part):
                nodes[len(nodes) + 1] = tuple(Node(int(f), ident) for f in part)
                at |= {(ident, int(f)): len(nodes) for f in part}
                came_from |= {len(nodes): at[ident, frames[0]] if part[0] == frames[0] else len(nodes) - 1}
    came_from = {track: before for track, before in came_from.items() if before != track}
    for daughter, mother in known.items():
        born = seen[daughter][0]
        came_from[at[daughter, born]] = at[mother, max(f for f in seen[mother] if f < born)]
    return Tracks(nodes, came_from)


def damaged(labels: Labels, seed: int = 0) -> Labels:
    """Return label images as found cells are: 4 % missed, 3 % cut in two, 2 % one with a neighbour."""
    from scipy import ndimage

    rng, out = np.random.default_rng(seed), []
    for image in labels:
        changed, free = image.copy(), int(image.max()) + 1
        for ident in np.unique(image[image > 0]).tolist():
            fate, here = rng.random(), changed == ident
            if fate < 0.04:
                changed[here] = 0
            elif fate < 0.07 and here.sum() > 20:
                y, x = np.nonzero(here)
                half = y > np.median(y) if np.ptp(y) > np.ptp(x) else x > np.median(x)
                changed[y[half], x[half]] = free
                free += 1
            elif 0.07 <= fate < 0.09:
                near = np.setdiff1d(changed[ndimage.binary_dilation(here, iterations=3)], [0, ident])
                changed[changed == next(iter(near.tolist()), ident)] = ident
        out.append(changed)
    return out
