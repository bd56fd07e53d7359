"""Whole cells and cytoplasm beside nuclei: what each compartment measures, and ratios between them.

Nucleus, cell and cytoplasm of one object have one id. The cytoplasm is the cell without its nucleus; of a cell that is
no larger than its nucleus it has no pixel, and its means are NaN.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.image import Spacing
from napari_cellvino.measure.columns import column_names
from napari_cellvino.measure.objects import Columns, shape_columns
from napari_cellvino.measure.outlines import find_outlines
from napari_cellvino.measure.volumes import Sums

if TYPE_CHECKING:
    import pandas as pd

Labels = NDArray[np.int32]
Part = tuple[Labels, Labels, NDArray[np.generic]]
"""Nuclei (Y, X), cells (Y, X) and all channels (C, Y, X) of one plane."""


def with_compartments(
    table: pd.DataFrame, parts: Iterable[Part], channels: Sequence[str], spacing: Spacing
) -> pd.DataFrame:
    """Return a table of nuclei with columns of their cells and cytoplasms.

    Parameters
    ----------
    table
        One row per nucleus, of `measure` or `measure_volume`.
    parts
        The planes: one, or all of a stack.
    channels
        C names.
    spacing
        µm per pixel; where it is unknown, columns in µm are absent.

    Returns
    -------
    pandas.DataFrame
        For ``cell`` and ``cytoplasm``: ``…_area_px`` (in 3D ``…_volume_px``), the same in µm, and ``…_mean_``,
        ``…_max_`` and ``…_integrated_`` of each channel. ``cell_equivalent_diameter_px``, ``cell_eccentricity`` and
        ``cell_solidity`` in 2D, ``cell_touches_edge``, ``nucleus_to_cell_size``, and ``nucleus_to_cytoplasm_`` of each
        channel: the mean of the nucleus over that of the cytoplasm.
    """
    ids, names = table["id"].to_numpy(np.int32), column_names(channels, empty="channel")
    size = "volume" if "volume_px" in table else "area"
    unit, pixel = ("um3", spacing.voxel_um3) if size == "volume" else ("um2", spacing.pixel_area_um2)
    sums = {"cell": Sums(ids, len(channels)), "cytoplasm": Sums(ids, len(channels))}
    edge, shapes = np.zeros(len(ids), bool), {}
    for nuclei, cells, pixels in parts:
        sums["cell"].add(cells, pixels)
        sums["cytoplasm"].add(np.where(nuclei == 0, cells, 0), pixels)
        edge |= np.isin(ids, np.concatenate([cells[0], cells[-1], cells[:, 0], cells[:, -1]]))
        if size == "area":
            shapes = shape_columns(find_outlines(cells, ids), spacing)
    columns: Columns = {}
    for compartment, found in sums.items():
        columns[f"{compartment}_{size}_px"] = found.voxels
        if pixel is not None:
            columns[f"{compartment}_{size}_{unit}"] = found.voxels * pixel
        for number, name in enumerate(names):
            columns |= {f"{compartment}_{key}": value for key, value in found.columns(number, name).items()}
    columns |= {f"cell_{name}": values for name, values in shapes.items()} | {"cell_touches_edge": edge}
    columns |= dict(_ratios(table, columns, size, names))
    return table.assign(**columns)


def _ratios(
    table: pd.DataFrame, columns: Columns, size: str, names: Sequence[str]
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    yield "nucleus_to_cell_size", _ratio(table[f"{size}_px"], columns[f"cell_{size}_px"])
    for name in names:
        yield f"nucleus_to_cytoplasm_{name}", _ratio(table[f"mean_{name}"], columns[f"cytoplasm_mean_{name}"])


def _ratio(above: object, below: object) -> NDArray[np.float64]:
    """Return a quotient, NaN where it has none."""
    a, b = np.asarray(above, np.float64), np.asarray(below, np.float64)
    quotient = np.full(len(a), np.nan)
    np.divide(a, b, out=quotient, where=b > 0)
    return quotient
