"""The table of wells, with numbers that were worked out by hand."""

import numpy as np
import pytest

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.plate import FieldOfView, Plate, Well
from napari_cellvino.plates.layout import Content, Control, Layout, layout_text
from napari_cellvino.plates.plate_maps import read_layout
from napari_cellvino.plates.well_table import edge_effect, outliers, tidy, well_table, z_primes

ALL = [Well(r, c) for r in range(8) for c in range(12)]
PLATE = Plate("p", "made", 8, 12, tuple(FieldOfView(w, "1") for w in ALL), ("DNA", "GFP"))


def row(well, count, ratio=1.0, status="done", field="1"):
    done = {"count": count, "count_cell": count, "mean_gfp": 10.0 * ratio, "ring_ratio_gfp": ratio}
    return {"well": well, "field": field, "status": status} | (done if status == "done" else {})


def test_fields_of_a_well_are_one_row():
    rows = [row("A01", 10, 1.0), row("A01", 30, 2.0, field="2"), row("A01", 0, status="failed", field="3")]
    (line,) = well_table(rows, PLATE, Layout()).to_dict("records")
    assert (line["fields"], line["failed"], line["count"]) == (2, 1, 40)
    assert line["ring_ratio_gfp"] == pytest.approx((10 * 1.0 + 30 * 2.0) / 40)
    assert (line["ring_ratio_gfp_field_mean"], line["count_field_mean"]) == (1.5, 20)
    assert line["count_field_sd"] == pytest.approx(np.sqrt(200))
    assert line["share_cell"] == 1


def test_class_that_one_field_has_counts_in_its_well():
    rows = [row("A01", 6) | {"count_cell": 4, "count_dead": 2}, row("A01", 4, field="2"), row("A02", 3)]
    first, second = well_table(rows, PLATE, Layout()).to_dict("records")
    assert (first["count_cell"], first["count_dead"], first["share_dead"]) == (8, 2, 0.2)
    assert np.isnan(second["share_dead"])


def test_what_was_left_out_is_added_up_where_fields_tell_it():
    told = [row("A01", 10) | {"rejected": 2, "excluded": 0}, row("A01", 5, field="2"), row("A02", 7)]
    first, second = well_table(told, PLATE, Layout()).to_dict("records")
    assert (first["rejected"], first["excluded"]) == (2, 0)
    assert np.isnan(second["rejected"])
    assert "rejected" not in well_table(told[1:], PLATE, Layout())


def test_z_prime_of_the_definition():
    wells = {"A01": 1.0, "A02": 1.2, "A03": 5.0, "A04": 5.4}
    kinds = [Control.NEGATIVE] * 2 + [Control.POSITIVE] * 2
    layout = Layout({Well.parse(w): Content(control=k) for w, k in zip(wells, kinds, strict=True)})
    table = well_table([row(w, 5, r) for w, r in wells.items()], PLATE, layout)
    expected = 1 - 3 * (np.std([1, 1.2], ddof=1) + np.std([5, 5.4], ddof=1)) / 4.1
    assert z_primes(table, layout)["ring_ratio_gfp"] == pytest.approx(expected)
    assert table["z_prime_ring_ratio_gfp"].tolist() == pytest.approx([expected] * 4)
    assert "z_prime_count" not in table  # the counts of the controls do not differ


def test_an_outlier_is_flagged_among_its_replicates():
    rows = [row(w.name, 100 + n % 5 + (900 if w.name == "D05" else 0)) for n, w in enumerate(ALL)]
    table = well_table(rows, PLATE, Layout())
    assert table.loc[table["outlier"] == "count", "well"].tolist() == ["D05"]
    assert not outliers(table, "ring_ratio_gfp").any()


def test_an_edge_effect_is_flagged_at_the_rim():
    rows = [row(w.name, (60 if PLATE.on_edge(w) else 100) + n % 5) for n, w in enumerate(ALL)]
    table = well_table(rows, PLATE, Layout())
    assert edge_effect(table, "count").sum() == 36
    assert (table["edge_effect"] == "count").tolist() == table["on_edge"].tolist()
    assert not edge_effect(table, "ring_ratio_gfp").any()


def test_a_plate_without_any_result_is_a_table():
    table = well_table([row("A01", 0, status="failed")], PLATE, Layout())
    assert table["failed"].tolist() == [1]
    assert len(tidy(table)) > 0


def test_tidy_has_a_row_per_well_and_measure():
    long = tidy(well_table([row("A01", 10), row("A02", 20)], PLATE, Layout()))
    assert long.query("measure == 'count'")["value"].tolist() == [10, 20]


def write(tmp_path, text):
    path = tmp_path / "layout.csv"
    path.write_text(text, encoding="utf-8-sig")
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_layout(tmp_path, separator):
    text = "Well,Compound,dose,control,note\na1,taxol,0.5,,x\nB02,DMSO,,neg,\n".replace(",", separator)
    layout = read_layout(write(tmp_path, text), PLATE)
    assert layout.columns(Well(0, 0)) == {"compound": "taxol", "dose": 0.5, "control": ""}
    assert layout.columns(Well(1, 1)) == {"compound": "DMSO", "dose": None, "control": "negative"}
    assert layout.columns(Well(7, 7)) == {"compound": "", "dose": None, "control": ""}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("compound\nx\n", "no column 'well'"),
        ("well\n", "no column says what a well holds"),
        ("", "no column 'well'"),
        ("well,dose\nA01,much\n", "line 2: dose 'much'"),
        ("well;dose\nA01;0,4\n", "--decimal-comma"),
        ("well,dose\nA01,-1\n", "a dose is a number from 0 on"),
        ("well,dose\nA01,inf\n", "a dose is a number from 0 on"),
        ("well,compound,molar concentration\nA01,x,4\n", "column 'molar concentration' is not read"),
        ("well,control\nA01,maybe\n", "use positive, negative, or nothing"),
        ("well,compound\nA01,x\nA1,y\n", "line 3: well A01 is there twice"),
        ("well,compound\nI01,x\n", "is not on a plate of 8 x 12"),
        ("well,compound\n?,x\n", "is no well"),
    ],
)
def test_a_layout_that_cannot_be_used_is_said(tmp_path, text, reason):
    with pytest.raises(OptionError) as caught:
        read_layout(write(tmp_path, text), PLATE)
    assert reason in str(caught.value)


def test_a_compound_that_a_spreadsheet_would_run_is_neutral_and_read_back(tmp_path):
    layout = Layout({Well(0, 0): Content(compound="=cmd()"), Well(0, 1): Content(compound="-")})
    text = layout_text(layout)
    assert "A01,'=cmd()," in text
    assert read_layout(write(tmp_path, text), PLATE) == layout
