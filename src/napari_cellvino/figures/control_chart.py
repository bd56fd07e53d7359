"""Control charts: every measure of every run in order, with what was usual then, and what lies outside it marked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from napari_cellvino.figures.plot_style import BLUE, GREY, PALE_BLUE, plot_style, printable, shortened
from napari_cellvino.quality.drift import MEASURES, Point, RunDrift

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 8.0, 1.35  # inches: of a chart
MOST_NAMES = 12  # of runs below the charts
NAME = 24  # characters
ORANGE = "#d55e00"  # of Okabe and Ito


def draw_charts(runs: Sequence[RunDrift], title: str = "") -> Figure:
    """Return a figure with a chart per measure; runs are in order, and a band shows what was usual before each.

    The runs are of one kind: others are not comparable.
    """
    from matplotlib.figure import Figure

    names = [m.name for m in MEASURES if any(p.measure.name == m.name for run in runs for p in run.points)]
    with plot_style():
        figure = Figure(figsize=(WIDTH, 0.9 + HEIGHT * max(1, len(names))), layout="constrained")
        panels = figure.subplots(max(1, len(names)), 1, sharex=True, squeeze=False).ravel()
        for panel, name in zip(panels, names, strict=False):
            _draw(panel, [next((p for p in run.points if p.measure.name == name), None) for run in runs])
        _name_runs(panels[-1], runs)
        if title:
            figure.suptitle(printable(title), fontsize=9)
    return figure


def _draw(panel: Axes, points: Sequence[Point | None]) -> None:
    known = [(at, point) for at, point in enumerate(points) if point is not None]
    judged = [(at, point) for at, point in known if not math.isnan(point.low)]
    if judged:
        at, held = zip(*judged, strict=True)
        low, high = [p.low for p in held], [p.high for p in held]
        panel.fill_between(at, low, high, step="mid", color=PALE_BLUE, linewidth=0)
        panel.plot(at, [p.usual for p in held], color=GREY, linewidth=0.8, drawstyle="steps-mid")
    panel.plot([at for at, _ in known], [p.value for _, p in known], "o-", color=BLUE, markersize=3, linewidth=0.8)
    shown = [p.value for _, p in known] + [edge for _, p in judged[-1:] for edge in (p.low, p.high)]
    room = 0.08 * (max(shown) - min(shown) or 1.0)
    panel.set_ylim(min(shown) - room, max(shown) + room)  # bands of the first runs are far wider
    out = [(at, p.value) for at, p in known if p.drifted]
    panel.plot([at for at, _ in out], [value for _, value in out], "D", color=ORANGE, markersize=6)
    measure = known[0][1].measure
    panel.set_ylabel(f"{measure.name}\n({measure.unit})" if measure.unit else measure.name)


def _name_runs(panel: Axes, runs: Sequence[RunDrift]) -> None:
    step = max(1, math.ceil(len(runs) / MOST_NAMES))
    shown = [*range(0, len(runs), step)]
    labels = [printable(shortened(runs[at].run.name, NAME)) for at in shown]
    panel.set_xticks(shown, labels, rotation=30, ha="right", fontsize=7)
