"""By which measures tracks are coloured: those of the table of tracks, as they are now."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from napari_cellvino.gui.tracks.opened_film import OpenedFilm
from napari_cellvino.gui.widgets.value_combo import Choice
from napari_cellvino.results.film_folder import LINEAGE_NAME
from napari_cellvino.tracking.link_film import LinkedFilm
from napari_cellvino.tracking.measures import cell_table, track_table

if TYPE_CHECKING:
    import pandas as pd

GENERATION = Choice("generation", "")
NOT_MEASURED = ("track", "parent", "generation", "began", "ended")
_UNITS = {"um2": "µm²", "um3": "µm³", "um": "µm", "px": "px", "min": "min", "frames": "frames", "frame": "frame"}
_UNIT = re.compile(r"_(um2|um3|um|px|min|frames)(?:_per_(min|frame))?$")


def measured(opened: OpenedFilm, linked: LinkedFilm) -> pd.DataFrame:
    """Return a row for each track by its id; intensities are those of the last time that tracks were saved."""
    import pandas as pd

    cells = cell_table(linked, opened.scale)
    table = track_table(cells, linked.tracks, opened.scale, len(linked.frames)).set_index("track")
    saved = opened.folder / LINEAGE_NAME
    if saved.is_file():
        known = pd.read_csv(saved).set_index("track")
        further = [name for name in known if str(name).startswith("mean_") and name not in table]
        table = table.join(known[further])
    return table.drop(columns=[name for name in NOT_MEASURED if name in table])


def colour_choices(table: pd.DataFrame) -> Sequence[Choice[str]]:
    """Return what tracks can be coloured by."""
    return [GENERATION, *(Choice(_title(str(name)), str(name)) for name in table)]


def shares(table: pd.DataFrame, name: str) -> dict[int, float]:
    """Return a value from 0 to 1 for each track: its place between the least and the most; none without a measure."""
    import pandas as pd

    if name not in table:
        return {}
    values = pd.to_numeric(table[name], errors="coerce").dropna()
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    placed = np.clip((values.to_numpy(np.float64) - low) / max(high - low, 1e-9), 0.0, 1.0)
    return dict(zip(map(int, values.index), placed.tolist(), strict=True))


def _title(column: str) -> str:
    """Return a column as words: ``speed_um_per_min`` is speed (µm/min)."""
    found = _UNIT.search(column)
    if found is None:
        return column.replace("_", " ")
    unit = _UNITS[found[1]] + (f"/{found[2]}" if found[2] else "")
    return f"{column[: found.start()].replace('_', ' ')} ({unit})"
