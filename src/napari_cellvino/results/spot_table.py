"""``spots.csv`` and ``spots_curve.csv`` of a field."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.spots import Spots
from napari_cellvino.results.schema import SPOTS_CURVE_NAME, SPOTS_NAME
from napari_cellvino.storage.csv_table import read_dicts, write_table


def write_spots(folder: Path, spots: Spots) -> None:
    """Write the spots: z (from 1; empty in one plane), y and x in px from 0, and the cell (empty outside of cells).

    The curve says how many spots each threshold of brightness would leave.
    """
    import pandas as pd

    z, y, x = spots.position.T
    table = {
        "z": z + 1 if spots.planes else np.full(len(spots), np.nan),
        "y": y,
        "x": x,
        "intensity": spots.intensity,
        "score": spots.score,
        "cell": pd.array([int(c) if c else None for c in spots.cell], dtype="Int64"),
    }
    write_table(folder / SPOTS_NAME, pd.DataFrame(table))
    write_table(folder / SPOTS_CURVE_NAME, pd.DataFrame(spots.curve, columns=["brightness", "spots"]))


def read_spots(folder: Path) -> Spots | None:
    """Return the spots of a field's result; None where none were sought.

    Raises
    ------
    ImageReadError
        If a file cannot be read.
    """
    path = folder / SPOTS_NAME
    if not path.is_file():
        return None
    try:
        rows = read_dicts(path)
        planes = any(row["z"] for row in rows)
        place = [(float(row["z"]) - 1 if planes else 0.0, float(row["y"]), float(row["x"])) for row in rows]
        light, score = ([float(row[name]) for row in rows] for name in ("intensity", "score"))
        cell = [int(row["cell"] or 0) for row in rows]
        curve = [(float(row["brightness"]), float(row["spots"])) for row in read_dicts(folder / SPOTS_CURVE_NAME)]
    except (OSError, ValueError, KeyError) as error:
        raise ImageReadError(f"{path} cannot be read: {error}; run that image again") from error
    return Spots(
        np.array(place).reshape(-1, 3),
        np.array(light),
        np.array(score),
        np.array(cell, np.int32),
        planes,
        curve=np.array(curve).reshape(-1, 2),
    )
