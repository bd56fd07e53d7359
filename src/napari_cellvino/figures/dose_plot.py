"""Curves of responses over doses, one panel per compound; each well is a point with a name that a page can ask for."""

from __future__ import annotations

import io
from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from napari_cellvino.figures.plot_style import BLUE, GREY, INK, PALE_BLUE, plot_style, printable, shortened
from napari_cellvino.figures.point_picture import Placed, PointPicture, point_picture
from napari_cellvino.plates.dose_response import CompoundCurve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL = (3.3, 2.6)  # inches
COLUMNS = 3
POINTS = 200
NAME = 40  # characters
ZERO_DECADES = 1.0  # below the lowest dose, where wells of dose 0 are drawn


def draw_curves(curves: Sequence[CompoundCurve], *, title: str, unit: str = "", most_columns: int = COLUMNS) -> Figure:
    """Return a figure with a panel per compound: wells, the curve, its EC50 with the interval, and outliers as crosses.

    Each point has the id ``well-PLATE-WELL-n``; ``unit`` is that of the doses.
    """
    from matplotlib.figure import Figure

    across = min(most_columns, max(1, len(curves)))
    down = max(1, ceil(len(curves) / across))
    with plot_style():
        figure = Figure(figsize=(PANEL[0] * across, PANEL[1] * down), layout="constrained")
        panels = figure.subplots(down, across, squeeze=False).ravel()
        for number, (panel, curve) in enumerate(zip(panels, curves, strict=False)):
            _draw(panel, curve, number, title, unit)
        for panel in panels[len(curves) :]:
            panel.set_axis_off()
    return figure


def curve_picture(figure: Figure, curves: Sequence[CompoundCurve], dpi: int) -> PointPicture:
    """Return a figure of `draw_curves` as a picture that a window can ask what lies where."""
    placed: list[Placed] = []
    for panel, curve in zip(figure.axes, curves, strict=False):
        named = {str(line.get_gid()): line for line in panel.lines}
        for plate, well in zip(curve.plates, curve.wells, strict=True):
            line = next(line for gid, line in named.items() if gid.startswith(f"well-{plate}-{well}-"))
            placed.append((panel, np.asarray(line.get_xydata(), float), (plate, well)))
    return point_picture(figure, placed, dpi)


def svg_text(figure: Figure) -> str:
    """Return a figure as SVG, the same text each time."""
    import matplotlib

    text = io.StringIO()
    with plot_style(), matplotlib.rc_context({"svg.hashsalt": "cellvino", "svg.fonttype": "path"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


def _draw(panel: Axes, curve: CompoundCurve, number: int, title: str, unit: str) -> None:
    fit, above = curve.fit, curve.dose[curve.dose > 0]
    lowest = float(above.min()) if len(above) else 1.0
    shown = np.where(curve.dose > 0, curve.dose, lowest / 10**ZERO_DECADES)
    if fit.fitted:
        grid = np.geomspace(shown.min(), shown.max(), POINTS)
        panel.plot(grid, fit.at(grid), color=BLUE, linewidth=1.4)
        if not fit.relation:
            low, high = fit.ec50.low, fit.ec50.high
            if np.isfinite(low) and np.isfinite(high):
                panel.axvspan(max(low, shown.min()), min(high, shown.max()), color=PALE_BLUE, linewidth=0, zorder=0)
            panel.axvline(fit.ec50.value, color=BLUE, linewidth=0.8, linestyle=":")
    points = zip(curve.plates, curve.wells, shown, curve.response, fit.outliers, strict=True)
    for plate, well, x, y, out in points:
        (point,) = panel.plot([x], [y], "x" if out else "o", color=GREY if out else INK, mfc="white", markersize=4.5)
        point.set_gid(f"well-{plate}-{well}-{number}")
    panel.set_xscale("log")
    panel.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    panel.set_title(_heading(curve), loc="left", fontsize=9)
    panel.set_xlabel(printable(f"dose ({unit})" if unit else "dose"))
    panel.set_ylabel(printable(title))


def _heading(curve: CompoundCurve) -> str:
    name = printable(shortened(curve.compound, NAME))
    return f"{name}\n{describe_fit(curve)}"


def describe_fit(curve: CompoundCurve) -> str:
    """Return the EC50 with its interval, or why there is none, as one line."""
    fit = curve.fit
    if not fit.fitted:
        return "no curve" if len(fit.reason) > NAME else fit.reason
    if fit.relation:
        edge = curve.dose[curve.dose > 0]
        return f"EC50 {fit.relation} {edge.max() if fit.relation == '>' else edge.min():.3g}"
    inside = f" ({fit.ec50.low:.3g} – {fit.ec50.high:.3g})" if np.isfinite(fit.ec50.low) else " (not bounded)"
    return f"EC50 {fit.ec50.value:.3g}{inside}"
