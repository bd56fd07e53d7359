"""One row per well: counts, intensities and ratios over its fields, and flags for outliers and edge effects.

References
----------
Z' factor: Zhang, Chung and Oldenburg, J. Biomol. Screen. 4 (1999) 67.
Outliers by the median absolute deviation, 3.5: Iglewicz and Hoaglin, How to detect and handle outliers (1993).
Edge effect by the rank-sum test of Mann and Whitney between wells at the rim and inside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.plate import Plate, Well
from napari_cellvino.plates.layout import Control, Layout
from napari_cellvino.plates.rank_test import rank_sum_p

if TYPE_CHECKING:
    import pandas as pd

Row = Mapping[str, object]

SUMS = (
    "rejected",
    "excluded",
    "spots",
    "spots_by_intensity",
    "spots_in_cells",
    "partner_spots",
    "spots_paired",
    "spots_paired_by_chance",
)  # columns that are added up
MEANS = ("mean_", "ring_ratio_", "spots_per_cell")  # beginnings of the columns that are means over the cells of a field
MEDIAN = "median_"  # and of those that are medians over them
OUTLYING = 3.5  # scores by the median absolute deviation
MAD_TO_SD = 0.6745
REPLICATES = 4  # wells of one content that are compared among themselves; fewer are compared with the plate
EDGE_WELLS = 6  # at the rim and inside, at least, for an edge effect to be tested
EDGE_P, EDGE_SHIFT = 0.01, 0.1  # probability by chance, and the shift that matters


def well_table(rows: Sequence[Row], plate: Plate, layout: Layout) -> pd.DataFrame:
    """Return one row per well of the fields in ``rows``, which are those of ``counts.csv``.

    Returns
    -------
    pandas.DataFrame
        ``plate well row column``, compound, dose and control where there is a layout, ``fields``, ``failed``,
        ``count`` (all fields together), ``rejected`` and ``excluded`` (left out of it), ``count_<class>`` and
        ``share_<class>``, ``density_per_mm2``, and for each channel ``mean_`` and ``ring_ratio_`` over all cells, and
        ``median_``, the median over fields of the median cell. Of count, density, intensities and ratios also the mean
        and standard deviation over the fields: ``<column>_field_mean``, ``<column>_field_sd``. ``z_prime_<column>``
        where there are controls, ``on_edge``, and the columns in which the well is an ``outlier`` or, at the rim,
        part of an ``edge_effect``.
    """
    import pandas as pd

    by_well: dict[Well, list[Row]] = {}
    for row in rows:
        by_well.setdefault(Well.parse(str(row["well"])), []).append(row)
    lines = [well_row(well, by_well[well], plate, layout) for well in sorted(by_well)]
    table = pd.DataFrame(lines, columns=list(dict.fromkeys(name for line in lines for name in line)))
    metrics = metrics_of(table)
    for name, value in z_primes(table, layout).items():
        table[f"z_prime_{name}"] = value
    table["on_edge"] = [plate.on_edge(well) for well in sorted(by_well)]
    table["edge_effect"] = _format([edge_effect(table, name) for name in metrics], metrics, len(table))
    table["outlier"] = _format([outliers(table, name) for name in metrics], metrics, len(table))
    return table


def metrics_of(table: pd.DataFrame) -> list[str]:
    """Return the columns of a well table that wells are compared by: count, intensities and ratios."""
    means = [str(c) for c in table.columns if str(c).startswith(MEANS) and not str(c).endswith(("_mean", "_sd"))]
    return ["count", *(name for name in means if name != "mean_score")]


def well_row(well: Well, rows: Sequence[Row], plate: Plate, layout: Layout) -> dict[str, object]:
    """Return the row of one well, from its fields alone."""
    place = {"plate": plate.name, "well": well.name, "row": well.letters, "column": well.column + 1}
    line: dict[str, object] = {**place, **layout.columns(well), **sums_of(rows)}
    done = [row for row in rows if row["status"] == "done"]
    names = dict.fromkeys(name for row in done for name in row)
    for name in ["count", *(n for n in names if n == "density_per_mm2" or _is_mean(n))]:
        line |= _over_fields([_number(row, name) for row in done], name)
    return line


def sums_of(rows: Sequence[Row]) -> dict[str, object]:
    """Return sums of the counts, means over all cells and medians over the fields."""
    done = [row for row in rows if row["status"] == "done"]
    count = sum(n for row in done if np.isfinite(n := _number(row, "count")))
    line: dict[str, object] = {"fields": len(done), "failed": len(rows) - len(done)}
    line["count"] = _total(done, "count")
    names = list(dict.fromkeys(name for row in done for name in row))
    line |= {name: _total(done, name) for name in SUMS if name in names}
    for name in (n for n in names if n.startswith("count_")):
        total = _total(done, name)  # a field without a class has none of it
        share = total / count if count and total is not None else None
        line |= {name: total, f"share_{name.removeprefix('count_')}": share}
    if done and "density_per_mm2" in names:
        line["density_per_mm2"] = float(np.mean([_number(row, "density_per_mm2") for row in done]))
    line |= {name: _over_cells(done, name) for name in names if _is_mean(name)}
    return line | {name: _median([_number(row, name) for row in done]) for name in names if name.startswith(MEDIAN)}


def _is_mean(name: str) -> bool:
    return name.startswith(MEANS) and name != "mean_score"


def _number(row: Row, name: str) -> float:
    value = row.get(name)
    return float(str(value)) if value is not None else float("nan")


def _total(rows: Sequence[Row], name: str) -> int | None:
    """Return the sum over the fields that know a count, None where none does."""
    known = [value for row in rows if np.isfinite(value := _number(row, name))]
    return int(sum(known)) if known else None


def _over_cells(rows: Sequence[Row], name: str) -> float | None:
    """Return the mean over the cells of all fields, from the means of the fields."""
    pairs = [(_number(row, name), _number(row, "count")) for row in rows]
    known = [(value, n) for value, n in pairs if np.isfinite(value) and n > 0]
    return sum(v * n for v, n in known) / sum(n for _, n in known) if known else None


def _median(values: Sequence[float]) -> float | None:
    known = [v for v in values if np.isfinite(v)]
    return float(np.median(known)) if known else None


def _over_fields(values: Sequence[float], name: str) -> dict[str, object]:
    known = np.array([v for v in values if np.isfinite(v)])
    mean = float(known.mean()) if len(known) else None
    return {f"{name}_field_mean": mean, f"{name}_field_sd": float(known.std(ddof=1)) if len(known) > 1 else None}


def z_primes(table: pd.DataFrame, layout: Layout) -> dict[str, float]:
    """Return the Z' factor, 1 - 3 (sd+ + sd-) / |mean+ - mean-|, of each column; needs both kinds of control.

    A column in which the controls do not differ has none.
    """
    found: dict[str, float] = {}
    controls = [layout.control(Well.parse(str(well))) for well in table["well"]]
    for name in metrics_of(table):
        values = _values(table, name)
        positive, negative = (
            values[[c is kind for c in controls] & np.isfinite(values)] for kind in (Control.POSITIVE, Control.NEGATIVE)
        )
        if min(len(positive), len(negative)) < 2 or positive.mean() == negative.mean():
            continue
        spread = positive.std(ddof=1) + negative.std(ddof=1)
        found[name] = float(1 - 3 * spread / abs(positive.mean() - negative.mean()))
    return found


def outliers(table: pd.DataFrame, name: str) -> NDArray[np.bool_]:
    """Return which wells differ from those of the same content, or from the plate where those are few."""
    values = _values(table, name)
    keys = list(zip(*(table[c].astype(str) for c in ("compound", "dose", "control") if c in table), strict=True))
    groups = np.unique(keys, axis=0, return_inverse=True)[1].ravel() if keys else np.zeros(len(table), int)
    sizes = np.bincount(groups, minlength=1)
    groups = np.where(sizes[groups] >= REPLICATES, groups, -1)
    found = np.zeros(len(table), bool)
    for group in np.unique(groups):
        members = groups == group
        found[members] = _far(values[members] if group >= 0 else values, values[members])
    return found


def _far(among: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.bool_]:
    known = among[np.isfinite(among)]
    if len(known) < REPLICATES:
        return np.zeros(len(values), bool)
    middle = np.median(known)
    spread = np.median(np.abs(known - middle))
    if spread == 0:
        return np.zeros(len(values), bool)
    return np.asarray(MAD_TO_SD * np.abs(values - middle) > OUTLYING * spread)


def edge_effect(table: pd.DataFrame, name: str) -> NDArray[np.bool_]:
    """Return the wells at the rim, all of them, where they differ from those inside; controls are left out."""
    values, rim = _values(table, name), table["on_edge"].to_numpy(bool)
    sample = np.isfinite(values) & (table["control"] == "").to_numpy() if "control" in table else np.isfinite(values)
    outer, inner = values[rim & sample], values[~rim & sample]
    if min(len(outer), len(inner)) < EDGE_WELLS:
        return np.zeros(len(table), bool)
    if not abs(np.median(outer) - np.median(inner)) > EDGE_SHIFT * abs(np.median(inner)):
        return np.zeros(len(table), bool)
    return rim & bool(rank_sum_p(outer, inner) < EDGE_P)


def _values(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    values: NDArray[Any] = table[name].to_numpy(dtype=float, na_value=np.nan)
    return values


def _format(flags: Sequence[NDArray[np.bool_]], names: Sequence[str], count: int) -> list[str]:
    """Return the names of the flags of each well."""
    return [" ".join(name for name, which in zip(names, flags, strict=True) if which[n]) for n in range(count)]


def tidy(table: pd.DataFrame) -> pd.DataFrame:
    """Return a well table with one row per well and measure: columns of the well, ``measure`` and ``value``."""
    places = [c for c in ("plate", "well", "row", "column", "compound", "dose", "control") if c in table]
    numbers = [c for c in table.columns if c not in places and table[c].dtype.kind in "iuf"]
    long = table.melt(id_vars=places, value_vars=numbers, var_name="measure", value_name="value")
    return long.dropna(subset="value").reset_index(drop=True)
