"""Growth, mean squared displacement and speed of groups of films, with 95 % intervals.

With three films or more in a group, films are the replicates: the interval is that of Student's t over their values.
With fewer, what one film can tell is told: families (a cell of the beginning with all that it became) are drawn again
with replacement, since a cell and its daughters are not independent. The interval is then of these cells, not of
further films, and `Curve.replicates` says so.

References
----------
Efron and Tibshirani 1993, "An Introduction to the Bootstrap", ch. 8 (clusters); Lazic 2010 on pseudoreplication.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import OptionError

if TYPE_CHECKING:
    import pandas as pd

Values = NDArray[np.float64]

LEVEL = 0.95
DRAWS = 1000
OF_TRACKS = ("speed", "life", "displacement", "straightness", "persistence")
FEWEST_FILMS = 3  # of which an interval over films is given
LAGS = 0.25  # of a film's length, as in `msd.csv`


@dataclass(frozen=True, slots=True)
class TrackTables:
    """The tables of a tracked film: ``cells`` of ``tracks.csv`` and ``tracks`` of ``lineage.csv``."""

    name: str
    cells: pd.DataFrame
    tracks: pd.DataFrame

    @property
    def length(self) -> str:
        """``um`` or ``px``."""
        return "um" if "y_um" in self.cells else "px"

    @property
    def time(self) -> str:
        """``min`` or ``frames``."""
        return "min" if "time_min" in self.cells else "frames"


@dataclass(frozen=True, slots=True)
class Curve:
    """A measure of one group: its mean at K places, with the interval.

    Attributes
    ----------
    group
        The group.
    x, mean, low, high
        Times or lags, and values (K,); of speed a single one.
    films
        How many films it is of.
    replicates
        What the interval is over: ``films`` or ``cells``.
    of_films
        The value of each film (films, K); NaN where it has none.
    """

    group: str
    x: Values
    mean: Values
    low: Values
    high: Values
    films: int
    replicates: str
    of_films: Values


@dataclass(frozen=True, slots=True)
class _Sums:
    """A measure of one film as a ratio of sums over its F families at K places: ``above`` / ``below`` (F, K)."""

    x: Values
    above: Values
    below: Values

    @property
    def value(self) -> Values:
        """The measure of the film (K,)."""
        return _ratio(self.above.sum(0), self.below.sum(0))


def check_units(films: Sequence[TrackTables]) -> None:
    """Raise OptionError where films are in different units."""
    for film in films[1:]:
        for one, two in ((films[0].length, film.length), (films[0].time, film.time)):
            if one != two:
                raise OptionError(
                    f"{films[0].name} is in {one} and {film.name} in {two}; track both with --pixel-size and --interval"
                )


def group_curves(films: Mapping[str, Sequence[TrackTables]]) -> dict[str, list[Curve]]:
    """Return a curve for each group, by ``growth`` (cells, the first frame is 1), ``msd`` and others.

    Measures of tracks (``speed``, ``life``, ``displacement``, ``straightness``, ``persistence``) are single values;
    the intensity of each channel, ``mean_…_over_time``, is over all cells of a time.

    Raises
    ------
    OptionError
        If films are in different units.
    """
    every = [film for held in films.values() for film in held]
    check_units(every)
    measures: dict[str, Callable[[TrackTables], _Sums]] = {"growth": _growth, "msd": _msd}
    measures |= {name: partial(_of_tracks, name=name) for name in OF_TRACKS if _in_all(every, name)}
    for name in (str(name) for name in every[0].cells if str(name).startswith("mean_")):
        if all(name in film.cells for film in every):
            measures[f"{name}_over_time"] = partial(_over_time, column=name)
    return {
        name: [_curve(group, [measure(film) for film in held]) for group, held in films.items()]
        for name, measure in measures.items()
    }


def _in_all(films: Sequence[TrackTables], name: str) -> bool:
    return name == "speed" or all(_column(film, name) is not None for film in films)


def _column(film: TrackTables, name: str) -> str | None:
    """Return the column of the table of tracks that a measure is in, whatever its unit is."""
    return next((str(c) for c in film.tracks if str(c) == name or str(c).startswith(f"{name}_")), None)


def _curve(group: str, films: Sequence[_Sums]) -> Curve:
    x = np.unique(np.concatenate([film.x for film in films]))
    of_films = np.stack([_at(x, film.x, film.value) for film in films])
    if len(films) >= FEWEST_FILMS:
        mean, low, high = _student(of_films)
        return Curve(group, x, mean, low, high, len(films), "films", of_films)
    above, below = (
        np.concatenate([np.stack([_at(x, film.x, row, 0.0) for row in getattr(film, name)]) for film in films])
        for name in ("above", "below")
    )
    weights = np.random.default_rng(0).multinomial(len(above), np.full(len(above), 1 / len(above)), DRAWS)
    drawn = _ratio(weights @ above, weights @ below)
    low, high = (_quantile(drawn, share) for share in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Curve(group, x, _ratio(above.sum(0), below.sum(0)), low, high, len(films), "cells", of_films)


def _student(values: Values) -> tuple[Values, Values, Values]:
    """Return mean and interval of values (films, K) of which some are NaN."""
    from scipy.stats import t

    there = np.isfinite(values)
    count = there.sum(0)
    mean = _ratio(np.where(there, values, 0).sum(0), count)
    squares = (np.where(there, values - mean, 0) ** 2).sum(0)
    error = np.sqrt(_ratio(squares, np.maximum(count - 1, 1) * np.maximum(count, 1)))
    half = np.where(count > 1, t.ppf((1 + LEVEL) / 2, np.maximum(count - 1, 1)) * error, np.nan)
    return mean, mean - half, mean + half


def _growth(film: TrackTables) -> _Sums:
    """Cells over time by those of the first frame, for each family."""
    roots, times = _roots(film), film.cells[f"time_{film.time}"].to_numpy(np.float64)
    x, at = np.unique(times, return_inverse=True)
    counts = np.zeros((int(roots.max(initial=-1)) + 1, len(x)))
    np.add.at(counts, (roots, at), 1)
    return _Sums(x, counts, np.broadcast_to(counts[:, :1], counts.shape))


def _msd(film: TrackTables) -> _Sums:
    """Squared displacements by lag, for each family."""
    cells, roots = film.cells, _roots(film)
    times, step = _steps(cells[f"time_{film.time}"].to_numpy(np.float64))
    places = cells[[f"{axis}_{film.length}" for axis in "zyx" if f"{axis}_{film.length}" in cells]].to_numpy(np.float64)
    lags = np.arange(1, max(int(times.max(initial=0) * LAGS), 1) + 1)
    track = cells["track"].to_numpy(np.int64)
    key = track * (int(times.max(initial=0)) + len(lags) + 2) + times  # rows are by track and time
    above, below = (np.zeros((int(roots.max(initial=-1)) + 1, len(lags))) for _ in range(2))
    for number, lag in enumerate(lags.tolist()):
        later = np.minimum(np.searchsorted(key, key + lag), len(key) - 1)
        there = key[later] == key + lag
        np.add.at(above[:, number], roots[there], ((places[later] - places)[there] ** 2).sum(1))
        np.add.at(below[:, number], roots[there], 1)
    return _Sums(np.asarray(lags * step, np.float64), above, below)


def _over_time(film: TrackTables, column: str) -> _Sums:
    """Return a measure of all cells of a time, for each family."""
    roots, times = _roots(film), film.cells[f"time_{film.time}"].to_numpy(np.float64)
    values = film.cells[column].to_numpy(np.float64)
    x, at = np.unique(times, return_inverse=True)
    above, below = (np.zeros((int(roots.max(initial=-1)) + 1, len(x))) for _ in range(2))
    known = np.isfinite(values)
    np.add.at(above, (roots[known], at[known]), values[known])
    np.add.at(below, (roots[known], at[known]), 1)
    return _Sums(x, above, below)


def _of_tracks(film: TrackTables, name: str) -> _Sums:
    """Return a measure of tracks, for each family."""
    column = _column(film, name)
    roots = _roots_of_tracks(film)
    known = film.tracks[film.tracks[column].notna()] if column is not None else film.tracks[:0]
    families = np.array([roots[int(track)] for track in known["track"]], np.int64)
    above, below = (np.zeros((max(roots.values(), default=-1) + 1, 1)) for _ in range(2))
    if len(known):
        np.add.at(above[:, 0], families, known[column].to_numpy(np.float64))
        np.add.at(below[:, 0], families, 1)
    return _Sums(np.zeros(1), above, below)


def _roots_of_tracks(film: TrackTables) -> dict[int, int]:
    """Return the number of the family of each track, from 0."""
    parents = dict(zip(film.tracks["track"].tolist(), film.tracks["parent"].tolist(), strict=True))
    families: dict[int, int] = {}
    found = {}
    for track in parents:
        root = track
        while parents.get(root, 0) in parents:
            root = parents[root]
        found[track] = families.setdefault(root, len(families))
    return found


def _roots(film: TrackTables) -> NDArray[np.int64]:
    roots = _roots_of_tracks(film)
    return np.array([roots[track] for track in film.cells["track"].tolist()], np.int64)


def _steps(times: Values) -> tuple[NDArray[np.int64], float]:
    """Return times in whole steps, and the step."""
    apart = np.diff(np.unique(times))
    step = float(apart.min()) if len(apart) else 1.0
    return np.rint(times / step).astype(np.int64), step


def _at(x: Values, known: Values, values: Values, outside: float = np.nan) -> Values:
    """Return values at places, linear in between."""
    return np.interp(x, known, values, left=outside, right=outside)


def _ratio(above: NDArray[np.number], below: NDArray[np.number]) -> Values:
    counted = np.asarray(below, np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(counted > 0, np.asarray(above, np.float64) / counted, np.nan)


def _quantile(drawn: Values, share: float) -> Values:
    """Return quantiles of draws (N, K) without NaN; NaN where there is no other."""
    known = np.isfinite(drawn).any(0)
    held = np.full(drawn.shape[1], np.nan)
    held[known] = np.nanquantile(drawn[:, known], share, axis=0)
    return held
