"""What is drawn over the picture while cells are reviewed, where it looks, and the keys that hold while it has focus.

Marks are painted by Qt on a window without content over the canvas: a layer of them would stand in the list, become the
active one and take time in proportion to what it holds. Keys are shortcuts of the canvas alone: napari's own bindings
also hear keys that a panel leaves unused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import napari
import numpy as np
from napari.components._viewer_mouse_bindings import double_click_to_zoom
from numpy.typing import NDArray
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QLineF, QObject, QPointF, Qt
from qtpy.QtGui import QColor, QKeySequence, QPainter, QPaintEvent, QPen, QPolygonF, QShortcut
from qtpy.QtWidgets import QWidget

HALO, LINE = QColor(0, 0, 0, 190), QColor(255, 255, 255)
LEFT_OUT, REVIEWED = QColor("#ff9d4d"), QColor("#7fc4ff")  # orange and blue differ for colour-blind eyes too
SEED_PX, DOT_PX = 5, 5
LEAST_LINE_PX, LEAST_CELL_PX = 4, 9  # what is smaller on the screen gets no line, or no dot
ROOM = 5.0  # times the size of a cell that is shown round it

Path = NDArray[np.float64]
Calls = Mapping[str, Callable[[], object]]
NO_CALLS: Calls = {}


class Canvas(QWidget):
    """Marks in world coordinates (y, x), as long as the viewer shows a plane."""

    def __init__(self, viewer: napari.Viewer) -> None:
        self._native = viewer.window._qt_viewer.canvas.native
        super().__init__(self._native)
        self._viewer = viewer
        self._outlines: Sequence[Path] = ()
        self._line: Path = np.zeros((0, 2))
        self._seeds: Path = np.zeros((0, 2))
        self._signs: tuple[Path, Path, Path] = (np.zeros((0, 2, 2)), self._seeds, self._seeds)
        self._shortcuts: list[QShortcut] = []
        self._look_keys: list[QShortcut] = []
        self._tool_keys: list[QShortcut] = []
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._native.installEventFilter(self)
        for event in (viewer.scene.camera.events, viewer.dims.events.ndisplay):
            event.connect(self._redraw)
        self.setGeometry(self._native.rect())
        self.show()

    def close(self) -> bool:
        """Take everything away that did not go with the viewer's window."""
        for event in (self._viewer.scene.camera.events, self._viewer.dims.events.ndisplay):
            event.disconnect(self._redraw)
        if not isalive(self):
            return True
        self.listen(keys=False)
        for shortcut in (*self._shortcuts, *self._look_keys, *self._tool_keys):
            shortcut.setParent(None)
        self._native.removeEventFilter(self)
        self.hide()
        self.setParent(None)
        self.deleteLater()
        return True

    def bind(self, keys: Calls, look_keys: Calls = NO_CALLS, tool_keys: Calls = NO_CALLS) -> None:
        """Call functions by key while the canvas has the focus: those that act, that change the look, and of a tool."""
        self._shortcuts += [self._shortcut(key, call) for key, call in keys.items()]
        self._look_keys += [self._shortcut(key, call) for key, call in look_keys.items()]
        self._tool_keys += [self._shortcut(key, call) for key, call in tool_keys.items()]

    def listen(self, *, keys: bool, looks: bool = False, tool: bool = False) -> None:
        """Switch the keys on or off; with a ``tool`` in use, two quick clicks do not zoom."""
        if not isalive(self):
            return
        for shortcuts, on in ((self._shortcuts, keys), (self._look_keys, looks), (self._tool_keys, keys and tool)):
            for shortcut in shortcuts:
                shortcut.setEnabled(on)
        callbacks = self._viewer.mouse_double_click_callbacks
        if (keys and tool) == (double_click_to_zoom in callbacks):
            (callbacks.remove if tool and keys else callbacks.append)(double_click_to_zoom)

    def _shortcut(self, key: str, call: Callable[[], object]) -> QShortcut:
        shortcut = QShortcut(QKeySequence(key), self._native)
        shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
        shortcut.activated.connect(call)
        return shortcut

    def focus(self) -> None:
        """Give the canvas the focus, so that keys hold."""
        self._native.setFocus()

    def mark(self, outlines: Sequence[Path]) -> None:
        """Draw round cells; each outline is (P, 2)."""
        self._outlines = outlines
        self._redraw()

    def sketch(self, line: Path | None = None, seeds: Path | None = None) -> None:
        """Draw what a tool is about to use: a line, points."""
        none = np.zeros((0, 2))
        self._line, self._seeds = none if line is None else line, none if seeds is None else seeds
        self._redraw()

    def sign(self, lines: Path, dots: Path, beside: Path) -> None:
        """Draw lines (N, 2, 2) through cells, and dots (M, 2) in cells that reach to the points ``beside`` (M, 2)."""
        self._signs = lines, dots, beside
        self._redraw()

    def look_at(self, low: Path, high: Path) -> None:
        """Show a box of the world (D,) from near: zoom, and plane of a stack."""
        self._to_plane((low + high) / 2)
        size = max(float((high - low)[-2:].max()), 1e-9)
        self._viewer.scene.camera.zoom = min(self.width(), self.height()) / (ROOM * size)
        self._centre((low + high) / 2)

    def bring(self, low: Path, high: Path) -> None:
        """Move the view to a box of the world unless its middle is in it already."""
        middle = (low + high) / 2
        self._to_plane(middle)
        x, y = self._pixels(middle[None, -2:])[0]
        if not (0 <= x < self.width() and 0 <= y < self.height()):
            self._centre(middle)

    def _to_plane(self, middle: Path) -> None:
        dims = self._viewer.dims
        for axis, at in zip(range(dims.ndim)[-len(middle) :], middle.tolist(), strict=True):
            if axis in dims.not_displayed:
                dims.set_point(axis, at)

    def _centre(self, middle: Path) -> None:
        self._viewer.scene.camera.center = (*self._viewer.scene.camera.center[:-2], *middle[-2:].tolist())

    def _pixels(self, points: Path) -> Path:
        """Return points (P, 2) of the world, (y, x), in pixels of the canvas (P, 2), (x, y)."""
        camera = self._viewer.scene.camera
        signs = np.array([1 if way in ("down", "right") else -1 for way in camera.orientation2d])
        away = (points - np.array(camera.center[-2:])) * camera.zoom * signs
        return np.asarray(away[:, ::-1] + np.array([self.width(), self.height()]) / 2)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        """Cover the canvas, however large it is."""
        if event.type() == QEvent.Type.Resize:
            self.setGeometry(self._native.rect())
        return False

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        """Draw the marks."""
        if self._viewer.dims.ndisplay == 3:
            return
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._paint_signs(painter)
            drawn = [self._pixels(self._line)] if len(self._line) > 1 else []
            shapes = [QPolygonF([QPointF(x, y) for x, y in line.tolist()]) for line in (*self._seen_outlines(), *drawn)]
            for colour, width in ((HALO, 4), (LINE, 2)):
                painter.setPen(QPen(colour, width))
                for shape in shapes:
                    painter.drawPolyline(shape)
            painter.setPen(QPen(HALO, 2))
            painter.setBrush(LINE)
            for x, y in self._pixels(self._seeds).tolist():
                painter.drawEllipse(QPointF(x, y), SEED_PX, SEED_PX)

    def _seen_outlines(self) -> list[Path]:
        """Return the outlines on the canvas in its pixels, with as many of their points as can be told apart."""
        if not self._outlines:
            return []
        first = self._pixels(self._outlines[0])
        step = max(1, int(1 / max(np.abs(np.diff(first, axis=0)).max(initial=0), 0.1)))
        thin = [np.concatenate([line[:-1:step], line[-1:]]) for line in self._outlines]
        lines = np.split(self._pixels(np.concatenate(thin)), np.cumsum([len(line) for line in thin])[:-1])
        size = self.width(), self.height()
        return [line for line in lines if (line.max(axis=0) >= 0).all() and (line.min(axis=0) < size).all()]

    def _paint_signs(self, painter: QPainter) -> None:
        lines, dots, beside = self._signs
        ends = self._pixels(lines.reshape(-1, 2)).reshape(-1, 4)
        long = np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1]) >= LEAST_LINE_PX
        shapes = [QLineF(*end) for end in ends[long & self._inside(ends[:, :2])].tolist()]
        middles = self._pixels(dots)
        large = np.abs(self._pixels(beside) - middles).max(axis=1, initial=0) >= LEAST_CELL_PX
        points = QPolygonF([QPointF(x, y) for x, y in middles[large & self._inside(middles)].tolist()])
        for wider, line, dot in ((2, HALO, HALO), (0, LEFT_OUT, REVIEWED)):
            painter.setPen(QPen(line, 2 + wider))
            painter.drawLines(shapes)
            painter.setPen(QPen(dot, DOT_PX + wider, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawPoints(points)

    def _inside(self, pixels: Path) -> NDArray[np.bool_]:
        """Return which points (P, 2), (x, y), are on the canvas."""
        return np.asarray(((pixels >= 0) & (pixels < (self.width(), self.height()))).all(axis=1))

    def _redraw(self, _: object = None) -> None:
        if isalive(self):
            self.update()
