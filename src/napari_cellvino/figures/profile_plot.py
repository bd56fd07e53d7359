"""Wells in a plane, where those that look alike lie near each other; a colour for each compound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.figures.plot_style import GREY, INK, plot_style, printable, shortened
from napari_cellvino.figures.point_picture import PlateWell, PointPicture, point_picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442")  # of Okabe and Ito
MARKERS = "osD^v"
MOST_NAMES = 60  # wells that are named


WIDE, NARROW = (6.4, 4.4), (4.2, 4.4)  # inches, with the names of what wells hold beside them, or below


def draw_profiles(
    points: NDArray[np.float64],
    titles: tuple[str, str],
    wells: Sequence[str],
    kinds: Sequence[str],
    *,
    narrow: bool = False,
) -> Figure:
    """Return a figure of wells at points (N, 2); ``kinds`` are what they hold, empty for nothing known.

    ``titles`` are those of the axes; ``narrow`` is for a dock.
    """
    from matplotlib.figure import Figure

    known = list(dict.fromkeys(kind for kind in kinds if kind))
    with plot_style():
        figure = Figure(figsize=NARROW if narrow else WIDE, layout="constrained")
        axes = figure.subplots()
        for number, kind in enumerate(["", *known]):
            rows = np.array([one == kind for one in kinds])
            if not rows.any():
                continue
            colour = GREY if not kind else COLOURS[(number - 1) % len(COLOURS)]
            marker = "o" if not kind else MARKERS[(number - 1) // len(COLOURS) % len(MARKERS)]
            label = printable(shortened(kind, 30)) if kind else "not said"
            axes.scatter(points[rows, 0], points[rows, 1], s=22, color=colour, marker=marker, label=label, linewidth=0)
        if len(wells) <= MOST_NAMES:
            for well, (x, y) in zip(wells, points[:, :2], strict=True):
                axes.annotate(printable(well), (x, y), xytext=(3, 3), textcoords="offset points", fontsize=8, color=INK)
        axes.set_xlabel(titles[0])
        axes.set_ylabel(titles[1])
        if known and narrow:
            figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=2)
        elif known:
            axes.legend(fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


def component_titles(explained: NDArray[np.float64]) -> tuple[str, str]:
    """Return the titles of two principal components by the shares of the variance that they explain."""
    first, second = (100 * share for share in explained[:2])
    return f"component 1 ({first:.0f} % of the variance)", f"component 2 ({second:.0f} %)"


def profile_picture(figure: Figure, points: NDArray[np.float64], wells: Sequence[PlateWell], dpi: int) -> PointPicture:
    """Return a figure of `draw_profiles` as a picture that a window can ask what lies where."""
    axes = figure.axes[0]
    return point_picture(figure, [(axes, at[None, :2], well) for at, well in zip(points, wells, strict=True)], dpi)
