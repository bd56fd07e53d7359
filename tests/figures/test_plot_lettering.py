"""Signs of units that the font lacks are drawn, and long names are shortened in the middle."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from napari_cellvino.figures.plot_lettering import draw_words, shortened, text_width


def drawn(text, anchor="lm", at=(10, 30), size=26):
    page = Image.new("L", (300, 60))
    canvas = ImageDraw.Draw(page)
    canvas.fontmode = "1"
    draw_words(canvas, at, text, 255, size, anchor=anchor)
    return np.asarray(page) > 0


def test_a_micro_is_a_u_with_a_tail():
    u, micro = drawn("um"), drawn("µm")
    assert (micro | ~u).all()
    extra = np.argwhere(micro & ~u)
    assert len(extra)
    assert extra[:, 0].max() > np.argwhere(u)[:, 0].max()
    assert extra[:, 1].max() < 10 + text_width("u", 26) / 2


def test_a_raised_digit_is_smaller_and_higher():
    plain, raised = np.argwhere(drawn("2")), np.argwhere(drawn("²"))
    assert np.ptp(raised[:, 0]) < 0.8 * np.ptp(plain[:, 0])
    assert raised[:, 0].max() < plain[:, 0].max() - 5


@pytest.mark.parametrize(("anchor", "x"), [("lm", 10), ("rm", 290), ("mm", 150)])
def test_text_ends_where_it_should(anchor, x):
    columns = np.argwhere(drawn("Area, µm³", anchor, (x, 30)))[:, 1]
    width = text_width("Area, µm³", 26)
    left = {"l": x, "r": x - width, "m": x - width / 2}[anchor[0]]
    assert columns.min() == pytest.approx(left, abs=4)
    assert columns.max() == pytest.approx(left + width, abs=4)


def test_long_names_keep_their_ends():
    short = shortened("liver_day3_well_B02_field_17", 26, 180)
    assert text_width(short, 26) <= 180
    assert short.startswith("live")
    assert short.endswith("17")
    assert "…" in short
    assert shortened("B02", 26, 180) == "B02"
