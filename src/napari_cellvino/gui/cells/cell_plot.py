"""One or two measurements of the listed cells: a histogram or a scatter plot, in which a region is drawn.

matplotlib draws it, as it is there already: its selectors restore the background while the mouse moves, so that the
number of points does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.theme import get_theme
from numpy.typing import NDArray
from qtpy.QtCore import QSize, QTimer, Signal
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from napari_cellvino.core.gates import FEWEST_CORNERS, Corner, Gate
from napari_cellvino.gui.widgets.colours import colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backend_bases import MouseEvent
    from matplotlib.lines import Line2D
    from matplotlib.widgets import _SelectorWidget

BINS = 60
CLICK_PX, NEAR_PX = 4, 8  # of the screen
DRAW_MS = 50  # from a change to its drawing, which takes 50 ms of 14,000 cells
ROOM_PX = (46, 36, 16, 22)  # left of the axes, below, right and above
LABEL_PX = 22  # from the axes to the top of the label below them
CHOSEN = "#e69f00"  # orange of Okabe and Ito
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
_Data = tuple[Floats, Floats | None, Bools, str, str]


class CellPlot(QWidget):
    """Draws points, those that are chosen on top; a lasso, rectangle or range that was drawn is told."""

    drawn = Signal(object)  # corners (x, y) of a region
    pointed = Signal(float, float)  # a place that was clicked, in data coordinates

    def __init__(self) -> None:
        super().__init__()
        from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
        from matplotlib.figure import Figure

        self._figure = Figure()
        self.canvas = FigureCanvasQTAgg(self._figure)
        self.canvas.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.canvas.setAccessibleName("Plot of measurements")
        self._selector: _SelectorWidget | None = None
        self._rectangle, self._theme = False, "dark"
        self._data: _Data | None = None
        self._marked: Line2D | None = None  # the points that are chosen
        self._region: Gate | None = None
        self._edges: list[Line2D] = []  # of the region
        self._draw_soon = QTimer(self)  # once for all that is told at once, and after what waits for its turn
        self._draw_soon.setSingleShot(True)
        self._draw_soon.setInterval(DRAW_MS)
        self._draw_soon.timeout.connect(self._draw)
        self._is_stale = False  # whether other points, or colours, are to be drawn
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.canvas)

    @cached_property
    def axes(self) -> Axes:
        """The axes, made for the first plot: that takes as long as all the rest of the panel."""
        return self._figure.add_subplot()

    def minimumSizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Return the least size at which axes can be read."""
        return QSize(220, 140)

    def resizeEvent(self, _: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        """Keep the room of the lettering: matplotlib's own layouts take longer than the rest of the drawing."""
        width, height = max(self.width(), 1), max(self.height(), 1)
        left, bottom, right, top = ROOM_PX
        self._figure.subplots_adjust(left / width, bottom / height, 1 - right / width, 1 - top / height)
        self._place_label()

    def _place_label(self) -> None:
        """Put the label of the axis below its numbers: left to itself, matplotlib measures all of them at each drawing.

        So it does with a title of which it is not said how high it stands.
        """
        if "axes" in self.__dict__:
            room = max(self.height() - ROOM_PX[1] - ROOM_PX[3], 1)
            self.axes.xaxis.set_label_coords(0.5, -LABEL_PX / room)

    def set_theme(self, theme: str) -> None:
        """Take the colours of a napari theme."""
        self._theme = theme
        self._redraw_soon()

    def use_rectangle(self, rectangle: bool) -> None:
        """Draw regions over two measurements as rectangles, or freely."""
        self._rectangle = rectangle
        self._listen()

    def show_cells(self, x: Floats, y: Floats | None, chosen: Bools, labels: tuple[str, str]) -> None:
        """Plot ``x`` (N,) against ``y`` (N,), or without that the histogram of ``x``; ``chosen`` (N,) stand out."""
        before, self._data = self._data, (x, y, chosen, *labels)
        marked = None if self._is_stale else self._marked
        if marked is not None and y is not None and before is not None and _is_same(before, self._data):
            if not np.array_equal(before[2], chosen):  # to draw 14,000 points again takes most of a tenth of a second
                marked.set_data(x[chosen], y[chosen])
                self._draw_soon.start()
        else:
            self._redraw_soon()

    def show_region(self, region: Gate | None) -> None:
        """Show the region of which a gate would be made, over the measurements that are plotted."""
        if region != self._region:
            self._region = region
            self._draw_region()
            self._draw_soon.start()

    def _draw_region(self) -> None:
        for edge in self._edges:
            edge.remove()
        self._edges = [] if self._region is None else self._edges_of(self._region)
        for edge in self._edges:
            self.axes.add_artist(edge)  # not a line of the plot, which would change what is in view

    def _edges_of(self, region: Gate) -> list[Line2D]:
        """Return the closed line around a polygon, or the ends of a range."""
        from matplotlib.lines import Line2D

        look: dict[str, Any] = {"color": CHOSEN, "linewidth": 1.2, "linestyle": "--"}
        if region.y:
            return [Line2D(*np.transpose([*region.corners, region.corners[0]]), **look)]
        ends = [end for end in (region.low, region.high) if end is not None]
        return [Line2D([end, end], [0, 1], transform=self.axes.get_xaxis_transform(), **look) for end in ends]

    def _redraw_soon(self) -> None:
        self._is_stale = True
        self._draw_soon.start()

    def _draw(self) -> None:
        if self._is_stale:
            self._is_stale = False
            self._redraw()
        self.canvas.draw_idle()

    def _redraw(self) -> None:
        if self._data is None:
            return
        x, y, chosen, x_label, y_label = self._data
        surface, meaning = get_theme(self._theme), colours(self._theme)
        back, text = surface.background.as_hex(), surface.text.as_hex()
        self._figure.set_facecolor(back)
        self.axes.clear()
        self._marked, self._edges = None, []
        self.axes.set_facecolor(back)
        if y is None:
            self._draw_histogram(x, chosen, meaning.done)
        else:
            self.axes.plot(x, y, "o", markersize=2.5, markeredgewidth=0, color=meaning.done, alpha=0.6)
            (self._marked,) = self.axes.plot(x[chosen], y[chosen], "o", markersize=3.5, markeredgewidth=0, color=CHOSEN)
        self.axes.set_xlabel(f"{x_label} →", color=text, fontsize=8)
        upwards = y_label if y is not None else "Cells"
        self.axes.set_title(f"↑ {upwards}", color=text, fontsize=8, loc="left", y=1)  # a low plot has no room beside it
        self._place_label()
        self.axes.tick_params(colors=text, labelsize=7)
        for name, spine in self.axes.spines.items():
            spine.set_color(text)
            spine.set_visible(name in ("left", "bottom"))
        self._draw_region()
        self._listen()

    def _draw_histogram(self, x: Floats, chosen: Bools, colour: str) -> None:
        known = np.isfinite(x)
        if not known.any():
            return
        edges: list[float] = np.histogram_bin_edges(x[known], BINS).tolist()
        self.axes.hist(x[known], edges, color=colour, alpha=0.6)
        self.axes.hist(x[known & chosen], edges, color=CHOSEN)

    def _listen(self) -> None:
        """Take the selector that fits what is plotted."""
        from matplotlib.backend_bases import MouseButton
        from matplotlib.widgets import LassoSelector, RectangleSelector, SpanSelector

        if self._selector is not None:
            self._selector.disconnect_events()
        if self._data is None:
            return
        line: dict[str, Any] = {"color": CHOSEN, "linewidth": 1.5}
        area: dict[str, Any] = {"facecolor": CHOSEN, "alpha": 0.25}
        if self._data[1] is None:
            self._selector = SpanSelector(self.axes, self._on_range, "horizontal", useblit=True, props=area)
        elif self._rectangle:
            self._selector = RectangleSelector(
                self.axes, self._on_rectangle, useblit=True, button=[MouseButton.LEFT], props=area
            )
        else:
            self._selector = LassoSelector(self.axes, self._on_lasso, useblit=True, props=line)
            for artist in self._selector.artists:  # until the first press: seen, it makes all be drawn twice
                artist.set_visible(False)

    def _on_range(self, low: float, high: float) -> None:
        if high > low:
            self.drawn.emit([(low, 0.0), (high, 0.0)])

    def _on_rectangle(self, press: MouseEvent, release: MouseEvent) -> None:
        x0, x1 = sorted((press.xdata or 0.0, release.xdata or 0.0))
        y0, y1 = sorted((press.ydata or 0.0, release.ydata or 0.0))
        if x1 > x0 and y1 > y0:
            self.drawn.emit([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])

    def _on_lasso(self, corners: Sequence[Corner]) -> None:
        """Take a lasso; one that is a click, or hardly more, is a place that was pointed at."""
        if not corners:
            return
        pixels = self.axes.transData.transform(np.asarray(corners))
        if (np.ptp(pixels, axis=0) < CLICK_PX).all():
            self.pointed.emit(*map(float, corners[0]))
        elif len(corners) >= FEWEST_CORNERS:
            self.drawn.emit([(float(x), float(y)) for x, y in corners])

    def nearest(self, x: float, y: float) -> int | None:
        """Return the number of the point next to a place in data coordinates; None where none is near."""
        if self._data is None or self._data[1] is None or not len(self._data[0]):
            return None
        points = self.axes.transData.transform(np.stack([self._data[0], self._data[1]], axis=1))
        away = np.hypot(*(points - self.axes.transData.transform((x, y))).T)
        if not np.isfinite(away).any() or np.nanmin(away) > NEAR_PX:
            return None
        return int(np.nanargmin(away))


def _is_same(before: _Data, now: _Data) -> bool:
    """Return whether the same points are plotted, whichever of them are chosen."""
    if before[3:] != now[3:] or before[1] is None or now[1] is None:
        return False
    return np.array_equal(before[0], now[0], equal_nan=True) and np.array_equal(before[1], now[1], equal_nan=True)
