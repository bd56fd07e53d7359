"""The heat map of a plate: one square per well, coloured by a number, with its scale and the wells that have none.

It is drawn by Pillow in the font of pictures, in a fiftieth of the time that matplotlib takes to be imported and draw:
a run ends with it, and every core waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from napari_cellvino.core.plate import Plate, Well
from napari_cellvino.figures.colour_scale import colour_of
from napari_cellvino.figures.lettering import font, spell
from napari_cellvino.figures.plot_style import COMPRESSION, GREY, INK, shortened, text_picture
from napari_cellvino.storage.atomic import atomic_path

SOFTWARE = "napari-cellvino heat map"
WIDEST = 1600  # px that the wells take
LARGEST, SMALLEST = 96, 34  # px per well
SIDES, TOP, BOTTOM = 60, 120, 176  # px left and right of, above and below the wells
NARROWEST = 560  # px, width of the figure
BAR_WIDTH, BAR_HEIGHT, BAR_BOTTOM = 420, 22, 92  # px
EMPTY = "#ececef"
FAILED = "#d55e00"  # vermilion of Okabe and Ito; the cross differs in form as well
HEADING, NAMES, FINE_NAMES = 28, 20, 15  # px, sizes of text; the last on plates of many columns
MANY = 24  # columns
LARGEST_TEXT, SMALLEST_TEXT, CHARACTER = 21, 17, 0.68  # px of numbers; width of a character, in font sizes
MIDDLE = 0.18  # luminance from which black text has the better contrast
GRID, CROSS, TICK = 2, 4, 8  # px: between wells, of the lines of a cross, length of ticks


def write_heat_map(path: Path, plate: Plate, values: Mapping[Well, float | None], *, title: str) -> None:
    """Write the picture that `draw_heat_map` makes as PNG, the same bytes each time.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    said = PngInfo()
    said.add_text("Software", SOFTWARE)
    with atomic_path(path) as part:
        draw_heat_map(plate, values, title=title).save(part, "PNG", compress_level=COMPRESSION, pnginfo=said)


