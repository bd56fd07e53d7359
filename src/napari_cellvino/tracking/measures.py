"""What is measured of tracks: life, path, speed, straightness, persistence, mean squared displacement, growth.

Lengths are in µm where the size of a pixel is known, else in px; times in minutes where the time between frames is
known, else in frames. The names of columns say which. Steps over frames in which a cell was not found count with the
time that they took.

References
----------
Meijering et al. 2012, "Methods for cell and particle tracking"; Gorelik and Gautreau 2014, "Quantitative and unbiased
analysis of directional persistence in cell migration".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.image import Spacing
from napari_cellvino.tracking.link_film import LinkedFilm
from napari_cellvino.tracking.tracks import Tracks

if TYPE_CHECKING:
    import pandas as pd

FIRST_COLUMNS = (
    "track", "parent", "generation", "first_frame", "last_frame", "frames_missing", "began", "ended",
)  # fmt: skip
DAMAGED = b""  # in place of a digest of pixels that cannot be read
MSD_LAGS = 0.25  # of a film's length: of longer lags too few displacements are independent


@dataclass(frozen=True, slots=True)
class FilmScale:
    """What pixels and frames are in the world.

    Attributes
    ----------
    spacing
        Size of a pixel in µm.
    interval_s
        Time between frames in s, None where it is unknown.
    times
        When each frame was taken, in intervals from the first (T,).
    """

    spacing: Spacing
    interval_s: float | None
    times: tuple[int, ...]

    @property
    def length(self) -> str:
        """``um`` or ``px``."""
        return "um" if self.spacing.known else "px"

    @property
    def time(self) -> str:
        """``min`` or ``frames``."""
        return "frames" if self.interval_s is None else "min"

    @property
    def speed(self) -> str:
        """The unit of speed in names of columns."""
        return f"{self.length}_per_{'frame' if self.interval_s is None else 'min'}"

    def at(self, frames: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return when frames were taken, in minutes or intervals."""
        taken: NDArray[np.float64] = np.asarray(self.times, np.float64)[frames]
        return taken if self.interval_s is None else np.asarray(taken * self.interval_s / 60)

    def pixel(self, dimensions: int) -> NDArray[np.float64]:
        """Return the size of a pixel along each axis, (D,), in the unit of length."""
        y, x, z = self.spacing.y, self.spacing.x, self.spacing.z
        if y is None or x is None:
            return np.ones(dimensions)
        return np.array([y, x] if dimensions == 2 else [z if z is not None else y, y, x])


def cell_table(film: LinkedFilm, scale: FilmScale) -> pd.DataFrame:
    """Return a row for each cell in each frame, by track and frame: where it is, how large, and its label."""
    import pandas as pd

    rows = film.rows()
    dimensions = film.frames[0].dimensions if film.frames else 2
    places = rows.of([cells.centroids for cells in film.frames]).reshape(-1, dimensions)
    sizes = rows.of([cells.sizes for cells in film.frames]).astype(np.int64)
    axes, pixel = "zyx"[-dimensions:], scale.pixel(dimensions)
    kind = "area" if dimensions == 2 else "volume"
    table: dict[str, object] = {
        "track": rows.track,
        "frame": rows.frame,
        f"time_{scale.time}": scale.at(rows.frame),
        "label": rows.label,
        **{f"{axis}_px": places[:, n] for n, axis in enumerate(axes)},
        f"{kind}_px": sizes,
    }
    if scale.length == "um":
        table |= {f"{axis}_um": places[:, n] * pixel[n] for n, axis in enumerate(axes)}
        table[f"{kind}_um{dimensions}"] = sizes * float(np.prod(pixel))
    return pd.DataFrame(table)


