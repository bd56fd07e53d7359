"""The table of a field of a plate is written again only where what its well holds has changed."""

from __future__ import annotations

import pandas as pd
import pytest

from napari_cellvino.results.plate_place import refresh_place
from napari_cellvino.storage.csv_table import write_table

HELD = {"well": "A01", "row": "A", "column": 1, "field": "1", "compound": "=taxol", "dose": 0.1}
TABLE = pd.DataFrame({"id": [1, 2], "area_px": [30, 41.5], "class": ["a", "'b"]})


@pytest.mark.parametrize("cells", [2, 0])
@pytest.mark.parametrize(
    "before",
    [
        HELD,
        HELD | {"dose": 0.2},
        {name: HELD[name] for name in ("well", "row", "column", "field")},
        HELD | {"control": "negative"},
        {},
    ],
)
def test_table_has_what_the_well_holds(tmp_path, before, cells):
    table, path = TABLE[:cells], tmp_path / "objects.csv"

    def placed(columns):
        return pd.concat([pd.DataFrame({n: [v] * cells for n, v in columns.items()}), table], axis=1)

    write_table(tmp_path / "right.csv", placed(HELD))
    write_table(path, placed(before))
    right, number = path.read_bytes() == (tmp_path / "right.csv").read_bytes(), path.stat().st_ino
    refresh_place(tmp_path, HELD)
    assert path.read_bytes() == (tmp_path / "right.csv").read_bytes()
    assert (path.stat().st_ino == number) == right, "a table that is right is not written again"