def draw_heat_map(plate: Plate, values: Mapping[Well, float | None], *, title: str) -> Image.Image:
    """Return the picture of a plate.

    Parameters
    ----------
    plate
        What it is of; all its wells are drawn.
    values
        Numbers by well. Wells without an entry have no image; those with None or NaN have no result.
    title
        The measure with its unit.
    """
    side = int(np.clip(WIDEST // plate.columns, SMALLEST, LARGEST))
    width, height = max(side * plate.columns + 2 * SIDES, NARROWEST), side * plate.rows + TOP + BOTTOM
    known = {well: value for well, value in values.items() if value is not None and np.isfinite(value)}
    ends = (min(known.values()), max(known.values())) if known else (0.0, 1.0)
    page = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(page)
    _put_heading(page, f"{shortened(' '.join(plate.name.split()), 40)}  ·  {title}")
    _draw_wells(draw, plate, known, ends, side)
    _write_numbers(draw, known, ends, side)
    _draw_failed(draw, [well for well in values if well not in known], side)
    if known:
        _draw_scale(draw, ends, height - BAR_BOTTOM - BAR_HEIGHT)
    signs = _signs(plate, values, failed=len(known) < len(values))
    draw.text((SIDES, height - 24), signs, fill=GREY, font=font(NAMES), anchor="lm")
    return page


def _put_heading(page: Image.Image, text: str) -> None:
    """Write the heading; one in another script than the font's is drawn by matplotlib, which finds a font for it."""
    if "?" not in spell(text.replace("?", "")):
        ImageDraw.Draw(page).text((SIDES / 2, 34), spell(text), fill=INK, font=font(HEADING), anchor="lm")
        return
    drawn = text_picture(text, HEADING)
    page.paste(drawn, (SIDES // 2, 34 - drawn.height // 2))


def _corner(well: Well, side: int) -> tuple[int, int]:
    """Return x and y of the first pixel of a well."""
    return SIDES + side * well.column, TOP + side * well.row


def _draw_wells(
    draw: ImageDraw.ImageDraw, plate: Plate, known: Mapping[Well, float], ends: tuple[float, float], side: int
) -> None:
    """Draw the wells as squares, rows A, B, … from the top, and name rows and columns."""
    for row in range(plate.rows):
        for column in range(plate.columns):
            well = Well(row, column)
            x, y = _corner(well, side)
            colour = colour_of(known[well], *ends) if well in known else EMPTY
            draw.rectangle((x, y, x + side - 1 - GRID, y + side - 1 - GRID), fill=colour)
    names = font(NAMES if plate.columns <= MANY else FINE_NAMES)
    for column in range(plate.columns):
        x, y = _corner(Well(0, column), side)
        draw.text((x + side / 2, y - 10), str(column + 1), fill=GREY, font=names, anchor="ms")
    for row in range(plate.rows):
        x, y = _corner(Well(row, 0), side)
        draw.text((x - 10, y + side / 2), Well(row, 0).letters, fill=GREY, font=names, anchor="rm")


def _write_numbers(
    draw: ImageDraw.ImageDraw, known: Mapping[Well, float], ends: tuple[float, float], side: int
) -> None:
    """Write its number into each well, all of one size, where they have room."""
    texts = {well: number_text(value, ends) for well, value in known.items()}
    longest = max(3, *map(len, texts.values())) if texts else 3
    size = int(min(LARGEST_TEXT, side / (CHARACTER * longest)))
    if size >= SMALLEST_TEXT:
        for well, text in texts.items():
            ink = INK if luminance(colour_of(known[well], *ends)) > MIDDLE else "white"
            x, y = _corner(well, side)
            draw.text((x + side / 2, y + side / 2), text, fill=ink, font=font(size), anchor="mm")


def luminance(colour: tuple[int, int, int]) -> float:
    """Return how bright a colour is, 0 to 1, as WCAG 2 defines it (with an exponent of 2.2)."""
    return float(np.dot((0.2126, 0.7152, 0.0722), (np.array(colour) / 255) ** 2.2))


def _draw_failed(draw: ImageDraw.ImageDraw, wells: list[Well], side: int) -> None:
    for well in wells:
        x, y = _corner(well, side)
        left, top, right, bottom = x + side / 4, y + side / 4, x + 3 * side / 4, y + 3 * side / 4
        draw.line((left, top, right, bottom), fill=FAILED, width=CROSS)
        draw.line((left, bottom, right, top), fill=FAILED, width=CROSS)


def _draw_scale(draw: ImageDraw.ImageDraw, ends: tuple[float, float], top: int) -> None:
    """Draw the colours from the lowest to the highest number; one colour where all wells have the same."""
    (low, high), bottom = ends, top + BAR_HEIGHT
    for x in range(BAR_WIDTH):
        colour = colour_of(x, 0, BAR_WIDTH - 1) if high > low else colour_of(low, low, high)
        draw.line((SIDES + x, top, SIDES + x, bottom - 1), fill=colour)
    for share in (0, 0.5, 1) if high > low else (0.5,):
        middle, value = SIDES + share * (BAR_WIDTH - 1), low + share * (high - low)
        draw.line((middle, bottom, middle, bottom + TICK), fill=GREY, width=2)
        draw.text((middle, bottom + 2 * TICK), number_text(value, ends), fill=GREY, font=font(NAMES), anchor="mt")


def _signs(plate: Plate, values: Mapping[Well, float | None], *, failed: bool) -> str:
    """Return what a cross and a grey square mean, as far as there are any."""
    empty = len(values) < plate.rows * plate.columns
    return "   ".join(["x no result"] * failed + ["grey: no image"] * empty)


def number_text(value: float, ends: tuple[float, float]) -> str:
    """Return a number of a scale in few characters, all with the same decimals: ``304``, ``1.20``, ``12.5k``."""
    largest = max(map(abs, ends))
    if largest >= 10_000:
        return f"{value / 1000:.3g}k"
    if 0 < largest < 0.01:
        return f"{value:.1e}"
    whole = all(end == round(end) for end in (*ends, value))
    return f"{value:.0f}" if whole or largest >= 100 else f"{value:.{1 if largest >= 10 else 2}f}"