def track_table(cells: pd.DataFrame, tracks: Tracks, scale: FilmScale, frames: int) -> pd.DataFrame:
    """Return a row for each track: parent, generation, life, how it ended, and how it moved.

    Parameters
    ----------
    cells
        As of `cell_table`; means of columns that are named ``mean_…`` are taken over the track.
    tracks
        The tracks.
    scale
        Units.
    frames
        The number of frames of the film.
    """
    import pandas as pd

    divided = set(tracks.divisions)
    generations = {track: tracks.generation(track) for track in tracks.nodes}
    rows = []
    for track, held in cells.groupby("track", sort=True):
        number, taken = int(str(track)), held["frame"].to_numpy()
        ended = "division" if number in divided else "end of film" if taken[-1] == frames - 1 else "lost"
        began = "division" if number in tracks.parents else "start of film" if taken[0] == 0 else "appeared"
        time = held[f"time_{scale.time}"].to_numpy(np.float64)
        row: dict[str, object] = {
            "track": number,
            "parent": tracks.parents.get(number, 0),
            "generation": generations[number],
            "first_frame": int(taken[0]),
            "last_frame": int(taken[-1]),
            "frames_missing": int(taken[-1] - taken[0] + 1 - len(taken)),
            "began": began,
            "ended": ended,
            f"life_{scale.time}": float(time[-1] - time[0]),
        }
        row |= motion(places_of(held, scale), time, scale)
        sizes = [name for name in held if str(name).startswith(("area_", "volume_", "mean_"))]
        row |= {
            str(name) if str(name).startswith("mean_") else f"mean_{name}": float(held[name].mean()) for name in sizes
        }
        rows.append(row)
    none = [*FIRST_COLUMNS, f"life_{scale.time}", *motion(np.zeros((1, 2)), np.zeros(1), scale)]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=none)


def places_of(cells: pd.DataFrame, scale: FilmScale) -> NDArray[np.float64]:
    """Return the places (N, D) of rows of `cell_table` in the unit of length."""
    axes = [f"{axis}_{scale.length}" for axis in "zyx" if f"{axis}_{scale.length}" in cells]
    return cells[axes].to_numpy(np.float64)


