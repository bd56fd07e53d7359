"""A measurement of all cells, or of all fields, as a figure: a histogram, and below it a box plot for each group.

Twice as large as the window shows it, so that it can go into a talk; on white, so that it can be printed. Quartiles of
very few values are less informative than the values themselves, which are then drawn as dots, with a line at the
median.

References
----------
Tukey 1977, "Exploratory Data Analysis"
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.figures.plot_style import (
    BLUE,
    DPI,
    GREY,
    INK,
    PALE_BLUE,
    SKY,
    plot_style,
    printable,
    shortened,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Values = NDArray[np.float64]

WIDTH = 960  # px, as all lengths here
HISTOGRAM, AXIS, TITLE, LINE, MARGIN = 330, 96, 52, 38, 18
ROW_HEIGHTS = ((12, 60), (40, 46), (384, 36))  # up to so many groups, height of a row
MOST_GROUPS = ROW_HEIGHTS[-1][0]  # as many as a plate has wells
TITLE_LENGTH, LINE_LENGTH, AXIS_LENGTH, NAME_LENGTH = 50, 70, 36, 24  # characters
NEAR = 0.3  # where values lie nearer together than this share of the largest, the axis does not begin at 0
TICKS = 5
FEWEST_BINS, FEWEST_WHOLE, MOST_BINS = 10, 20, 60
PAD = 0.01  # right of the plots, of their width
WHISKER = 1.5  # lengths of the box
FEW = 5  # values: fewer are dots
BOX = 0.32  # half the height of a box, in rows
DOT_STEP = 0.18  # between equal dots, in rows
LEGEND = "Box: quartiles and median; whiskers: up to 1.5 × the box; dots: outliers."
LEGEND_FEW = f"Groups of fewer than {FEW}: each value is a dot; line: median."


@dataclass(frozen=True, slots=True)
class PlotLabels:
    """The texts of a plot.

    ``axis`` names the measure with its unit, ``counted`` what has one value each (``cells``). ``lines`` are below the
    title. ``whole`` is set where all values are whole numbers.
    """

    title: str
    axis: str
    counted: str = "cells"
    lines: tuple[str, ...] = ()
    whole: bool = False


@dataclass(frozen=True, slots=True)
class BoxStats:
    """Quartiles, the ends of the whiskers, and the outliers beyond them (N,)."""

    low: float
    first: float
    median: float
    third: float
    high: float
    beyond: Values


def box_stats(values: Values) -> BoxStats:
    """Return what a box plot shows of values (N,), N at least 1."""
    from matplotlib.cbook import boxplot_stats

    (found,) = boxplot_stats(values, whis=WHISKER)
    low, first, median, third, high = (float(found[name]) for name in ("whislo", "q1", "med", "q3", "whishi"))
    return BoxStats(low, first, median, third, high, found["fliers"])


def draw_distribution(groups: Mapping[str, Values], labels: PlotLabels) -> Figure:
    """Return the figure of a measurement, one array of values (N,) per group, none of them NaN.

    A group without values has an empty row. Only the first `MOST_GROUPS` groups have a row; a line gives their
    number.
    """
    from matplotlib.figure import Figure

    values = np.concatenate([*groups.values(), np.zeros(0)])
    shown = dict(list(groups.items())[:MOST_GROUPS]) if len(values) else {}
    row = next(height for most, height in ROW_HEIGHTS if len(shown) <= most)
    caption, legend = _caption(labels, len(groups), empty=not shown), _legend(list(shown.values()))
    above, below = MARGIN + TITLE * len(caption[0]) + LINE * len(caption[1]), MARGIN + LINE * len(legend)
    plots = HISTOGRAM + row * len(shown) + 2 * AXIS if shown else 0
    height = above + plots + below
    with plot_style():
        figure = Figure(figsize=(WIDTH / DPI, height / DPI))
        _write_lines(figure, caption[0], MARGIN, TITLE, size=12.5)
        _write_lines(figure, caption[1], MARGIN + TITLE * len(caption[0]), LINE, colour=GREY)
        _write_lines(figure, legend, above + plots, LINE, size=8, colour=GREY)
        if shown:
            figure.set_layout_engine(
                "constrained", rect=(0.01, below / height, 0.97, plots / height), h_pad=0.06, hspace=0
            )
            rows = row * len(shown)
            upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(HISTOGRAM, rows))
            _draw_histogram(upper, values, labels)
            _draw_rows(lower, shown, labels)
    return figure


def _caption(labels: PlotLabels, groups: int, *, empty: bool) -> tuple[list[str], list[str]]:
    """Return the lines of the title, and those below it."""
    nothing = [f"There are no {labels.counted} to draw."] if empty else []
    more = [f"only the first {MOST_GROUPS} of {groups:,} groups are drawn below"] if groups > MOST_GROUPS else []
    lines = [part for line in (*labels.lines, *nothing, *more) for part in _wrapped(line, LINE_LENGTH)]
    return _wrapped(labels.title, TITLE_LENGTH), lines


def _legend(groups: Sequence[Values]) -> list[str]:
    """Return the lines that explain boxes and dots, as far as there are any."""
    boxes = [LEGEND] if any(len(values) >= FEW for values in groups) else []
    dots = [LEGEND_FEW] if any(0 < len(values) < FEW for values in groups) else []
    return [part for line in boxes + dots for part in _wrapped(line, LINE_LENGTH + 8)]


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(printable(text), width)


def _write_lines(
    figure: Figure, lines: Sequence[str], top: float, step: float, *, size: float = 9, colour: str = INK
) -> None:
    """Write lines of text, the first ``top`` px below the upper edge, each ``step`` px below the one before."""
    height = figure.get_figheight() * DPI
    for number, line in enumerate(lines):
        y = 1 - (top + step * (number + 0.5)) / height
        figure.text(MARGIN / WIDTH, y, line, size=size, color=colour, va="center")


def _draw_histogram(axes: Axes, values: Values, labels: PlotLabels) -> None:
    from matplotlib.ticker import MaxNLocator

    low, high = _ends(values)
    edges = _bin_edges(low, high, len(values), whole=labels.whole)
    axes.hist(values, bins=edges.tolist(), color=SKY, edgecolor="white", linewidth=0.4)
    axes.set(xlabel=_axis_title(labels), ylabel=labels.counted)
    left, right = min(low, edges[0]), max(high, edges[-1])
    axes.set_xlim(left, right + PAD * (right - left))
    axes.xaxis.set_major_locator(MaxNLocator(TICKS, steps=[1, 2, 5, 10], integer=labels.whole))
    axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10], integer=True))
    axes.ticklabel_format(axis="x", useOffset=False)
    axes.grid(axis="y")
    axes.tick_params(axis="x", labelbottom=True)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _ends(values: Values) -> tuple[float, float]:
    """Return where the axis begins and ends: at 0, unless the values lie near together."""
    low, high = float(values.min()), float(values.max())
    if low == high:
        return (min(low, 0.0), max(high, 0.0)) if low else (0.0, 1.0)
    far = high - low >= NEAR * max(abs(low), abs(high))
    return (min(low, 0.0), max(high, 0.0)) if far else (low, high)


def _bin_edges(low: float, high: float, count: int, *, whole: bool) -> Values:
    """Return round edges of bins; those of whole numbers lie between them."""
    from matplotlib.ticker import MaxNLocator

    bins = int(np.clip(np.sqrt(count), FEWEST_WHOLE if whole else FEWEST_BINS, MOST_BINS))
    edges = MaxNLocator(bins, steps=[1, 2, 5, 10], integer=whole, min_n_ticks=1).tick_values(low, high)
    if not whole:
        return np.asarray(edges, np.float64)
    step = max(1, round(edges[1] - edges[0]))
    bins = -(-(int(np.ceil(high)) + 1 - int(np.floor(low))) // step)
    return np.asarray(np.floor(low) + step * np.arange(bins + 1) - 0.5, np.float64)


def _draw_rows(axes: Axes, groups: Mapping[str, Values], labels: PlotLabels) -> None:
    """Draw a box or dots for each group that has values, and name all groups."""
    rows = dict(enumerate(groups.values()))
    _draw_boxes(axes, {row: box_stats(values) for row, values in rows.items() if len(values) >= FEW})
    _draw_dots(axes, {row: values for row, values in rows.items() if 0 < len(values) < FEW})
    names = [f"{shortened(printable(name), NAME_LENGTH)} ({len(values):,})" for name, values in groups.items()]
    axes.set_yticks(range(len(names)), names, color=INK)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel(_axis_title(labels))
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _draw_boxes(axes: Axes, boxes: Mapping[int, BoxStats]) -> None:
    """Draw boxes by row; as a few collections, since ``Axes.bxp`` takes seconds for the wells of a plate."""
    if not boxes:
        return
    at, stats = np.array(list(boxes), np.float64), list(boxes.values())
    low, first, median, third, high = np.array([(s.low, s.first, s.median, s.third, s.high) for s in stats]).T
    axes.hlines([*at, *at], [*low, *third], [*first, *high], color=BLUE, linewidth=0.8)
    axes.vlines([*low, *high], [*(at - BOX / 2)] * 2, [*(at + BOX / 2)] * 2, color=BLUE, linewidth=0.8)
    axes.barh(at, third - first, 2 * BOX, first, facecolor=PALE_BLUE, edgecolor=BLUE, linewidth=1)
    axes.vlines(median, at - BOX, at + BOX, color=INK, linewidth=1.8)
    outliers = [(value, row) for row, box in boxes.items() for value in box.beyond.tolist()]
    _draw_points(axes, outliers, size=2.6)


def _draw_dots(axes: Axes, rows: Mapping[int, Values]) -> None:
    """Draw a dot for each value of small groups, equal ones above each other, and a line at each median."""
    points = [
        (value, row + (number - (count - 1) / 2) * DOT_STEP)
        for row, values in rows.items()
        for value, count in zip(*(a.tolist() for a in np.unique(values, return_counts=True)), strict=True)
        for number in range(count)
    ]
    _draw_points(axes, points, size=3.7)
    several = {row: float(np.median(values)) for row, values in rows.items() if len(values) > 1}
    at = np.array(list(several), np.float64)
    axes.vlines(list(several.values()), at - BOX, at + BOX, color=INK, linewidth=1.8, zorder=1)


def _draw_points(axes: Axes, points: Sequence[tuple[float, float]], *, size: float) -> None:
    if points:
        axes.plot(*zip(*points, strict=True), "o", color=BLUE, markersize=size, markeredgewidth=0, clip_on=False)


def _axis_title(labels: PlotLabels) -> str:
    return "\n".join(textwrap.wrap(printable(labels.axis), AXIS_LENGTH))
