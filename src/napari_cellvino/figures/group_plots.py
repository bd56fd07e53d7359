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
FURTHER = {"straightness": "Straightness of tracks", "persistence": "Persistence of tracks"}
OVER_TIME = "_over_time"
UNITS = {"um": "µm", "px": "px", "min": "min", "frames": "frames"}


def draw_groups(curves: Mapping[str, Sequence[Curve]], length: str, time: str) -> Figure:
    """Return a figure of the curves of `group_curves`: three panels, and three more where more was measured.

    Units are as in names of columns.
    """
    from matplotlib.figure import Figure

    space, when = UNITS[length], UNITS[time]
    with plot_style():
        more = [name for name in FURTHER if name in curves]
        over_time = next((name for name in curves if name.endswith(OVER_TIME)), None)
        rows = 2 if more or over_time else 1
        figure = Figure(figsize=(9.6, 3.2 * rows + 0.5), layout="constrained")
        panels = figure.subplots(rows, 3, squeeze=False).ravel().tolist()
        growth, msd, speed = panels[:3]
        _lines(growth, curves["growth"])
        growth.set_title("Cells, first frame = 1", loc="left", fontsize=9)
        growth.set_xlabel(f"time ({when})")
        figure.legend(*growth.get_legend_handles_labels(), loc="outside lower left", frameon=False, fontsize=8, ncols=2)
        _lines(msd, curves["msd"])
        msd.set_title("Mean squared displacement", loc="left", fontsize=9)
        msd.set_xlabel(f"lag ({when})")
        msd.set_ylabel(f"MSD ({space}²)")
        _points(speed, curves["speed"])
        speed.set_title("Speed of tracks", loc="left", fontsize=9)
        speed.set_ylabel(f"speed ({space}/{'min' if time == 'min' else 'frame'})")
        for panel, name in zip(panels[3:], more, strict=False):
            _points(panel, curves[name])
            panel.set_title(FURTHER[name], loc="left", fontsize=9)
        if over_time is not None:
            _lines(panels[3 + len(more)], curves[over_time])
            channel = printable(over_time.removeprefix("mean_").removesuffix(OVER_TIME))
            panels[3 + len(more)].set_title(f"Intensity of cells, {channel}", loc="left", fontsize=9)
            panels[3 + len(more)].set_xlabel(f"time ({when})")
        for panel in panels[3 + len(more) + (over_time is not None) :]:
            panel.axis("off")
    return figure


def _lines(panel: Axes, curves: Sequence[Curve]) -> None:
    for number, curve in enumerate(curves):
        colour = COLOURS[number % len(COLOURS)]
        over = f"{curve.films} film{'s' * (curve.films != 1)}, interval over {curve.replicates}"
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
