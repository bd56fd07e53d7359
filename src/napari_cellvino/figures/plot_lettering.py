"""Text in plots with the signs of units: µ, ² and ³, which the font built into Pillow lacks, are drawn.

A µ is a u whose left stem goes on below the line; raised digits are small ones. Everything else is spelled in the
font's characters, as in `lettering`.
"""

from __future__ import annotations

import re
from functools import cache

import numpy as np
from PIL import Image, ImageDraw

from napari_cellvino.figures.lettering import Colour, font, spell

RAISED = {"²": "2", "³": "3"}
SMALL, LIFT = 0.65, 0.38  # of a raised digit: its size and its height above the line, in font sizes
TAIL = 0.22  # how far the stem of a µ goes below the line, in font sizes
HALF = 127  # of the ink
_PARTS = re.compile("[²³]|[µμ]|[^²³µμ]+")


def text_width(text: str, size: int) -> float:
    """Return how wide a text is in px."""
    return sum(_width(part, size) for part in _PARTS.findall(text))


def draw_words(
    draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, colour: Colour, size: int, *, anchor: str = "lm"
) -> None:
    """Draw a line of text.

    Parameters
    ----------
    draw
        Where to.
    at
        x and y in px.
    text, colour, size
        What, and how.
    anchor
        Which point of the text is there: ``l``, ``m`` or ``r`` of its width, then ``t`` or ``m`` of its height.
    """
    x = at[0] - text_width(text, size) * {"l": 0.0, "m": 0.5, "r": 1.0}[anchor[0]]
    base = at[1] + size * {"t": 0.8, "m": 0.35}[anchor[1]]
    for part in _PARTS.findall(text):
        _draw_part(draw, x, base, part, colour, size)
        x += _width(part, size)


def shortened(text: str, size: int, width: float) -> str:
    """Return a text that is no wider than ``width`` px, the middle of a long one as ``…``."""
    if text_width(text, size) <= width:
        return text
    kept = len(text) - 1
    while kept > 2 and text_width(_without_middle(text, kept), size) > width:
        kept -= 1
    return _without_middle(text, kept)


def _without_middle(text: str, kept: int) -> str:
    return f"{text[: (kept + 1) // 2].rstrip()}…{text[len(text) - kept // 2 :].lstrip()}"


def _width(part: str, size: int) -> float:
    if part in RAISED:
        return font(round(SMALL * size)).getlength(RAISED[part])
    return font(size).getlength("u" if part in "µμ" else spell(part))


def _draw_part(draw: ImageDraw.ImageDraw, x: float, base: float, part: str, colour: Colour, size: int) -> None:
    if part in RAISED:
        draw.text((x, base - LIFT * size), RAISED[part], colour, font(round(SMALL * size)), anchor="ls")
        return
    micro = part in "µμ"
    draw.text((x, base), "u" if micro else spell(part), colour, font(size), anchor="ls")
    if micro:
        left, wide = _stem(size)
        start = round(x) + left
        draw.rectangle((start, base - 0.1 * size, start + wide - 1, base + TAIL * size), fill=colour)


@cache
def _stem(size: int) -> tuple[int, int]:
    """Return where the left stem of a u begins, and its width, in px."""
    sample = Image.new("L", (2 * size, 2 * size))
    ImageDraw.Draw(sample).text((0, size), "u", 255, font(size), anchor="ls")
    dark = np.asarray(sample)[size - round(size / 4)] > HALF
    start = int(dark.argmax())
    return start, int((~dark[start:]).argmax())
