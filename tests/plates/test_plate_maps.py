"""Plate maps as spreadsheets write them, and serial dilutions."""

import pytest

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.plate import Well, wells_in
from napari_cellvino.plates.layout import Control, Layout
from napari_cellvino.plates.plate_maps import MapFormat, dilute, mark_controls, paste_cells, read_plate_map


def written(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "map.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_table_with_other_titles_and_units(tmp_path):
    text = "my screen\n\nWell ID;Compound name;Concentration (µM);Type\nA1;taxol;0.5;\nAF48;DMSO;;neg\n"
    found = read_plate_map(written(tmp_path, text)).contents
    assert found[Well(0, 0)].dose == 0.5
    assert found[Well(31, 47)].control is Control.NEGATIVE


def test_rows_and_columns_apart(tmp_path):
    found = read_plate_map(written(tmp_path, "Row\tCol\tdrug\tdose\nB\t3\ttaxol\t2\n")).contents
    assert (found[Well(1, 2)].compound, found[Well(1, 2)].dose) == ("taxol", 2)


def test_grids_under_each_other(tmp_path):
    text = "Compound\n,1,2,3\nA,taxol,taxol,\nB,DMSO,,x\n\nConcentration [nM]\n,1,2,3\nA,1,10,\nB,,,5\n"
    found = read_plate_map(written(tmp_path, text)).contents
    assert {well.name: (c.compound, c.dose) for well, c in found.items()} == {
        "A01": ("taxol", 1), "A02": ("taxol", 10), "B01": ("DMSO", None), "B03": ("x", 5),
    }  # fmt: skip


@pytest.mark.parametrize("columns", [12, 24, 48])
def test_grid_of_any_size(tmp_path, columns):
    rows = columns * 2 // 3
    letters = [Well(row, 0).letters for row in range(rows)]
    lines = ["compound," + ",".join(map(str, range(1, columns + 1)))]
    lines += [letter + "," + ",".join(["c"] * columns) for letter in letters]
    assert len(read_plate_map(written(tmp_path, "\n".join(lines))).contents) == rows * columns


def test_decimal_comma_is_asked_for(tmp_path):
    path = written(tmp_path, "well;compound;dose\nA1;taxol;0,5\n")
    with pytest.raises(OptionError, match="--decimal-comma"):
        read_plate_map(path)
    assert read_plate_map(path, MapFormat(decimal_comma=True)).contents[Well(0, 0)].dose == 0.5


def test_latin_1_is_asked_for(tmp_path):
    path = written(tmp_path, "well;compound;dose (µM)\nA1;Größe;1\n", "latin-1")
    with pytest.raises(OptionError, match="--encoding latin-1"):
        read_plate_map(path)
    assert read_plate_map(path, MapFormat("latin-1")).contents[Well(0, 0)].compound == "Größe"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a,b\n1,2\n", "no plate map"),
        ("well,dose\nA1,1\nA01,2\n", "A01 is there twice"),
        ("well,dose\nAG1,1\n", "on no plate"),
        ("well,dose\nA1,much\n", "dose 'much' of A01"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, part):
    with pytest.raises(OptionError, match=part):
        read_plate_map(written(tmp_path, text))


def test_serial_dilution_across_and_down():
    across = dilute(Layout(), wells_in("A02:B04"), "taxol", 100, 10)
    assert [across.contents[Well(1, column)].dose for column in (1, 2, 3)] == [100, 10, 1]
    down = dilute(across, wells_in("A06:C06"), "x", 9, 3, down=True)
    assert [down.contents[Well(row, 5)].dose for row in range(3)] == [9, 3, 1]
    assert down.contents[Well(0, 1)].compound == "taxol"
    with pytest.raises(OptionError, match="factor is above 1"):
        dilute(Layout(), wells_in("A01"), "x", 1, 1)


def test_controls_keep_what_the_well_holds():
    found = mark_controls(dilute(Layout(), wells_in("A01"), "taxol", 5, 2), wells_in("A01,H12"), "positive")
    assert found.contents[Well(0, 0)].compound == "taxol"
    assert found.control(Well(7, 11)) is Control.POSITIVE


def test_cells_of_a_spreadsheet_are_put_in_from_a_well_on():
    first = Well.parse("B02")
    layout = paste_cells(Layout(), first, "taxol\t\ntaxol\tnocodazole\n")
    assert {well.name: held.compound for well, held in layout.contents.items()} == {
        "B02": "taxol", "C02": "taxol", "C03": "nocodazole"}  # fmt: skip
    layout = paste_cells(layout, first, "0,5\t1\n2.5\t.1e1")
    assert [layout.contents[Well.parse(name)].dose for name in ("B02", "B03", "C02", "C03")] == [0.5, 1, 2.5, 1]
    assert layout.contents[Well.parse("C03")].compound == "nocodazole"
    assert paste_cells(layout, first, "Positive").control(first) is Control.POSITIVE
    for text in ("", "a\t" * 60 + "a"):
        with pytest.raises(OptionError):
            paste_cells(layout, first, text)
