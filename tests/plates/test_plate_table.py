"""The row of a plate, with numbers that were worked out by hand."""

import math

import pytest

from napari_cellvino.core.plate import FieldOfView, Plate, Well
from napari_cellvino.plates.layout import Content, Control, Layout
from napari_cellvino.plates.plate_table import plate_table
from napari_cellvino.plates.well_table import well_table

WELLS = [Well(0, n) for n in range(4)]
PLATE = Plate("p", "made", 8, 12, tuple(FieldOfView(w, "1") for w in WELLS), ("DNA",))


def row(well, living, dead, **more):
    counts = {"count": living + dead, "count_living": living, "count_dead": dead, "mean_dna": 10.0 * living}
    return {"well": well, "field": "1", "status": "done"} | counts | more


def line_of(rows, layout=None):
    (line,) = plate_table(rows, well_table(rows, PLATE, layout or Layout())).to_dict("records")
    return line


def test_wells_are_added_up_and_their_spread_is_told():
    told = {"rejected": 2, "excluded": 1}
    rows = [row("A01", 8, 2, **told), row("A01", 10, 0, **told), row("A02", 30, 10), row("A03", 0, 0)]
    line = line_of([*rows, {"well": "A04", "field": "1", "status": "failed"}])
    assert [line[name] for name in ("plate", "wells", "fields", "failed", "count")] == ["p", 4, 4, 1, 60]
    assert [line[name] for name in ("rejected", "excluded", "count_living", "count_dead")] == [4, 2, 48, 12]
    assert (line["viability"], line["share_dead"]) == (0.8, 0.2)
    assert (line["count_well_mean"], line["count_well_sd"], line["count_well_cv"]) == (20, 20, 1)  # 20, 40 and 0
    assert line["mean_dna"] == pytest.approx((10 * 80 + 10 * 100 + 40 * 300) / 60)
    assert "z_prime_count" not in line
    assert not [name for name in line if name.endswith(("_field_mean", "_field_sd"))]


def test_controls_that_stand_apart():
    kinds = [Control.NEGATIVE] * 2 + [Control.POSITIVE] * 2
    layout = Layout({w: Content(control=k) for w, k in zip(WELLS, kinds, strict=True)})
    counts = (10, 12, 98, 104)
    line = line_of([row(w.name, n, 0) for w, n in zip(WELLS, counts, strict=True)], layout)
    assert line["z_prime_count"] == pytest.approx(1 - 3 * (math.sqrt(2) + math.sqrt(18)) / 90)


def test_a_plate_of_one_well_or_none_that_went_well():
    one = line_of([row("A01", 3, 0)])
    assert (one["count_well_mean"], one["count_well_sd"], one["count_well_cv"]) == (3, None, None)
    none = line_of([{"well": "A01", "field": "1", "status": "failed"}])
    assert (none["wells"], none["failed"], none["count"], none["count_well_mean"]) == (1, 1, None, None)
    empty = line_of([row("A01", 0, 0), row("A02", 0, 0)])
    assert (empty["count"], empty["count_well_cv"]) == (0, None)
    assert math.isnan(empty["viability"])
