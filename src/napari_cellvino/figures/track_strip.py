"""One cell through time: a small picture for each frame, with its outline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.figures.plot_style import plot_style, printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS, INCHES = 7, 0.7  # of a picture: in a panel of the window, numbers of frames are read
OUTLINE = "#d55e00"  # of Okabe and Ito; seen on bright cells and on dark ones


@dataclass(frozen=True, slots=True)
class StripPicture:
    """A frame (from 0), the pixels (Y, X) round the cell, and which of them are of it (Y, X)."""

    frame: int
    pixels: NDArray[np.float64]
    mask: NDArray[np.bool_]


def draw_strip(pictures: Sequence[StripPicture], *, title: str) -> Figure:
    """Return a figure of pictures, one or more, in rows; all with the same contrast, named by frames from 1."""
    from matplotlib.figure import Figure

    columns = min(len(pictures), COLUMNS)
    rows = -(-len(pictures) // columns)
    low, high = np.percentile(np.concatenate([p.pixels.ravel() for p in pictures]), (0.5, 99.8))
    with plot_style():
        figure = Figure(figsize=(INCHES * columns + 0.1, (INCHES + 0.2) * rows + 0.3), layout="constrained")
        figure.suptitle(printable(title), x=0.01, ha="left", fontsize=9)
        for panel in (panels := figure.subplots(rows, columns, squeeze=False).ravel()):
            panel.axis("off")
        for panel, picture in zip(panels, pictures, strict=False):
            panel.imshow(picture.pixels, cmap="gray", vmin=low, vmax=max(high, low + 1e-9))
            if picture.mask.any() and not picture.mask.all():
                panel.contour(picture.mask, [0.5], colors=[OUTLINE], linewidths=1)
            panel.set_title(str(picture.frame + 1), fontsize=8, pad=1)
    return figure
