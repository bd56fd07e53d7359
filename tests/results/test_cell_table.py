"""The cells of many fields as one table: sorted, filtered, in gates, read again where they changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_cellvino.core.gates import Gate
from napari_cellvino.core.image import Origin, Plane
from napari_cellvino.core.objects import Doubt, ReviewState
from napari_cellvino.results.cell_table import CellQuery, CellTables
from napari_cellvino.results.field_result import measured
from napari_cellvino.results.field_writing import write_result
from napari_cellvino.results.schema import ResultKey
from tests.annotation.conftest import annotate


def write(root: Path, name: str, sides: tuple[int, ...], **records: object) -> None:
    """Write a field with squares of these sides."""
    labels = np.zeros((20, 60), np.int32)
    for id_, side in enumerate(sides, 1):
        labels[2 : 2 + side, 15 * id_ - 15 : 15 * id_ - 15 + side] = id_
    plane = Plane(np.zeros((1, 20, 60), np.uint16), np.zeros((1, 20, 60), np.uint16))
    annotation = annotate(labels, **records)
    annotation.provenance = replace(annotation.provenance, origin=Origin(f"{name}.tif"))
    write_result(root / name, measured(annotation, plane), ResultKey(name, "", 1, 2, "r"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two fields: three cells, one of them doubtful, and two that were looked at."""
    write(tmp_path, "a", (4, 10, 6), doubts=Doubt.ODD_SIZE | Doubt.TOUCHES_EDGE)
    write(tmp_path, "b", (8, 5), class_index=1, review=ReviewState.REJECTED)
    return tmp_path


def test_cells_of_all_fields_are_sorted_and_filtered(root: Path) -> None:
    table = CellTables().read(root)
    assert table.values("area_px").tolist() == [16, 100, 36, 64, 25]
    assert [measure.name for measure in table.offers][:1] == ["area"]
    areas = table.values("area_px")
    assert areas[CellQuery(sort="area_px", descending=True).rows(table)].tolist() == [100, 64, 36, 25, 16]
    assert table.kind[CellQuery(kind="dead").rows(table)].tolist() == ["dead", "dead"]
    assert CellQuery(review=ReviewState.REJECTED, sort="area_px").rows(table).tolist() == [4, 3]
    assert CellQuery(doubts=Doubt.ODD_SIZE).rows(table).tolist() == [0, 1, 2]
    assert CellQuery(excluded=True).rows(table).tolist() == []
    assert np.flatnonzero(table.in_gate(Gate(x="area_px", low=30, high=70))).tolist() == [2, 3]
    assert table.chosen([1, 3, 4]) == {root / "a": [2], root / "b": [1, 2]}
    assert table.rows_of(root / "b", [2]).tolist() == [4]


def test_only_what_changed_is_read_again(root: Path) -> None:
    tables = CellTables()
    before = tables.read(root)
    write(root, "a", (8,))
    (root / "c").mkdir()
    (root / "c" / "annotation.json").write_text("{")
    after = tables.read(root)
    assert after.fields[1] is before.fields[1]
    assert len(after) == 3
    assert [str(root / "c") in fault for fault in after.unreadable] == [True]
