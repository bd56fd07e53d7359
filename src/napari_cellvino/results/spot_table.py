"""``spots.csv`` and the tables beside it of a field."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.spot_edits import SpotEdit
from napari_cellvino.core.spots import Spots
from napari_cellvino.measure.spot_pairs import SpotPairs
from napari_cellvino.results.schema import PAIRS_NAME, PARTNER_NAME, SPOT_EDITS_NAME, SPOTS_CURVE_NAME, SPOTS_NAME
from napari_cellvino.storage.csv_table import read_dicts, write_table

if TYPE_CHECKING:
    import pandas as pd

EDIT_COLUMNS = ("action", "z", "y", "x", "intensity", "score")


def write_spots(folder: Path, spots: Spots) -> None:
    """Write the spots: z (from 1; empty in one plane), y and x in px from 0, and the cell (empty outside of cells).

    The curve says how many spots each threshold of brightness would leave.
    """
    import pandas as pd

    _write(folder / SPOTS_NAME, spots)
    write_table(folder / SPOTS_CURVE_NAME, pd.DataFrame(spots.curve, columns=["brightness", "spots"]))
    if spots.partner is not None:
        _write(folder / PARTNER_NAME, spots.partner)
    if spots.edits:
        rows = [("add" if edit.added else "delete", *edit.position, edit.intensity, edit.score) for edit in spots.edits]
        write_table(folder / SPOT_EDITS_NAME, pd.DataFrame(rows, columns=list(EDIT_COLUMNS)))


def write_pairs(folder: Path, spots: Spots, pairs: SpotPairs) -> None:
    """Write a row per pair of two channels: rows of ``spots.csv`` and ``spots_partner.csv`` from 1, px apart, cell."""
    import pandas as pd

    held = [int(c) if c else None for c in spots.cell[pairs.spot]]
    table = {"spot": pairs.spot + 1, "partner": pairs.partner + 1, "distance": pairs.distance}
    write_table(folder / PAIRS_NAME, pd.DataFrame(table | {"cell": pd.array(held, dtype="Int64")}))


def spot_frame(spots: Spots) -> pd.DataFrame:
    """Return a row per spot: ``z`` (from 1; missing in one plane), ``y``, ``x``, intensity, score and cell."""
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
    return pd.DataFrame(table)


def _write(path: Path, spots: Spots) -> None:
    write_table(path, spot_frame(spots))


def read_spot_edits(folder: Path) -> tuple[SpotEdit, ...] | None:
    """Return what a person did to the spots of a field, None where nobody did anything; z is from 0 there.

    Raises
    ------
    ImageReadError
        If the file cannot be read.
    """
    path = folder / SPOT_EDITS_NAME
    if not path.is_file():
        return None
    try:
        rows = [[row[name] for name in EDIT_COLUMNS] for row in read_dicts(path)]
        return tuple(
            SpotEdit(action == "add", (float(z), float(y), float(x)), float(light), float(score))
            for action, z, y, x, light, score in rows
        )
    except (OSError, ValueError, KeyError) as error:
        raise ImageReadError(f"{path} cannot be read: {error}; move it away") from error


def read_spots(folder: Path) -> Spots | None:
    """Return the spots of a field's result; None where none were sought.

    Raises
    ------
    ImageReadError
        If a file cannot be read.
    """
    if not (folder / SPOTS_NAME).is_file():
        return None
    partner = _read(folder / PARTNER_NAME) if (folder / PARTNER_NAME).is_file() else None
    try:
        curve = [(float(row["brightness"]), float(row["spots"])) for row in read_dicts(folder / SPOTS_CURVE_NAME)]
    except (OSError, ValueError, KeyError) as error:
        raise ImageReadError(f"{folder / SPOTS_CURVE_NAME} cannot be read: {error}; run that image again") from error
    found, edits = _read(folder / SPOTS_NAME), read_spot_edits(folder)
    return replace(found, curve=np.array(curve).reshape(-1, 2), partner=partner, edits=edits)


def _read(path: Path) -> Spots:
    try:
        rows = read_dicts(path)
        planes = any(row["z"] for row in rows)
        place = [(float(row["z"]) - 1 if planes else 0.0, float(row["y"]), float(row["x"])) for row in rows]
        light, score = ([float(row[name]) for row in rows] for name in ("intensity", "score"))
        cell = [int(row["cell"] or 0) for row in rows]
    except (OSError, ValueError, KeyError) as error:
        raise ImageReadError(f"{path} cannot be read: {error}; run that image again") from error
    return Spots(
        np.array(place).reshape(-1, 3),
        np.array(light),
        np.array(score),
        np.array(cell, np.int32),
        planes,
    )
