"""The plate as a picture: one square per well, coloured by a number, with its scale and what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from napari_cellvino.core.plate import Plate, Well
from napari_cellvino.figures.lettering import INK, MARGIN, PAPER, PLAIN, Colour, Line, draw_caption, font
from napari_cellvino.storage.atomic import atomic_path

WIDEST = 1200  # px that the wells take
LARGEST, SMALLEST = 72, 20  # px per well
EMPTY: Colour = (46, 46, 50)
FAILED: Colour = (200, 60, 60)
SCALE = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))  # viridis, of matplotlib
BAR = 16  # px


def write_heat_map(path: Path, plate: Plate, values: Mapping[Well, float | None], *, title: str) -> None:
    """Write the picture that `draw_heat_map` makes as PNG.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    with atomic_path(path) as part:
        draw_heat_map(plate, values, title=title).save(part, format="PNG")


def draw_heat_map(plate: Plate, values: Mapping[Well, float | None], *, title: str) -> Image.Image:
    """Return a picture of the plate; wells without an entry are empty, those with None or NaN have no result."""
    side = int(np.clip(WIDEST // plate.columns, SMALLEST, LARGEST))
    known = [v for v in values.values() if v is not None and np.isfinite(v)]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    left = 2 * MARGIN + round(font(14).getlength("AA"))
    width = max(left + plate.columns * side + MARGIN, 420)
    top = draw_caption([Line(f"{plate.name}  ·  {title}", 18, INK)], width=width)
    page = Image.new("RGB", (width, top.height + 24 + plate.rows * side + 4 * MARGIN + BAR + 20), PAPER)
    page.paste(top, (0, 0))
    draw = ImageDraw.Draw(page)
    _name_lines(draw, plate, left, top.height, side)
    for well, value in values.items():
        _draw_well(draw, well, value, (low, high), (left, top.height + 24), side)
    for well in {Well(r, c) for r in range(plate.rows) for c in range(plate.columns)} - values.keys():
        draw.rectangle(_square(well, (left, top.height + 24), side), fill=EMPTY)
    _draw_scale(draw, (low, high), left, page.height - BAR - 20 - MARGIN, width - left - MARGIN)
    if len(known) < len(values):
        where = width - MARGIN, page.height - BAR - 20 - MARGIN
        draw.text(where, "struck out: no result", PLAIN, font(13), anchor="rt")
    return page


def _square(well: Well, origin: tuple[int, int], side: int) -> tuple[int, int, int, int]:
    x, y = origin[0] + well.column * side, origin[1] + well.row * side
    return x, y, x + side - 2, y + side - 2


def _name_lines(draw: ImageDraw.ImageDraw, plate: Plate, left: int, top: int, side: int) -> None:
    size = min(14, side - 6)
    for column in range(plate.columns):
        draw.text((left + (column + 0.5) * side, top + 12), str(column + 1), PLAIN, font(size), anchor="mm")
    for row in range(plate.rows):
        where = left - MARGIN, top + 24 + (row + 0.5) * side
        draw.text(where, Well(row, 0).letters, PLAIN, font(size), anchor="rm")


def _draw_well(
    draw: ImageDraw.ImageDraw,
    well: Well,
    value: float | None,
    ends: tuple[float, float],
    origin: tuple[int, int],
    side: int,
) -> None:
    box = _square(well, origin, side)
    if value is None or not np.isfinite(value):
        draw.rectangle(box, fill=EMPTY, outline=FAILED, width=2)
        draw.line((box[0], box[1], box[2], box[3]), fill=FAILED, width=2)
        return
    colour = colour_of(value, *ends)
    draw.rectangle(box, fill=colour)
    text = short(value)
    size = min(15, int(side / (0.62 * max(len(text), 3))))
    if size >= 9:
        ink = (0, 0, 0) if sum(colour) > 380 else INK
        draw.text(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), text, ink, font(size), anchor="mm")


def colour_of(value: float, low: float, high: float) -> Colour:
    """Return the colour of a value on the scale from ``low`` to ``high``."""
    at = (value - low) / (high - low) if high > low else 0.5
    stops = np.linspace(0, 1, len(SCALE))
    red, green, blue = (round(float(np.interp(at, stops, [c[k] for c in SCALE]))) for k in range(3))
    return red, green, blue


def short(value: float) -> str:
    """Return a number in as few signs as a well has room for: ``304``, ``1.25``, ``12.5k``."""
    if abs(value) >= 10_000:
        return f"{value / 1000:.3g}k"
    return f"{value:.0f}" if value == round(value) or abs(value) >= 100 else f"{value:.3g}"


def _draw_scale(draw: ImageDraw.ImageDraw, ends: tuple[float, float], left: int, top: int, width: int) -> None:
    width = min(width // 2, 320)
    for x in range(width):
        draw.line((left + x, top, left + x, top + BAR), fill=colour_of(x / (width - 1), 0.0, 1.0))
    draw.text((left, top + BAR + 4), short(ends[0]), PLAIN, font(13), anchor="lt")
    draw.text((left + width, top + BAR + 4), short(ends[1]), PLAIN, font(13), anchor="rt")
