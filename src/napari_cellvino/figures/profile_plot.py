"""Wells in the plane of their first two principal components, a colour for each compound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.figures.plot_style import GREY, INK, plot_style, printable, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442")  # of Okabe and Ito
MARKERS = "osD^v"
MOST_NAMES = 60  # wells that are named


def draw_profiles(
    components: NDArray[np.float64], explained: NDArray[np.float64], wells: Sequence[str], kinds: Sequence[str]
) -> Figure:
    """Return a figure of wells by two components (N, 2); ``kinds`` are what they hold, empty for nothing known."""
    from matplotlib.figure import Figure

    known = list(dict.fromkeys(kind for kind in kinds if kind))
    with plot_style():
        figure = Figure(figsize=(6.4, 4.4), layout="constrained")
        axes = figure.subplots()
        for number, kind in enumerate(["", *known]):
            rows = np.array([one == kind for one in kinds])
            if not rows.any():
                continue
            colour = GREY if not kind else COLOURS[(number - 1) % len(COLOURS)]
            marker = "o" if not kind else MARKERS[(number - 1) // len(COLOURS) % len(MARKERS)]
            label = printable(shortened(kind, 30)) if kind else "not said"
            axes.scatter(
                components[rows, 0], components[rows, 1], s=22, color=colour, marker=marker, label=label, linewidth=0
            )
        if len(wells) <= MOST_NAMES:
            for well, (x, y) in zip(wells, components[:, :2], strict=True):
                axes.annotate(printable(well), (x, y), xytext=(3, 3), textcoords="offset points", fontsize=6, color=INK)
        axes.set_xlabel(f"component 1 ({100 * explained[0]:.0f} % of the variance)")
        axes.set_ylabel(f"component 2 ({100 * explained[1]:.0f} %)")
        if known:
            axes.legend(fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure
