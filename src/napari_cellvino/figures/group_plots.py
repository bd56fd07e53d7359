"""Films by groups: growth, mean squared displacement and speed, each with its 95 % interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from napari_cellvino.figures.plot_style import INK, plot_style, printable
from napari_cellvino.tracking.group_curves import Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # of Okabe and Ito
DASHES = ("-", "--", ":", "-.")
FURTHER = {"straightness": "Straightness", "persistence": "Persistence"}
OVER_TIME = "_over_time"
COLUMNS = 2
FILM, MEAN = "one film", "mean of the group, with its 95 % interval"
UNITS = {"um": "µm", "px": "px", "min": "min", "frames": "frames"}


def draw_groups(curves: Mapping[str, Sequence[Curve]], length: str, time: str) -> Figure:
    """Return a figure of the curves of `group_curves`: three panels, and as many more as were measured, in two columns.

    It is narrow, as it is shown in a panel of the window. Units are as in names of columns.
    """
    from matplotlib.figure import Figure

    space, when = UNITS[length], UNITS[time]
    over_time = [name for name in curves if name.endswith(OVER_TIME)][:1]
    lines = [
        ("growth", "Cells, first frame = 1", f"time ({when})", ""),
        ("msd", "Mean squared displacement", f"lag ({when})", f"{space}²"),
    ]
    lines += [(name, f"Intensity, {_channel(name)}", f"time ({when})", "") for name in over_time]
    speed = f"{space}/{'min' if time == 'min' else 'frame'}"
    points = [("speed", "Speed of tracks", speed), *((name, FURTHER[name], "") for name in FURTHER if name in curves)]
    rows = -(-(len(lines) + len(points)) // COLUMNS)
    with plot_style():
        figure = Figure(figsize=(5.2, 2.1 * rows + 0.7), layout="constrained")
        panels = figure.subplots(rows, COLUMNS, squeeze=False).ravel().tolist()
        for panel in panels[len(lines) + len(points) :]:
            panel.axis("off")
        for panel, (name, title, across, up) in zip(panels, lines, strict=False):
            _lines(panel, curves[name])
            panel.set_title(title, loc="left", fontsize=10)
            panel.set_xlabel(across)
            panel.set_ylabel(up)
        for panel, (name, title, up) in zip(panels[len(lines) :], points, strict=False):
            _points(panel, curves[name])
            panel.set_title(title, loc="left", fontsize=10)
            panel.set_ylabel(up)
        _legend(figure, panels[0])
    return figure


def _channel(name: str) -> str:
    return printable(name.removeprefix("mean_").removesuffix(OVER_TIME))


def _legend(figure: Figure, growth: Axes) -> None:
    """Say what lines and marks are, below the panels."""
    from matplotlib.lines import Line2D

    groups, _ = growth.get_legend_handles_labels()
    film = Line2D([], [], marker="o", linestyle="", color=COLOURS[0], label=FILM)
    mean = Line2D([], [], marker="_", markersize=9, linestyle="", color=INK, label=MEAN)
    figure.legend(handles=[*groups, film, mean], loc="outside lower left", frameon=False, fontsize=8.5, ncols=1)


def _lines(panel: Axes, curves: Sequence[Curve]) -> None:
    for number, curve in enumerate(curves):
        colour = COLOURS[number % len(COLOURS)]
        over = f"{curve.films} film{'s' * (curve.films != 1)}, 95 % interval over {curve.replicates}"
        panel.plot(
            curve.x, curve.mean, DASHES[number % len(DASHES)], color=colour, linewidth=1.4,
            marker="o" if len(curve.x) == 1 else None, label=f"{printable(curve.group)} ({over})",
        )  # fmt: skip
        panel.fill_between(curve.x, curve.low, curve.high, color=colour, alpha=0.18, linewidth=0)
    panel.set_ylim(bottom=0)


def _points(panel: Axes, curves: Sequence[Curve]) -> None:
    """Draw the value of each film, and the mean of the group with its interval."""
    for number, curve in enumerate(curves):
        if not np.isfinite(curve.mean[0]):
            continue
        films = curve.of_films[:, 0]
        aside = number + np.linspace(-0.12, 0.12, len(films)) if len(films) > 1 else np.array([float(number)])
        panel.plot(aside, films, "o", color=COLOURS[number % len(COLOURS)], markersize=4, alpha=0.6)
        ends = [[curve.mean[0] - curve.low[0]], [curve.high[0] - curve.mean[0]]]
        panel.errorbar(number + 0.25, curve.mean[0], yerr=ends, fmt="_", color=INK, capsize=3, linewidth=1.2)
    panel.set_xticks(range(len(curves)), [printable(curve.group) for curve in curves])
    panel.set_xlim(-0.6, len(curves) - 0.4)
    low, high = panel.get_ylim()
    panel.set_ylim(min(low, 0.0), max(high, 0.0))