def motion(places: NDArray[np.float64], time: NDArray[np.float64], scale: FilmScale) -> dict[str, object]:
    """Return how a cell moved through places (N, D) at times (N,); nothing where it was seen once.

    ``straightness`` is displacement by path, from 0 to 1; ``persistence`` the mean cosine of the angle between one step
    and the next, from -1 (to and fro) to 1 (straight on).
    """
    steps = np.diff(places, axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    path, away = float(lengths.sum()), float(np.linalg.norm(places[-1] - places[0]))
    life = float(time[-1] - time[0])
    both = lengths[1:] * lengths[:-1] > 0
    turns = (steps[1:] * steps[:-1]).sum(1)[both] / (lengths[1:] * lengths[:-1])[both]
    seen_twice = len(places) > 1
    return {
        f"path_{scale.length}": path if seen_twice else None,
        f"displacement_{scale.length}": away if seen_twice else None,
        f"speed_{scale.speed}": path / life if life > 0 else None,
        "straightness": away / path if path > 0 else None,
        "persistence": float(turns.mean()) if len(turns) else None,
    }


def msd_table(cells: pd.DataFrame, scale: FilmScale) -> pd.DataFrame:
    """Return the mean squared displacement over all tracks by lag, up to a quarter of the film.

    Every pair of frames of a track counts, overlapping ones too; ``tracks`` says how many tracks have such pairs.
    """
    import pandas as pd

    last = max(scale.times, default=0)
    sums: dict[int, list[float]] = {}
    for _, held in cells.groupby("track"):
        taken = np.asarray(scale.times)[held["frame"].to_numpy()]
        places = places_of(held, scale)
        for lag in range(1, max(int(last * MSD_LAGS), 1) + 1):
            later = np.searchsorted(taken, taken + lag)
            there = later < len(taken)
            there[there] = taken[later[there]] == taken[there] + lag
            if there.any():
                squares = ((places[later[there]] - places[there]) ** 2).sum(1)
                total = sums.setdefault(lag, [0.0, 0, 0])
                sums[lag] = [total[0] + squares.sum(), total[1] + len(squares), total[2] + 1]
    minutes = 1.0 if scale.interval_s is None else scale.interval_s / 60
    rows = [
        {f"lag_{scale.time}": lag * minutes, f"msd_{scale.length}2": s / n, "pairs": int(n), "tracks": int(tracks)}
        for lag, (s, n, tracks) in sorted(sums.items())
    ]
    return pd.DataFrame(rows, columns=[f"lag_{scale.time}", f"msd_{scale.length}2", "pairs", "tracks"])


def frame_table(film: LinkedFilm, scale: FilmScale) -> pd.DataFrame:
    """Return a row for each frame: cells, divisions, confluence (part of the field that cells cover), drift in px."""
    import pandas as pd

    born = [film.tracks.nodes[daughters[0]][0].frame for daughters in film.tracks.divisions.values()]
    numbers = np.arange(len(film.frames))
    drift = {f"drift_{axis}_px": film.drift[:, n] for n, axis in enumerate("zyx"[-film.drift.shape[1] :])}
    table = {
        "frame": numbers,
        f"time_{scale.time}": scale.at(numbers),
        "cells": [len(cells) for cells in film.frames],
        "divisions": np.bincount(np.asarray(born, np.int64), minlength=len(numbers)),
        "confluence": [float(cells.sizes.sum() / max(np.prod(cells.shape), 1)) for cells in film.frames],
    }
    return pd.DataFrame(table | drift)


def growth(frames: pd.DataFrame, tracks: pd.DataFrame, scale: FilmScale) -> dict[str, float | None]:
    """Return how fast cells become more.

    ``divisions_per_cell_…`` are divisions by the time that all cells were watched together; ``doubling_time_…`` is from
    a line through the logarithm of the counts, None where they do not grow.
    """
    watched = float(tracks[f"life_{scale.time}"].sum()) if len(tracks) else 0.0
    divisions = int(frames["divisions"].sum()) if len(frames) else 0
    each, unit = (1.0, "frame") if scale.interval_s is None else (60.0, "hour")
    grown = frames[frames["cells"] > 0] if len(frames) else frames
    slope = 0.0
    if len(grown) > 2:
        slope = float(np.polyfit(grown[f"time_{scale.time}"], np.log(grown["cells"].to_numpy(np.float64)), 1)[0])
    return {
        f"divisions_per_cell_and_{unit}": divisions / watched * each if watched > 0 else None,
        f"doubling_time_{unit}s": float(np.log(2) / slope / each) if slope > 1e-12 else None,
    }


def mean_intensities(
    labels: NDArray[np.integer], known: NDArray[np.int64], plane: NDArray[np.generic]
) -> NDArray[np.float64]:
    """Return the mean of a plane (Y, X) in each of the known labels of an image (Y, X)."""
    inside = labels > 0
    own = np.searchsorted(known, labels[inside])
    totals = np.bincount(own, plane[inside].astype(np.float64), minlength=len(known))
    return np.asarray(totals / np.maximum(np.bincount(own, minlength=len(known)), 1))


def unusual_frames(
    pictures: Sequence[tuple[tuple[int, ...], bool, bytes]], outlined: Sequence[tuple[int, ...]] = ()
) -> tuple[str, ...]:
    """Return sentences on frames (numbers from 1) that are black, as another, or of another size than the first.

    ``pictures`` are the shape of each frame, whether it has one value only (of a damaged one, whether it has no cells),
    and a digest of its pixels, or `DAMAGED`; ``outlined`` the shapes of their label images.
    """
    damaged = [n for n, (_, empty, digest) in enumerate(pictures, 1) if digest == DAMAGED and not empty]
    flat = [n for n, (_, blank, digest) in enumerate(pictures, 1) if blank and digest != DAMAGED]
    same = [n for n, (one, two) in enumerate(pairwise(pictures), 2) if one[2] == two[2] != DAMAGED and not two[1]]
    sized = [n for n, (shape, _, _) in enumerate(pictures, 1) if shape != pictures[0][0]]
    unlike = [n for n, (one, two) in enumerate(zip(pictures, outlined, strict=False), 1) if one[0] != two]
    said = [
        (unlike, "labels of another size than the picture: are they of this film? intensities are not measured there"),
        (damaged, "a picture that is damaged: intensities are not measured there"),
        (flat, "of one value only, as where the lamp was off: cells are followed over the gap"),
        (same, "the same picture as the one before: it may have been saved twice, and speeds there are 0"),
        (
            sized,
            f"of another size than the first ({' × '.join(map(str, pictures[0][0][::-1])) if pictures else ''} px)",
        ),
    ]
    return tuple(f"frame{'s' * (len(which) > 1)} {_numbers(which)}: {what}" for which, what in said if which)


def _numbers(which: Sequence[int]) -> str:
    shown = ", ".join(str(number) for number in which[:8])
    return shown + (f" and {len(which) - 8:,} more" if len(which) > 8 else "")
