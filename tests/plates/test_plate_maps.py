"""Plate maps as spreadsheets write them, and serial dilutions."""

import pytest

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.plate import Well, wells_in
from napari_cellvino.plates.layout import Control, Layout
from napari_cellvino.plates.layout_edits import dilute, mark_controls, paste_cells
from napari_cellvino.plates.plate_maps import MapFormat, read_plate_map


def written(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "map.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_table_with_other_titles_and_units(tmp_path):
    text = "my screen\n\nWell ID;Compound name;Concentration (µM);Type\nA1;taxol;0.5;\nAF48;DMSO;;neg\n"
    found = read_plate_map(written(tmp_path, text)).contents
    assert found[Well(0, 0)].dose == 0.5
    assert found[Well(31, 47)].control is Control.NEGATIVE


def test_the_layout_of_the_sample_plate_is_read(root):
    layout = read_plate_map(root / "sample_data" / "plate" / "plate.csv")
    assert [layout.contents[Well(0, column)].dose for column in range(3)] == [0, 1, 10]
    assert layout.unit == "µM"


def test_lengths_are_no_doses(tmp_path):
    with pytest.raises(OptionError, match="column 'dose_cm' is not read"):
        read_plate_map(written(tmp_path, "well,compound,dose_cm\nA1,x,1\n"))
    assert read_plate_map(written(tmp_path, "well,compound,depth_um\nA1,x,1\n")).contents[Well(0, 0)].dose is None


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
        ("well,dose\nA1,10^-6\n", "write|number from 0 on"),
        ("well,compound,dose\nA1,x,10 nM\nA2,x,5\n", "'5' of A02 has no unit and that of A01 is in nM"),
        ("well,compound,dose\nA1,x,10 nM\nA2,x,5 ng/ml\n", "A02 is in ng/mL and others are in nM"),
        ("well,compound,Dose (uM),Conc (nM)\nA1,x,1,1000\n", "'Dose .uM.' and 'Conc .nM.' could both be the dose"),
        ("well,compound,log dose\nA1,x,-6\n", "'log dose' is not read; call it 'dose'.* not their logarithm"),
        ("well,cpd\nA1,x\n", "no column says what a well holds: 'well', 'cpd'"),
        ("well,compound\nA1,x,positive\n", "line 2: 'positive' is below no heading"),
        ("well,compound\n,x\n", "line 2: '' is no well"),
        ("plate,well,compound\n1,A1,x\n2,A1,y\n", "A01 is there twice; it holds 2 plates"),
        ("compound,1,2\nA,x,y\n\nPlate 2\ncompound,1,2\nA,p,q\n", "compound of A01 is there twice, 'x' and 'p'"),
        ("compound,1,2\nA,x,y,z\n", "'z' has no number of a column above it"),
        ("compound,1,2\nB,x,y\nA,x,y\n", "line 3: a row 'A' without numbers"),
        (",1,2\nA,1 nM,2 nM\n", "a grid of numbers alone"),
        ("drug doses,1,2\nA,1,2\n", "titled 'drug doses'.* call it"),
        ("PK\x03\x04", "is a spreadsheet"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, part):
    with pytest.raises(OptionError, match=part):
        read_plate_map(written(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "doses", "unit", "other"),
    [
        ("well,compound,dose\nA1,x,10 uM\nA2,x,10 nM\nA3,x,0\nA4,x,2 μM\n", [10, 0.01, 0, 2], "µM", "nM"),
        ("well,compound,dose,unit\nA1,x,10,nM\nA2,x,1,mM\nA3,x,5,nM\nA4,x,7,nM\n", [10, 1e6, 5, 7], "nM", "mM"),
        ("well,compound,Dose (ng/ml)\nA1,x,1\nA2,x,2\nA3,x,1 ug/mL\nA4,x,3\n", [1, 2, 1000, 3], "ng/mL", "µg/mL"),
        ("row,column,compound,dose_uM\n1,1,x,1\n1,2,x,2\n1,3,x,3\n1,4,x,4\n", [1, 2, 3, 4], "µM", ""),
        ("well,compound,dose_um\nA1,x,1\nA2,x,2000 nM\nA3,x,3\nA4,x,4\n", [1, 2, 3, 4], "µM", "nM"),
        ("well,compound,conc_nm\nA1,x,1\nA2,x,2\nA3,x,3\nA4,x,4\n", [1, 2, 3, 4], "nM", ""),
        ("dose [mM],01,02,03,04\nA,1,2,,4\n\nB,,5\n\ncompound,1,2,3,4\nA,x,x,x,x\nB,x,x\n", [1, 2, None, 4], "mM", ""),
    ],
)
def test_doses_are_brought_into_one_unit(tmp_path, text, doses, unit, other):
    layout = read_plate_map(written(tmp_path, text))
    assert [layout.contents[Well(0, column)].dose for column in range(4)] == doses
    assert layout.unit == unit
    assert layout.converted == (f"doses are in {unit}; those in {other} were converted" if other else "")


def test_what_may_be_meant_otherwise_is_said(tmp_path):
    text = "well,compound,dose\nA1,DMSO,\nA2,Taxol,1\nA3,taxol ,2\nA4,,3\n"
    controls, names, bare = read_plate_map(written(tmp_path, text)).notices
    assert "'DMSO' (A01) may be one" in controls
    assert "'Taxol' and 'taxol' are counted as 2 compounds" in names
    assert "A04: a dose and no compound" in bare
    marked = read_plate_map(written(tmp_path, "well,compound,type\nA1,DMSO,Neg. control\nA2,x,pos ctrl\n"))
    assert [c.control.value for c in marked.contents.values()] == ["negative", "positive"]
    assert not marked.notices


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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (",1,2,3,4\nA,t,,d,\nB,t,,d,\n", "column 2 of the grid hold nothing"),
        (",1,2,3,4,5\nA,t,,d,,e\n", "column 2, column 4 of the grid"),
        (",1,2\nA,t,d\nB,,\nC,t,d\n", "row B of the grid"),
        (",1,2,3,4\nA,t,,d,e\n", ""),
        (",1,2\nA,t,d\nB,t,d\n", ""),
        ("well,compound\nA01,t\nA03,d\n", ""),
    ],
)
def test_cells_that_may_have_been_merged_are_told(tmp_path, text, said):
    path = tmp_path / "map.csv"
    path.write_text(text, encoding="utf-8")
    told = [notice for notice in read_plate_map(path).notices if "merged" in notice]
    assert len(told) == bool(said)
    assert said in "".join(told)


@pytest.mark.parametrize("title", ["Dose (log nM)", "Concentration [log M]", "log10 dose", "-log10(M)", "log_conc"])
def test_logarithms_are_no_doses(tmp_path, title):
    with pytest.raises(OptionError, match="logarithm"):
        read_plate_map(written(tmp_path, f"well,compound,{title}\nA1,x,1\nA2,x,2\n"))


def test_logarithms_in_a_grid_are_no_doses(tmp_path):
    with pytest.raises(OptionError, match="line 1: 'Dose \\(log nM\\)' holds logarithms"):
        read_plate_map(written(tmp_path, "Dose (log nM),1,2\nA,1,2\nB,1,2\n"))


def test_types_of_wells_are_controls(tmp_path):
    text = "Well,Sample,Conc,Well type\nA1,DMSO,,NC\nA2,stauro,,PC\nA3,x,1,S\n"
    found = read_plate_map(written(tmp_path, text)).contents
    assert [found[Well(0, n)].control for n in range(3)] == [Control.NEGATIVE, Control.POSITIVE, Control.NONE]
