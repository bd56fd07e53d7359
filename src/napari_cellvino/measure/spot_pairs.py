"""Spots of two channels that lie together: how many do, how many would by chance, and how the light of both goes.

A pair is two spots, one of each channel, that are each other's nearest within a distance. Chance is what pairs there
are when all spots of one channel are shifted together: their number, crowds and cells stay, what lies together is lost.

References
----------
Manders et al. 1993, "Measurement of co-localization of objects in dual-colour confocal images"; Lachmanovich et al.
2003, "Co-localization analysis of complex formation among membrane proteins by computerized fluorescence microscopy"
(nearest neighbours against random); Dunn et al. 2011, "A practical guide to evaluating colocalization".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_cellvino.core.spots import Spots, labels_at
from napari_cellvino.measure.spots import per_cell

if TYPE_CHECKING:
    import pandas as pd

Places = NDArray[np.float64]

SHIFTS = 99
NEAREST_SHIFT, FARTHEST_SHIFT = 6.0, 20.0  # px; several distances of a pair at least
DISTANCES = 4.0
SEED = 31
FEWEST_PIXELS = 30  # of a cell whose light is compared
DEVIATIONS = 3.0  # above the median of a field, from which on light is no background


@dataclass(frozen=True, slots=True, eq=False)
class SpotPairs:
    """Rows (K,) of the spots of one channel and of the other that lie together, and how far apart (K,) in px."""

    spot: NDArray[np.int64]
    partner: NDArray[np.int64]
    distance: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.spot)


def pair_spots(spots: Spots, reach: float, z_over_x: float = 1.0) -> SpotPairs:
    """Return the pairs of spots and their ``partner`` that are at most ``reach`` px apart.

    ``z_over_x`` is the distance of planes over that of pixels.
    """
    if spots.partner is None:
        return _pairs(np.zeros((0, 3)), np.zeros((0, 3)), reach)
    return _pairs(_scaled(spots, z_over_x), _scaled(spots.partner, z_over_x), reach)


def _scaled(spots: Spots, z_over_x: float) -> Places:
    return np.asarray(spots.position * (z_over_x, 1.0, 1.0))


def _pairs(one: Places, other: Places, reach: float) -> SpotPairs:
    if not len(one) or not len(other):
        none = np.zeros(0, np.int64)
        return SpotPairs(none, none, np.zeros(0))
    away, there = scipy.spatial.cKDTree(other).query(one)
    _, back = scipy.spatial.cKDTree(one).query(other)
    mutual = (back[there] == np.arange(len(one))) & (away <= reach)
    return SpotPairs(np.flatnonzero(mutual), there[mutual].astype(np.int64), away[mutual])


def pairs_by_chance(spots: Spots, reach: float, size: tuple[int, int], z_over_x: float = 1.0) -> NDArray[np.int64]:
    """Return the numbers (99,) of pairs when the partners are shifted at random in an image of ``size`` (Y, X) px."""
    if spots.partner is None:
        return np.zeros(SHIFTS, np.int64)
    rng = np.random.default_rng(SEED)
    one, other = _scaled(spots, z_over_x), _scaled(spots.partner, z_over_x)
    near = max(NEAREST_SHIFT, DISTANCES * reach)
    angles, lengths = rng.uniform(0, 2 * np.pi, SHIFTS), rng.uniform(near, near + FARTHEST_SHIFT, SHIFTS)
    found = []
    for angle, far in zip(angles, lengths, strict=True):
        moved = other + np.array([0.0, far * np.sin(angle), far * np.cos(angle)])
        moved[:, 1:] %= size
        found.append(len(_pairs(one, moved, reach)))
    return np.array(found, np.int64)


def with_pairs(
    table: pd.DataFrame, spots: Spots, pairs: SpotPairs, nuclei: NDArray[np.integer] | None = None
) -> pd.DataFrame:
    """Return a table of cells with ``partner_spots``, those of the other channel, and ``spots_paired``.

    With ``nuclei`` (Y, X) or (Z, Y, X) both also in nucleus and cytoplasm. A pair belongs to the cell of its spot.
    """
    if spots.partner is None:
        return table
    ids = table["id"].to_numpy(np.int64)
    sets = {"partner_spots": spots.partner, "spots_paired": spots.select(pairs.spot)}
    columns: dict[str, NDArray[np.int64]] = {
        name: per_cell(ids, held.cell).astype(np.int64) for name, held in sets.items()
    }
    if nuclei is not None:
        for name, held in sets.items():
            inside = per_cell(ids, labels_at(held.position, nuclei)).astype(np.int64)
            columns |= {f"{name}_in_nucleus": inside, f"{name}_in_cytoplasm": columns[name] - inside}
    return table.assign(**columns)


def count_pairs(
    spots: Spots, pairs: SpotPairs, reach: float, size: tuple[int, int], z_over_x: float = 1.0
) -> dict[str, float | int]:
    """Return the spots of the other channel, the pairs, how many chance gives, and the probability of as many by it."""
    if spots.partner is None:
        return {}
    chance = pairs_by_chance(spots, reach, size, z_over_x)
    return {
        "partner_spots": len(spots.partner),
        "spots_paired": len(pairs),
        "spots_paired_by_chance": float(chance.mean()),
        "spots_paired_p": float((1 + (chance >= len(pairs)).sum()) / (1 + SHIFTS)),
    }


def with_common_light(
    table: pd.DataFrame, labels: NDArray[np.integer], one: NDArray[np.generic], other: NDArray[np.generic]
) -> pd.DataFrame:
    """Return a table of cells with how the light of two channels (Y, X) goes together in each.

    ``pearson`` is the correlation of their pixels, ``manders_spots`` the share of the light of the first above its
    background that lies where the second is above its own, and ``manders_partner`` the other way round. Small cells,
    and those without light above the background, have none. Where spots are single molecules, pairs say more.
    """
    ids = table["id"].to_numpy(np.int64)
    inside = labels > 0
    cell, a, b = labels[inside].astype(np.int64), one[inside].astype(np.float64), other[inside].astype(np.float64)
    most = int(max(cell.max(initial=0), ids.max(initial=0)))

    def summed(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(cell, values, most + 1)[ids])

    number = summed(np.ones(len(cell)))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_a, mean_b = summed(a) / number, summed(b) / number
        spread = (summed(a * a) / number - mean_a**2) * (summed(b * b) / number - mean_b**2)
        pearson = (summed(a * b) / number - mean_a * mean_b) / np.sqrt(np.maximum(spread, 0))
        low_a, low_b = _background(one), _background(other)
        light_a, light_b = np.where(a > low_a, a - low_a, 0), np.where(b > low_b, b - low_b, 0)
        shares = {
            "manders_spots": summed(light_a * (b > low_b)) / summed(light_a),
            "manders_partner": summed(light_b * (a > low_a)) / summed(light_b),
        }
    small = number < FEWEST_PIXELS
    columns = {"pearson": np.where(spread > 0, pearson, np.nan)} | shares
    return table.assign(**{name: np.where(small, np.nan, values) for name, values in columns.items()})


def _background(plane: NDArray[np.generic]) -> float:
    pixels = plane.astype(np.float64)
    middle = float(np.median(pixels))
    return middle + DEVIATIONS * 1.4826 * float(np.median(np.abs(pixels - middle)))
