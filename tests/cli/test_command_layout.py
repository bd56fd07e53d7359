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
