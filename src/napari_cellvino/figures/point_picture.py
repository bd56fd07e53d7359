"""A figure as pixels that know where their points are, so that a window can ask what lies under the mouse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.figures.plot_style import plot_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PlateWell = tuple[str, str]
"""The names of a plate and of a well."""

Placed = tuple["Axes", NDArray[np.float64], PlateWell]
"""Axes, points (N, 2) in their own coordinates, and the well that these are of."""


@dataclass(frozen=True, slots=True, eq=False)
class PointPicture:
    """The pixels (Y, X, 3) of a figure, and points in them: x, y (N, 2) from 0 at the top left, plates and wells."""

    pixels: NDArray[np.uint8]
    points: NDArray[np.float64]
    wells: tuple[PlateWell, ...]


def point_picture(figure: Figure, placed: Sequence[Placed], dpi: int) -> PointPicture:
    """Return a figure as a picture; ``placed`` are its points, looked up once it is drawn."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with plot_style():
        figure.set_dpi(dpi)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    pixels = np.array(canvas.buffer_rgba())[..., :3]
    points, wells = [np.zeros((0, 2))], list[PlateWell]()
    for axes, at, well in placed:
        points.append(axes.transData.transform(at))
        wells += [well] * len(at)
    found = np.concatenate(points)
    return PointPicture(pixels, np.stack([found[:, 0], len(pixels) - found[:, 1]], 1), tuple(wells))
