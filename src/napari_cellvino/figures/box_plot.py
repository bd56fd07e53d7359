"""The box of one group: quartiles, median, whiskers, and what lies beyond.

Boxes go from the first to the third quartile with a line at the median; whiskers reach the last values within 1.5 times
the box's length of it, and what lies beyond is a dot each, as in Tukey's box plots. Quartiles of very few values say
less than the values themselves, so these are dots, with the line at their median.

References
----------
Tukey 1977, "Exploratory Data Analysis"
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import ImageDraw

from napari_cellvino.figures.lettering import Colour

BLUE: Colour = (0, 114, 178)  # of Okabe and Ito
FILL: Colour = (204, 227, 240)  # a fifth of it
DARK: Colour = (24, 24, 27)
WHISKER = 1.5
MEDIAN = 5  # px, width of its line
FEW = 5  # values: fewer are dots
ROOMY = 2  # dots that would fit above each other, at least
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


def draw_box(
    draw: ImageDraw.ImageDraw, values: Values, place: Callable[[float], float], *, middle: float, half: float
) -> None:
    """Draw the values (N,) of a group, N at least 1, lying.

    Parameters
    ----------
    draw
        Where to.
    values
        Of the group.
    place
        From a value to its x in px.
    middle, half
        y of the middle in px, and half the height of the box.
    """
    stats = box_stats(values)
    median = (place(stats.median), middle - half, place(stats.median), middle + half)
    if len(values) < FEW:
        if len(values) > 1:
            draw.line(median, fill=DARK, width=MEDIAN)
        _draw_each(draw, values, place, middle, half)
        return
    draw.line((place(stats.low), middle, place(stats.high), middle), fill=BLUE, width=2)
    for end in (stats.low, stats.high):
        draw.line((place(end), middle - half / 2, place(end), middle + half / 2), fill=BLUE, width=2)
    box = (place(stats.first), middle - half, place(stats.third), middle + half)
    draw.rectangle(box, fill=FILL, outline=BLUE, width=3)
    draw.line(median, fill=DARK, width=MEDIAN)
    _draw_dots(draw, stats.beyond, place, middle, radius=half / 5)


def _draw_each(
    draw: ImageDraw.ImageDraw, values: Values, place: Callable[[float], float], middle: float, half: float
) -> None:
    """Draw a dot for each value, equal ones above each other."""
    known, times = np.unique(values, return_counts=True)
    radius = half / max(int(times.max()), ROOMY)
    for value, count in zip(known.tolist(), times.tolist(), strict=True):
        for number in range(count):
            x, y = place(value), middle + radius * (2 * number + 1 - count)
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=BLUE)


def _draw_dots(
    draw: ImageDraw.ImageDraw, values: Values, place: Callable[[float], float], middle: float, *, radius: float
) -> None:
    """Draw a dot for each value; those that would lie on the same pixel are one."""
    for x in sorted({round(place(value)) for value in np.unique(values).tolist()}):
        draw.ellipse((x - radius, middle - radius, x + radius, middle + radius), fill=BLUE)
