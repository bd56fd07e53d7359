"""The heat map of a plate: one square per well, coloured by a number, with its scale and the wells that have none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.plate import Plate, Well
from napari_cellvino.figures.colour_scale import colour_of
from napari_cellvino.figures.plot_style import DPI, GREY, INK, plot_style, printable, save_png, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SOFTWARE = "napari-cellvino heat map"
WIDEST = 1600  # px that the wells take
LARGEST, SMALLEST = 96, 34  # px per well
SIDES, TOP, BOTTOM = 60, 120, 176  # px left and right of, above and below the wells
NARROWEST = 560  # px, width of the figure
BAR_WIDTH, BAR_HEIGHT, BAR_BOTTOM = 420, 22, 92  # px
EMPTY = "#ececef"
FAILED = "#d55e00"  # vermilion of Okabe and Ito; the cross differs in form as well
POINTS = 72  # per inch
LARGEST_TEXT, SMALLEST_TEXT, CHARACTER = 7.5, 6.2, 0.68  # points; width of a character, in font sizes
MIDDLE = 0.18  # luminance from which black text has the better contrast


def write_heat_map(path: Path, plate: Plate, values: Mapping[Well, float | None], *, title: str) -> None:
    """Write the figure that `draw_heat_map` makes as PNG.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    save_png(draw_heat_map(plate, values, title=title), path, software=SOFTWARE)


def draw_heat_map(plate: Plate, values: Mapping[Well, float | None], *, title: str) -> Figure:
    """Return the figure of a plate.

    Parameters
    ----------
    plate
        What it is of; all its wells are drawn.
    values
        Numbers by well. Wells without an entry have no image; those with None or NaN have no result.
    title
        The measure with its unit.
    """
    from matplotlib.figure import Figure

    side = float(np.clip(WIDEST // plate.columns, SMALLEST, LARGEST))
    wells_wide, wells_high = side * plate.columns, side * plate.rows
    width, height = max(wells_wide + 2 * SIDES, NARROWEST), wells_high + TOP + BOTTOM
    known = {well: value for well, value in values.items() if value is not None and np.isfinite(value)}
    ends = (min(known.values()), max(known.values())) if known else (0.0, 1.0)
    with plot_style():
        figure = Figure(figsize=(width / DPI, height / DPI))
        heading = f"{shortened(printable(plate.name), 40)}  ·  {printable(title)}"
        figure.text(SIDES / 2 / width, 1 - 34 / height, heading, size=10, va="center")
        axes = figure.add_axes((SIDES / width, BOTTOM / height, wells_wide / width, wells_high / height))
        _draw_wells(axes, plate, known, ends)
        _write_numbers(axes, known, ends, side)
        _draw_failed(axes, [well for well in values if well not in known], side)
        if known:
            bar = (SIDES / width, BAR_BOTTOM / height, BAR_WIDTH / width, BAR_HEIGHT / height)
            _draw_scale(figure.add_axes(bar), ends)
        signs = _signs(plate, values, failed=len(known) < len(values))
        figure.text(SIDES / width, 24 / height, signs, size=7, color=GREY, va="center")
    return figure


def _draw_wells(axes: Axes, plate: Plate, known: Mapping[Well, float], ends: tuple[float, float]) -> None:
    """Draw the wells as squares, rows A, B, … from the top, and name rows and columns."""
    colours = np.full((plate.rows, plate.columns, 3), [int(EMPTY[k : k + 2], 16) for k in (1, 3, 5)], np.uint8)
    for well, value in known.items():
        colours[well] = colour_of(value, *ends)
    axes.imshow(colours, interpolation="nearest", aspect="auto")
    axes.set_xticks(range(plate.columns), [str(column + 1) for column in range(plate.columns)])
    axes.set_yticks(range(plate.rows), [Well(row, 0).letters for row in range(plate.rows)])
    axes.tick_params(length=0, labeltop=True, labelbottom=False, labelsize=7 if plate.columns <= 24 else 5)
    axes.set_xticks(np.arange(0.5, plate.columns - 1), minor=True)
    axes.set_yticks(np.arange(0.5, plate.rows - 1), minor=True)
    axes.grid(which="minor", color="white", linewidth=0.7)
    axes.tick_params(which="minor", length=0)
    axes.spines[:].set_visible(False)


def _write_numbers(axes: Axes, known: Mapping[Well, float], ends: tuple[float, float], side: float) -> None:
    """Write its number into each well, all of one size, where they have room."""
    texts = {well: number_text(value, ends) for well, value in known.items()}
    longest = max(3, *map(len, texts.values())) if texts else 3
    size = min(LARGEST_TEXT, POINTS / DPI * side / (CHARACTER * longest))
    if size >= SMALLEST_TEXT:
        for well, text in texts.items():
            ink = INK if luminance(colour_of(known[well], *ends)) > MIDDLE else "white"
            axes.text(well.column, well.row, text, size=size, color=ink, ha="center", va="center", clip_on=False)


def luminance(colour: tuple[int, int, int]) -> float:
    """Return how bright a colour is, 0 to 1, as WCAG 2 defines it (with an exponent of 2.2)."""
    return float(np.dot((0.2126, 0.7152, 0.0722), (np.array(colour) / 255) ** 2.2))


def _draw_failed(axes: Axes, wells: list[Well], side: float) -> None:
    columns, rows = [well.column for well in wells], [well.row for well in wells]
    axes.plot(columns, rows, "x", color=FAILED, markersize=0.5 * side * POINTS / DPI, markeredgewidth=1.4)


def _draw_scale(axes: Axes, ends: tuple[float, float]) -> None:
    """Draw the colours from the lowest to the highest number; one colour where all wells have the same."""
    low, high = ends
    if low == high:
        axes.imshow([[colour_of(low, low, high)]], aspect="auto")
        axes.set_xticks([0], [number_text(low, ends)])
    else:
        ramp: NDArray[np.uint8] = np.array([[colour_of(k, 0, 255) for k in range(256)]], np.uint8)
        axes.imshow(ramp, aspect="auto", extent=(low, high, 0, 1))
        axes.set_xticks([low, (low + high) / 2, high], [*(number_text(x, ends) for x in (low, (low + high) / 2, high))])
    axes.tick_params(axis="x", labelsize=7, length=3)
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def _signs(plate: Plate, values: Mapping[Well, float | None], *, failed: bool) -> str:
    """Return what a cross and a grey square mean, as far as there are any."""
    empty = len(values) < plate.rows * plate.columns
    return "   ".join(["✕ no result"] * failed + ["grey: no image"] * empty)


def number_text(value: float, ends: tuple[float, float]) -> str:
    """Return a number of a scale in few characters, all with the same decimals: ``304``, ``1.20``, ``12.5k``."""
    largest = max(map(abs, ends))
    if largest >= 10_000:
        return f"{value / 1000:.3g}k"
    if 0 < largest < 0.01:
        return f"{value:.1e}"
    whole = all(end == round(end) for end in (*ends, value))
    return f"{value:.0f}" if whole or largest >= 100 else f"{value:.{1 if largest >= 10 else 2}f}"
