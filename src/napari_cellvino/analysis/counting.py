"""A field of view in one row: how many cells, how dense, how large."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from napari_cellvino.analysis.columns import column_names
from napari_cellvino.image import Spacing

if TYPE_CHECKING:
    import pandas as pd

UM2_PER_MM2 = 1e6


def count_row(
    table: pd.DataFrame, classes: Sequence[str], spacing: Spacing, shape: tuple[int, int]
) -> dict[str, float | int]:
    """Return the counts and medians of one field, from the table that `measure` made of it.

    Objects that a person rejected are not counted. Medians and means of no objects are NaN.

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
        ``count``, ``count_<class>`` of each class, ``density_per_mm2``, ``median_area_px``, ``median_area_um2``,
        ``mean_score``, ``touching_edge`` (how many touch the image's edge).
    """
    kept = table[table["review"] != "rejected"]
    row: dict[str, float | int] = {"count": len(kept)}
    row |= {f"count_{c}": n for c, n in zip(column_names(classes), _per_class(kept, classes), strict=True)}
    pixel_area = spacing.pixel_area_um2
    if pixel_area is not None:
        row["density_per_mm2"] = len(kept) / (shape[0] * shape[1] * pixel_area) * UM2_PER_MM2
    row["median_area_px"] = float(kept["area_px"].median())
    if pixel_area is not None:
        row["median_area_um2"] = row["median_area_px"] * pixel_area
    return row | {"mean_score": float(kept["score"].mean()), "touching_edge": int(kept["touches_edge"].sum())}


def _per_class(table: pd.DataFrame, classes: Sequence[str]) -> list[int]:
    return [int((table["class"] == name).sum()) for name in classes]
