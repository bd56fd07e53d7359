"""The picture of a plate."""

import numpy as np
import pytest

from napari_cellvino.core.plate import FORMATS, Plate, Well
from napari_cellvino.figures.heat_map import EMPTY, FAILED, colour_of, draw_heat_map, short, write_heat_map


@pytest.mark.parametrize(("rows", "columns"), FORMATS)
def test_every_size_of_plate_fits(rows, columns):
    plate = Plate("p", "made", rows, columns, (), ("DNA",))
    picture = draw_heat_map(plate, {Well(r, c): r + c for r in range(rows) for c in range(columns)}, title="count")
    assert picture.width <= 1300
    colours = {tuple(c) for c in np.asarray(picture).reshape(-1, 3)}
    assert {colour_of(0, 0, 1), colour_of(1, 0, 1)} <= colours
    assert EMPTY not in colours


def test_wells_without_a_result_and_without_an_image_differ(tmp_path):
    plate = Plate("p", "made", 2, 3, (), ("DNA",))
    write_heat_map(tmp_path / "map.png", plate, {Well(0, 0): 1.0, Well(0, 1): None}, title="count")
    colours = {
        tuple(c)
        for c in np.asarray(draw_heat_map(plate, {Well(0, 0): 1.0, Well(0, 1): None}, title="x")).reshape(-1, 3)
    }
    assert {EMPTY, FAILED} <= colours
    assert (tmp_path / "map.png").stat().st_size > 0


def test_numbers_are_short():
    assert [short(v) for v in (304.0, 1.2543, 12_500.0, 0.00123, 250.5)] == ["304", "1.25", "12.5k", "0.00123", "250"]
