"""A measurement of all cells, or of all fields, as a picture: a histogram, and below it a box plot for each group.

Twice as large as the window shows it, so that it can go into a talk; on light paper, so that it can be printed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from napari_cellvino.figures.box_plot import DARK, FEW, Values, draw_box
from napari_cellvino.figures.lettering import MARGIN, Colour, Line, draw_caption
from napari_cellvino.figures.plot_lettering import draw_words, shortened, text_width
from napari_cellvino.figures.ticks import round_step, round_ticks, tick_texts

WIDTH, HISTOGRAM, AXIS = 960, 330, 96  # px: of the picture, high, and of an axis with its title
NAMES, GAP = (220, 400), 16  # px for the names of groups and for the axis of counts, from and to, and beside them
RIGHT = 66  # px right of the plot, where the last tick's number has room
TITLE, TEXT = 36, 30  # px
PAPER: Colour = (255, 255, 255)
GREY: Colour = (90, 90, 96)
GRID: Colour = (226, 226, 230)
SKY: Colour = (86, 180, 233)  # blue of Okabe and Ito
ROWS = ((12, 60), (40, 46), (384, 36))  # up to so many groups, px per row
MOST_GROUPS = ROWS[-1][0]  # as many as a plate has wells
NEAR = 0.3  # where values lie nearer together than this share of the largest, the axis does not begin at 0
MOST_TICKS = 6
FEWEST_BINS, MOST_BINS = 10, 60
LEGEND = "Box: the middle half. Line: median. Whiskers: the rest, up to 1.5 boxes away. Dots: beyond."
LEGEND_FEW = f"Groups of fewer than {FEW}: a dot for each, the line at their median."


@dataclass(frozen=True, slots=True)
class PlotWords:
    """What stands in a plot.

    ``axis`` names the measure with its unit, ``counted`` what there is one value of (``cells``). ``lines`` stand below
    the title. ``whole`` says that values are whole numbers.
    """

    title: str
    axis: str
    counted: str = "cells"
    lines: tuple[str, ...] = ()
    whole: bool = False


@dataclass(frozen=True, slots=True)
class _Scale:
    """From values to px along x, which begins at ``left``."""

    left: float
    ticks: tuple[float, ...]
    edges: Values  # of the histogram's bins

    @classmethod
    def of(cls, values: Values, left: float, *, whole: bool) -> _Scale:
        low, high = float(values.min()), float(values.max())
        far = low == high or high - low >= NEAR * max(abs(low), abs(high))
        ends = (min(low, 0.0), max(high, 0.0)) if far else (low, high)
        ticks = _ticks(ends, WIDTH - RIGHT - left, whole=whole)
        return cls(left, ticks, _bins(ticks, len(values), whole=whole))

    def x(self, value: float) -> float:
        low, high = min(self.ticks[0], self.edges[0]), max(self.ticks[-1], self.edges[-1])
        return float(self.left + (WIDTH - self.left - RIGHT) * (value - low) / (high - low))


def _ticks(ends: tuple[float, float], room: float, *, whole: bool) -> tuple[float, ...]:
    """Return as many ticks as have room for their numbers in ``room`` px, two at least."""
    for most in range(MOST_TICKS, 1, -1):
        ticks = round_ticks(*ends, most=most, whole=whole)
        if sum(text_width(text, TEXT) + TEXT for text in tick_texts(ticks)) <= room:
            return ticks
    return round_ticks(*ends, most=1, whole=whole)


def _names_width(groups: Mapping[str, Values]) -> float:
    widest = max(text_width(f"{name} ({len(values):,})", TEXT) for name, values in groups.items())
    return float(np.clip(widest + MARGIN + GAP, *NAMES))


def _bins(ticks: tuple[float, ...], count: int, *, whole: bool) -> Values:
    """Return round edges of bins; those of whole numbers lie between them."""
    wanted = float(np.clip(np.sqrt(count), FEWEST_BINS, MOST_BINS))
    step = round_step((ticks[-1] - ticks[0]) / wanted)
    step = max(step, 1.0) if whole else step
    number = max(1, round((ticks[-1] - ticks[0]) / step)) + int(whole)
    return np.asarray(ticks[0] + step * np.arange(number + 1) - (0.5 if whole else 0.0), np.float64)


def draw_groups(groups: Mapping[str, Values], words: PlotWords) -> Image.Image:
    """Return the picture of a measurement, one array of values (N,) per group, none of them NaN.

    A group without values has a row that says so. Groups beyond `MOST_GROUPS` have none, and a line tells that.
    """
    everything = np.concatenate([*groups.values(), np.zeros(0)])
    shown = dict(list(groups.items())[:MOST_GROUPS]) if len(everything) else {}
    row = next((high for most, high in ROWS if len(shown) <= most), ROWS[-1][1])
    nothing = () if shown else (f"There are no {words.counted} to draw.",)
    caption, legend = _caption(words, nothing, len(groups)), _legend(list(shown.values()))
    below = caption.height + (HISTOGRAM + 2 * AXIS + row * len(shown) if shown else 0)
    page = Image.new("RGB", (WIDTH, below + legend.height), PAPER)
    page.paste(caption, (0, 0))
    page.paste(legend, (0, below))
    if shown:
        draw, scale = ImageDraw.Draw(page), _Scale.of(everything, _names_width(shown), whole=words.whole)
        _draw_histogram(draw, everything, scale, words, caption.height)
        _draw_rows(draw, shown, scale, caption.height + HISTOGRAM + AXIS, row)
        _draw_axis(draw, scale, words, below - AXIS)
    return page


def _caption(words: PlotWords, nothing: tuple[str, ...], groups: int) -> Image.Image:
    more = (f"only the first {MOST_GROUPS} of {groups:,} are drawn below",) if groups > MOST_GROUPS else ()
    lines = [Line(text, TEXT, GREY) for text in (*words.lines, *nothing, *more)]
    return draw_caption([Line(words.title, TITLE, DARK), *lines], width=WIDTH, paper=PAPER)


def _legend(values: Sequence[Values]) -> Image.Image:
    """Return what boxes and dots mean, as far as there are any."""
    boxes = [LEGEND] if any(len(v) >= FEW for v in values) else []
    dots = [LEGEND_FEW] if any(0 < len(v) < FEW for v in values) else []
    text = " ".join(boxes + dots)
    return draw_caption([Line(text, TEXT - 4, GREY)] if text else [], width=WIDTH, paper=PAPER)


def _draw_histogram(draw: ImageDraw.ImageDraw, values: Values, scale: _Scale, words: PlotWords, top: int) -> None:
    counts, edges = np.histogram(values, bins=scale.edges)
    ticks = round_ticks(0, int(counts.max()), most=4, whole=True)
    top, bottom = top + 2 * MARGIN, top + HISTOGRAM
    for tick, text in zip(ticks, tick_texts(ticks), strict=True):
        y = bottom - (bottom - top) * tick / ticks[-1]
        draw.line((scale.left, y, WIDTH - RIGHT, y), fill=GRID, width=2)
        draw_words(draw, (scale.left - GAP, y), text, GREY, TEXT, anchor="rm")
    for count, left, right in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if count:
            up = bottom - (bottom - top) * count / ticks[-1]
            draw.rectangle((scale.x(left) + 1, up, scale.x(right) - 2, bottom), fill=SKY)
    draw_words(draw, (MARGIN, (top + bottom) / 2), words.counted, GREY, TEXT)
    _draw_axis(draw, scale, words, bottom)


def _draw_rows(draw: ImageDraw.ImageDraw, groups: Mapping[str, Values], scale: _Scale, top: int, row: int) -> None:
    for tick in scale.ticks:
        draw.line((scale.x(tick), top, scale.x(tick), top + row * len(groups)), fill=GRID, width=2)
    for number, (name, values) in enumerate(groups.items()):
        middle = top + (number + 0.5) * row
        count = f" ({len(values):,})"
        room = scale.left - GAP - MARGIN - text_width(count, TEXT)
        draw_words(draw, (scale.left - GAP, middle), count, GREY, TEXT, anchor="rm")
        at = scale.left - GAP - text_width(count, TEXT), middle
        draw_words(draw, at, shortened(name, TEXT, room), DARK, TEXT, anchor="rm")
        if len(values):
            draw_box(draw, values, scale.x, middle=middle, half=row * 0.32)


def _draw_axis(draw: ImageDraw.ImageDraw, scale: _Scale, words: PlotWords, top: int) -> None:
    draw.line((scale.left, top, WIDTH - RIGHT, top), fill=GREY, width=2)
    for tick, text in zip(scale.ticks, tick_texts(scale.ticks), strict=True):
        draw.line((scale.x(tick), top, scale.x(tick), top + 6), fill=GREY, width=2)
        draw_words(draw, (scale.x(tick), top + 10), text, GREY, TEXT, anchor="mt")
    draw_words(draw, ((scale.left + WIDTH - RIGHT) / 2, top + 46), words.axis, DARK, TEXT, anchor="mt")
