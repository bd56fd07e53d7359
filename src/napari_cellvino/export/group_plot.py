"""A measurement of all cells as a picture: a histogram, and below it a box plot for each group.

Boxes go from the first to the third quartile with a line at the median; whiskers reach the last values within 1.5 times
the box's length of it, and what lies beyond is a dot each, as in Tukey's box plots.

References
----------
Tukey 1977, "Exploratory Data Analysis"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from napari_cellvino.export.lettering import INK, MARGIN, PAPER, PLAIN, Colour, Line, draw_caption, font

WIDTH, HISTOGRAM, ROW = 520, 180, 30  # px: of the picture, high, of a group's row
NAMES = 130  # px for the names of groups and for the axis of counts
FILL: Colour = (86, 180, 233)  # blue of Okabe and Ito
MOST_GROUPS = 40  # a 96-well plate has a heat map for this
WHISKER = 1.5
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BoxStats:
    """Quartiles, the ends of the whiskers, and the values beyond them (N,)."""

    low: float
    first: float
    median: float
    third: float
    high: float
    beyond: Values


def box_stats(values: Values) -> BoxStats:
    """Return what a box plot shows of values (N,), N at least 1."""
    first, median, third = np.percentile(values, (25, 50, 75)).tolist()
    reach = WHISKER * (third - first)
    inside = values[(values >= first - reach) & (values <= third + reach)]
    beyond = values[(values < first - reach) | (values > third + reach)]
    return BoxStats(float(inside.min()), first, median, third, float(inside.max()), beyond)


def draw_groups(groups: Mapping[str, Values], *, title: str, unit: str) -> Image.Image:
    """Return the picture of a measurement, one array of values (N,) per group; groups without values are left out.

    At most `MOST_GROUPS` groups have a row; the caption says how many have not.
    """
    shown = {name: values for name, values in groups.items() if len(values)}
    everything = np.concatenate([*shown.values(), np.zeros(0)])
    more = len(shown) - MOST_GROUPS
    counted = f"{len(everything):,} cells in {len(shown)} group{'s' * (len(shown) != 1)}"
    counted += f", the first {MOST_GROUPS} drawn" if more > 0 else ""
    shown = dict(list(shown.items())[:MOST_GROUPS])
    caption = draw_caption([Line(title, 18, INK), Line(counted)], width=WIDTH)
    height = caption.height + HISTOGRAM + ROW * len(shown) + 4 * MARGIN + 20
    page = Image.new("RGB", (WIDTH, height), PAPER)
    page.paste(caption, (0, 0))
    if not len(everything):
        return page
    scale = _Scale.of(everything)
    draw = ImageDraw.Draw(page)
    _draw_histogram(draw, everything, scale, caption.height + MARGIN)
    top = caption.height + HISTOGRAM + 2 * MARGIN
    for number, (name, values) in enumerate(shown.items()):
        _draw_row(draw, name, values, scale, top + number * ROW)
    _draw_axis(draw, scale, top + ROW * len(shown), f"{title}, {unit}" if unit else title)
    return page


@dataclass(frozen=True, slots=True)
class _Scale:
    """From values to px along x."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Values) -> _Scale:
        low, high = float(min(values.min(), 0)), float(values.max())
        return cls(low, high if high > low else low + 1)

    def x(self, value: float) -> float:
        return NAMES + (WIDTH - NAMES - 2 * MARGIN) * (value - self.low) / (self.high - self.low)


def _draw_histogram(draw: ImageDraw.ImageDraw, values: Values, scale: _Scale, top: int) -> None:
    bins = int(np.clip(np.sqrt(len(values)), 8, 60))
    counts, edges = np.histogram(values, bins=bins, range=(scale.low, scale.high))
    bottom, highest = top + HISTOGRAM - MARGIN, max(int(counts.max()), 1)
    for count, left, right in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if count:
            up = bottom - (HISTOGRAM - 2 * MARGIN) * count / highest
            draw.rectangle((scale.x(left), up, scale.x(right) - 1, bottom), fill=FILL)
    draw.line((NAMES, bottom, WIDTH - 2 * MARGIN, bottom), fill=PLAIN)
    for count, y in ((highest, bottom - HISTOGRAM + 2 * MARGIN), (0, bottom)):
        draw.text((NAMES - MARGIN / 2, y), f"{count:,}", PLAIN, font(13), anchor="rm")
    draw.text((MARGIN, (top + bottom) / 2), "cells", PLAIN, font(13), anchor="lm")


def _draw_row(draw: ImageDraw.ImageDraw, name: str, values: Values, scale: _Scale, top: int) -> None:
    stats, middle, half = box_stats(values), top + ROW / 2, ROW / 2 - 6
    draw.line((scale.x(stats.low), middle, scale.x(stats.high), middle), fill=PLAIN)
    draw.rectangle((scale.x(stats.first), middle - half, scale.x(stats.third), middle + half), outline=FILL, width=2)
    draw.line((scale.x(stats.median), middle - half, scale.x(stats.median), middle + half), fill=INK, width=2)
    for value in stats.beyond.tolist():
        draw.ellipse((scale.x(value) - 1.5, middle - 1.5, scale.x(value) + 1.5, middle + 1.5), fill=PLAIN)
    draw.text((NAMES - MARGIN / 2, middle), _short(f"{name} ({len(values):,})"), PLAIN, font(13), anchor="rm")


def _short(text: str) -> str:
    """Return a text that fits in the room for names."""
    while font(13).getlength(text) > NAMES - 2 * MARGIN and len(text) > 4:
        text = text[: (len(text) - 2) // 2] + "…" + text[(len(text) + 2) // 2 :]
    return text


def _draw_axis(draw: ImageDraw.ImageDraw, scale: _Scale, top: int, title: str) -> None:
    for value in np.linspace(scale.low, scale.high, 5).tolist():
        draw.text((scale.x(value), top + 2), f"{value:.3g}", PLAIN, font(13), anchor="mt")
    draw.text(((NAMES + WIDTH) / 2, top + 20), title, PLAIN, font(13), anchor="mt")
