"""One row for a plate: totals of its wells, their spread, and how well its controls are separated.

References
----------
Z' factor: Zhang, Chung and Oldenburg, J. Biomol. Screen. 4 (1999) 67; worked out in `well_table`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from napari_cellvino.measure.counts import viability
from napari_cellvino.plates.well_table import Row, sums_of

if TYPE_CHECKING:
    import pandas as pd

Z_PRIME = "z_prime_"


def plate_table(rows: Sequence[Row], wells: pd.DataFrame) -> pd.DataFrame:
    """Return the row of a plate.

    Parameters
    ----------
    rows
        Of its fields, as in ``counts.csv``.
    wells
        The table that `well_table` made of them.

    Returns
    -------
    pandas.DataFrame
        ``plate wells``, then what a well has of all its fields, here of all fields of the plate (``fields failed count
        rejected excluded``, ``count_`` and ``share_`` of each class, densities, means, medians), ``viability`` where
        classes are living and dead, ``count_well_mean``, ``count_well_sd`` and ``count_well_cv`` (the standard
        deviation over the mean) of the counts of the wells that have one, ``z_prime_<column>`` where there are
        controls, ``outlier_wells``, and the columns in which there is an ``edge_effect``.
    """
    import pandas as pd

    line: dict[str, object] = {"plate": wells["plate"].iloc[0], "wells": len(wells), **sums_of(rows)}
    line |= _viability(line) | _spread(wells)
    line |= {str(name): wells[name].iloc[0] for name in wells.columns if str(name).startswith(Z_PRIME)}
    effects = dict.fromkeys(name for names in wells["edge_effect"] for name in names.split())
    line |= {"outlier_wells": int((wells["outlier"] != "").sum()), "edge_effect": " ".join(effects)}
    return pd.DataFrame([line])


def _viability(line: dict[str, object]) -> dict[str, object]:
    counts = {
        name.removeprefix("count_"): int(str(value))
        for name, value in line.items()
        if name.startswith("count_") and value is not None
    }
    share = viability(counts)
    return {} if share is None else {"viability": share}


def _spread(wells: pd.DataFrame) -> dict[str, object]:
    """Return mean, standard deviation and coefficient of variation of the counts of wells, None where unknown."""
    counts = wells["count"].to_numpy(dtype=float, na_value=np.nan)
    known = counts[np.isfinite(counts)]
    mean = float(known.mean()) if len(known) else None
    sd = float(known.std(ddof=1)) if len(known) > 1 else None
    cv = sd / mean if sd is not None and mean else None
    return {"count_well_mean": mean, "count_well_sd": sd, "count_well_cv": cv}
