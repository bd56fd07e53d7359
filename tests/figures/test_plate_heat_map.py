"""The heat map of a plate: every format fits, numbers can be read, wells without a number are told apart."""

import numpy as np
import pytest
from PIL import Image

from napari_cellvino.core.plate import FORMATS, Plate, Well
from napari_cellvino.figures.colour_scale import VIRIDIS, colour_of
from napari_cellvino.figures.plate_heat_map import (
    LARGEST,
    SIDES,
    TOP,
    draw_heat_map,
    luminance,
    number_text,
    write_heat_map,
)


def plate_of(rows, columns):
    return Plate("p", "made", rows, columns, (), ("DNA",))


def picture_of(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize(("rows", "columns"), FORMATS)
def test_every_format_of_plate_fits(tmp_path, rows, columns):
    values = {Well(r, c): r + c for r in range(rows) for c in range(columns)}
    write_heat_map(tmp_path / "map.png", plate_of(rows, columns), values, title="count")
    page = picture_of(tmp_path / "map.png")
    assert page.shape[1] <= 1800
    assert (page[:, [0, -1]] == 255).all()
    assert (page[[0, -1]] == 255).all()
    for end in (VIRIDIS[0], VIRIDIS[-1]):
        assert (page == end).all(-1).any()


def test_wells_without_a_result_and_without_an_image_differ():
    plate = plate_of(2, 3)
    page = np.asarray(
        draw_heat_map(plate, {Well(0, 0): 1.0, Well(0, 1): None, Well(0, 2): float("nan")}, title="count")
    )
    full = np.asarray(draw_heat_map(plate, {Well(r, c): 1.0 for r in range(2) for c in range(3)}, title="count"))
    cross, empty = (213, 94, 0), (236, 236, 239)
    for row in range(2):
        for column in range(3):
            y, x = TOP + LARGEST * row, SIDES + LARGEST * column
            well, same = page[y : y + LARGEST, x : x + LARGEST], full[y : y + LARGEST, x : x + LARGEST]
            assert (well == cross).all(-1).any() == ((row, column) in {(0, 1), (0, 2)})
            assert (well == empty).all(-1).any() == ((row, column) != (0, 0))
            assert not (same == cross).all(-1).any()
    assert (page[-40:] != 255).any()
    assert (full[-40:] == 255).all()


def test_a_plate_without_any_result_has_no_scale():
    none, some = (draw_heat_map(plate_of(2, 3), {Well(0, 0): v}, title="count") for v in (None, 1.0))
    bar = (SIDES, TOP + 2 * LARGEST + 40, SIDES + 300, TOP + 2 * LARGEST + 100)
    assert (np.asarray(none.crop(bar)) == 255).all()
    assert (np.asarray(some.crop(bar)) == colour_of(1, 1, 1)).all(-1).any()


def test_a_name_in_another_script_is_not_lost():
    latin, other = (
        np.asarray(draw_heat_map(Plate(name, "made", 2, 3, (), ("DNA",)), {}, title="count"))
        for name in ("p", "プレート")
    )
    assert latin.shape == other.shape
    assert (latin[: TOP // 2] != other[: TOP // 2]).any()


def test_the_same_values_give_the_same_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        write_heat_map(tmp_path / name, plate_of(2, 3), {Well(0, 0): 1.0}, title="count")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    ("value", "ends", "text"),
    [
        (304, (0, 900), "304"),
        (1.2, (0.4, 1.2543), "1.20"),
        (12_500, (1, 99_000), "12.5k"),
        (250.5, (0, 900.5), "250"),
        (3.14, (0.5, 12), "3.1"),
        (0.00123, (0, 0.002), "1.2e-03"),
        (0, (0, 0), "0"),
    ],
)
def test_numbers_are_short_and_have_the_decimals_of_the_scale(value, ends, text):
    assert number_text(value, ends) == text


def test_numbers_contrast_with_every_colour_of_the_scale():
    for k in range(256):
        bright = luminance(colour_of(k, 0, 255))
        contrast = (bright + 0.05) / (0.01 + 0.05) if bright > 0.18 else 1.05 / (bright + 0.05)
        assert contrast > 3.5
