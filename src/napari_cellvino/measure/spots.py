"""Spots per cell and per field; where they lie too close to be told apart, their light says how many they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.spots import Spots, labels_at
from napari_cellvino.measure.counts import counted

if TYPE_CHECKING:
    import pandas as pd


def with_spots(table: pd.DataFrame, spots: Spots, nuclei: NDArray[np.integer] | None = None) -> pd.DataFrame:
    """Return a table of cells with columns of their spots.

    Parameters
    ----------
    table
        One row per cell.
    spots
        The spots of the field, with the cells they lie in.
    nuclei
        Labels of the nuclei of whole cells, (Y, X) or (Z, Y, X), where there are both.

    Returns
    -------
    pandas.DataFrame
        ``spots``, their ``spot_intensity`` in all, and ``spots_by_intensity``: that light over the light of a typical
        spot of the field. With ``nuclei`` also ``spots_in_nucleus`` and ``spots_in_cytoplasm``.
    """
    ids = table["id"].to_numpy(np.int64)
    number = per_cell(ids, spots.cell)
    light = per_cell(ids, spots.cell, spots.intensity)
    columns: dict[str, NDArray[np.generic]] = {"spots": number.astype(int), "spot_intensity": light}
    typical = spots.typical_intensity
    columns["spots_by_intensity"] = light / typical if typical > 0 else np.zeros(len(ids))
    if nuclei is not None:
        inside = per_cell(ids, labels_at(spots.position, nuclei)).astype(int)
        columns |= {"spots_in_nucleus": inside, "spots_in_cytoplasm": number.astype(int) - inside}
    return table.assign(**columns)


def count_spots(table: pd.DataFrame, spots: Spots, *, cells: bool) -> dict[str, float | int]:
    """Return the number of ``spots``, that by their light, and, where ``cells`` were sought, of those in cells."""
    row: dict[str, float | int] = {"spots": len(spots), "spots_by_intensity": spots.by_intensity}
    if cells:
        held = counted(table)["spots"]
        row |= {"spots_in_cells": int(held.sum()), "spots_per_cell": float(held.mean())}
    return row


def per_cell(
    ids: NDArray[np.int64], cell: NDArray[np.int32], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return the number, or the sum of the weights, of the spots in each cell."""
    if not len(ids):
        return np.zeros(0)
    sums = np.bincount(cell, weights, minlength=int(ids.max()) + 1)
    return np.asarray(sums[ids], np.float64)
