"""Text that fits, in characters the font has."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from napari_cellvino.core.objects import Objects
from napari_cellvino.figures.lettering import (
    IN_FONT,
    SMALLEST,
    Line,
    draw_caption,
    draw_numbers,
    draw_scale_bar,
    font,
    length_text,
    number_sizes,
    round_length,
    spell,
    wrap,
)
from napari_cellvino.figures.palette import PAPER, in_colours, ink


def disc(area, number=1):
    n = number
    return Objects.found(
        score=np.ones(n), box=np.zeros((n, 4)), centroid=np.full((n, 2), 50.0), area_px=np.full(n, area)
    ).select(np.array([n - 1]))


@pytest.mark.parametrize(("at_most", "length"), [(1, 1), (1.99, 1), (2, 2), (49, 20), (0.07, 0.05), (999, 500)])
def test_round_length(at_most, length):
    assert round_length(at_most) == pytest.approx(length)


def test_length_text():
    assert [length_text(um) for um in (0.5, 1, 200, 2000)] == ["500 nm", "1 um", "200 um", "2 mm"]


@pytest.mark.parametrize("um_per_px", [0.02, 0.325, 1.3, 40])
def test_scale_bar_is_as_long_as_it_says(um_per_px):
    strip = np.array(draw_scale_bar(um_per_px, width=1000))
    white = (strip[-14] == 255).all(axis=-1)
    assert white.sum() == round(round_length(250 * um_per_px) / um_per_px)


def test_spelling():
    assert spell("β-catenin é ß 0.5 µm ≥ ½ 细") == "beta-catenin e ss 0.5 um >= 12 ?"


@given(st.text(max_size=20))
def test_everything_can_be_spelled(text):
    assert all(c.isascii() or c in IN_FONT for c in spell(text))


@given(st.text("abc WWW  ", max_size=80), st.integers(60, 300))
def test_wrapped_lines_fit_and_lose_nothing(text, width):
    lines = wrap(Line(text), width=width)
    assert all(font(14).getlength(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_caption_is_taller_with_more_lines():
    heights = [len(draw_caption([Line("what was run " * n)], width=300)) for n in (1, 9)]
    assert heights[1] > 2 * heights[0] - 30
    strip = np.array(draw_caption([Line("text")], width=300))
    assert (strip != PAPER).any()


def test_numbers_fit_into_their_objects():
    for digits, number in ((1, 5), (3, 105)):
        sizes = [number_sizes(disc(area, number), 1)[0] for area in range(1, 4000, 7)]
        assert sizes == sorted(sizes)
        assert sizes[0] == 0
        for area, size in zip(range(1, 4000, 7), sizes, strict=True):
            assert size == 0 or size >= SMALLEST
            assert font(max(size, 1)).getlength("5" * digits) * (size > 0) <= np.sqrt(4 / np.pi * area)


def test_numbers_are_drawn_where_they_fit():
    canvas = np.zeros((100, 100, 3), np.uint8)
    draw_numbers(canvas, disc(10), zoom=1)
    assert not canvas.any()
    draw_numbers(canvas, disc(400), zoom=1)
    y, x = np.nonzero(canvas[..., 0])
    assert (y.mean(), x.mean()) == (pytest.approx(50.5, abs=2), pytest.approx(50.5, abs=2))


@pytest.mark.parametrize("indexed", [False, True])
def test_numbers_are_those_of_pillow_on_their_halo(indexed):
    shape = (100, 100) if indexed else (100, 100, 3)
    picture = np.full(shape, ink((200, 200, 200), indexed=indexed) if indexed else 200, np.uint8)
    cell = disc(900, 58)
    wanted = Image.new("RGB", (100, 100), (200, 200, 200))
    written = {"fill": (255, 255, 255), "font": font(number_sizes(cell, 1)[0]), "stroke_fill": (0, 0, 0)}
    ImageDraw.Draw(wanted).text((50.5, 50.5), "58", anchor="mm", stroke_width=1, **written)
    draw_numbers(picture, cell, zoom=1)
    found = in_colours(picture).astype(int)
    assert (np.ptp(found, axis=-1) == 0).all()
    drawn, changed = (np.abs(np.array(p, int) - 200).max(axis=-1) > 50 for p in (wanted, found))
    assert changed.sum() == pytest.approx(drawn.sum(), rel=0.15)
    for one, other in zip(np.nonzero(changed), np.nonzero(drawn), strict=True):
        assert (one.min(), one.max()) == (pytest.approx(other.min(), abs=1), pytest.approx(other.max(), abs=1))
    assert found.max() == 255
    assert found.min() == 0
