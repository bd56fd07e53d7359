"""``cellvino layout``: a map and dilutions in, the layout of a run out."""

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.plate import Plate, Well
from napari_cellvino.plates.layout import Control
from napari_cellvino.plates.plate_maps import read_layout


def test_dilution_and_controls_make_a_layout(cellvino, tmp_path):
    out = tmp_path / "layout.csv"
    called = cellvino("layout", "--out", out, "--dilute", "A02:B11=1,2-diol,100,2", "--control", "A01:B01=negative")
    assert called.code == 0, called.err
    assert "22 wells, 1 compound\n" in called.out
    layout = read_layout(out, Plate("p", "", 8, 12, (), ()))
    assert layout.contents[Well(1, 2)].compound == "1,2-diol"
    assert layout.contents[Well(1, 2)].dose == 50
    assert layout.control(Well(0, 0)) is Control.NEGATIVE
    assert isinstance(cellvino("layout", "--out", out, "--dilute", "A02=x").error, OptionError)


def test_a_dilution_begins_at_the_well_that_is_named_first(cellvino, tmp_path):
    out = tmp_path / "layout.csv"
    back = cellvino("layout", "--out", out, "--dilute", "A11:B9=taxol,100,2")
    assert back.code == 0, back.err
    contents = read_layout(out, Plate("p", "", 8, 12, (), ())).contents
    assert [contents[Well(row, column)].dose for row in (0, 1) for column in (8, 9, 10)] == [25, 50, 100] * 2
    assert cellvino("layout", "--out", out, "--down", "--dilute", "B03:A02=taxol,100,2").code == 0
    contents = read_layout(out, Plate("p", "", 8, 12, (), ())).contents
    assert [contents[Well(row, 1)].dose for row in (0, 1)] == [50, 100]
    both = cellvino("layout", "--out", out, "--dilute", "A01:A03,B03:B01=taxol,100,2")
    assert isinstance(both.error, OptionError)
    assert "goes both ways" in str(both.error)
