"""A kymograph as a picture: place to the right, time downwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.figures.film_plots import UNITS
from napari_cellvino.figures.plot_style import plot_style, printable
from napari_cellvino.tracking.measures import FilmScale

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_kymograph(values: NDArray[np.float32], first: int, scale: FilmScale, *, title: str) -> Figure:
    """Return a figure of values (T, L) from the frame ``first`` on, from 0; what is NaN is empty."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    frames, length = values.shape
    known = values[np.isfinite(values)]
    low, high = np.percentile(known, (0.5, 99.8)) if len(known) else (0.0, 1.0)
    pixel = float(scale.pixel(2)[1])
    last = len(scale.times) - 1
    begin, end = (float(scale.at(np.array([min(n, last)]))[0]) for n in (first, first + frames - 1))
    half = (end - begin) / max(frames - 1, 1) / 2 or 0.5
    if scale.time == "frames":  # counted from 1, as everywhere in the window
        begin, end = begin + 1, end + 1
    with plot_style():
        figure = Figure(figsize=(4.2, min(max(2.0, 0.04 * frames), 9.0) + 0.8), layout="constrained")
        figure.suptitle(printable(title), x=0.01, ha="left", fontsize=9)
        panel = figure.subplots()
        extent = (0.0, length * pixel, end + half, begin - half)
        panel.imshow(values, cmap="gray", vmin=low, vmax=max(high, low + 1e-9), aspect="auto", extent=extent)
        panel.set_xlabel(f"along the line ({UNITS[scale.length]})")
        if scale.time == "frames":
            panel.yaxis.set_major_locator(MaxNLocator(integer=True))
        panel.set_ylabel(f"time ({UNITS[scale.time]})")
    return figure
