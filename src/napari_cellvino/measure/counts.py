"""A field of view in one row: how many cells, how dense, how large."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.image import Spacing
from napari_cellvino.measure.columns import column_names
from napari_cellvino.segmentation.order_statistics import median_of

if TYPE_CHECKING:
    import pandas as pd

UM2_PER_MM2 = 1e6


def count_row(
    table: pd.DataFrame, classes: Sequence[str], spacing: Spacing, shape: tuple[int, int]
) -> dict[str, float | int]:
    """Return the counts and medians of one field, from the table that `measure` made of it.

    Rejected and excluded objects are not counted. Medians and means of no objects are NaN.

    Parameters
    ----------
    table
        One row per object.
    classes
        Names of all classes, also of those that no object has.
    spacing
        µm per pixel; where unknown, ``density_per_mm2`` and ``median_area_um2`` are absent.
    shape
        Height and width of the field in px.

    Returns
    -------
    dict
        ``count``, ``rejected`` and ``excluded`` (how many were left out of it), ``count_<class>`` of each class,
        ``viability`` (the share of living, where classes are living and dead), ``density_per_mm2``,
        ``median_area_px``, ``median_area_um2``, ``mean_score``, ``touching_edge`` (how many touch the image's edge).
    """
    rejected, excluded = _rejected(table), _excluded(table)
    kept = _without(table, rejected | excluded)
    row: dict[str, float | int] = {"count": len(kept), **_numbers(rejected, excluded)}
    per_class = class_counts(kept["class"], classes)
    row |= {f"count_{c}": n for c, n in zip(column_names(classes), per_class.values(), strict=True)}
    share = viability(per_class)
    if share is not None:
        row["viability"] = share
    pixel_area = spacing.pixel_area_um2
    if pixel_area is not None:
        row["density_per_mm2"] = len(kept) / (shape[0] * shape[1] * pixel_area) * UM2_PER_MM2
    area = kept["area_px"].to_numpy()
    row["median_area_px"] = median_of(area) if len(area) else float("nan")
    if pixel_area is not None:
        row["median_area_um2"] = row["median_area_px"] * pixel_area
    return row | {"mean_score": float(kept["score"].mean()), "touching_edge": int(kept["touches_edge"].sum())}


def counted(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the objects that are neither rejected nor excluded."""
    return _without(table, _rejected(table) | _excluded(table))


def _without(table: pd.DataFrame, left: NDArray[np.bool_]) -> pd.DataFrame:
    return table[~left] if left.any() else table


def left_out(table: pd.DataFrame) -> dict[str, int]:
    """Return how many objects were ``rejected``, and how many of the others ``excluded``."""
    return _numbers(_rejected(table), _excluded(table))


def _numbers(rejected: NDArray[np.bool_], excluded: NDArray[np.bool_]) -> dict[str, int]:
    return {"rejected": int(rejected.sum()), "excluded": int((excluded & ~rejected).sum())}


def _rejected(table: pd.DataFrame) -> NDArray[np.bool_]:
    return np.array([review == "rejected" for review in table["review"].tolist()], bool)  # in half of pandas' time


def _excluded(table: pd.DataFrame) -> NDArray[np.bool_]:
    return table["excluded"].to_numpy(dtype=bool)


def class_counts(names: pd.Series, classes: Sequence[str]) -> dict[str, int]:
    """Return how many of ``names`` (one per object) are of each class."""
    listed = names.tolist()  # in a tenth of pandas' time
    return {name: listed.count(name) for name in classes}


def viability(per_class: Mapping[str, int]) -> float | None:
    """Return the living as a share of the living and the dead: NaN of none, None where classes are not these two."""
    if set(per_class) != {"living", "dead"}:
        return None
    both = sum(per_class.values())
    return per_class["living"] / both if both else float("nan")
