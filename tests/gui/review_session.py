"""A person at the window, with mouse and keys: what the tests of the review do."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QPushButton

from napari_cellvino.gui.shell.window import CellvinoWindow

NONE = Qt.KeyboardModifier.NoModifier
LEFT = Qt.MouseButton.LeftButton
MOVES_MS = 12  # napari hears one move of the mouse in 5 ms, and vispy one in 10: quicker ones are left out


class Review:
    """The Review tab of a window in which a result was just made, the focus on the picture."""

    def __init__(self, window: CellvinoWindow, qtbot: QtBot) -> None:
        self.window, self.qtbot = window, qtbot
        self.viewer = window.session.viewer
        self.panel, self.reviewer = window.review_panel, window.session.reviewer
        self.layer = window.session.review_canvas.layer.layer
        self.canvas = self.viewer.window._qt_viewer.canvas.native
        self.ids = sorted(self.reviewer.annotation.records)
        qtbot.waitUntil(lambda: not window.session.decoder.busy, timeout=60_000)  # what was corrected earlier is there
        self.first = self.pixels
        window.show_step(3)
        self.viewer.window._qt_window.activateWindow()
        self.canvas.setFocus()
        qtbot.waitUntil(self.canvas.hasFocus, timeout=60_000)

    @property
    def pixels(self) -> NDArray[np.int32]:
        """A copy of the label image."""
        return self.layer.data.copy()

    def button(self, key: str) -> QPushButton:
        """The button whose tooltip names a key, for what is reviewed."""
        found = [b for thing, b in self.panel.buttons.of.items() if thing.key == key and b.isVisibleTo(self.panel)]
        return found[0]

    @property
    def said(self) -> str:
        """All that the panel says now: of what was done, and why something was not."""
        parts = (self.panel.said, self.panel.notice.words)
        return " ".join(label.text() for label in parts if label.isVisible() and label.text())

    def key(self, key: str, modifier: Qt.KeyboardModifier = NONE) -> None:
        """Press a key on the picture."""
        QTest.keyClick(self.canvas, getattr(Qt.Key, f"Key_{key}"), modifier)
        QApplication.processEvents()

    def click(self, id_: int, modifier: Qt.KeyboardModifier = NONE) -> None:
        """Click into the middle of a cell."""
        self.click_at(self.inside(id_), modifier)

    def click_background(self) -> None:
        """Click where there is no cell."""
        free = np.argwhere(self.layer.data == 0)
        self.click_at(tuple(free[len(free) // 2].tolist()))

    def click_at(self, place: tuple[float, ...], modifier: Qt.KeyboardModifier = NONE) -> None:
        """Click at a pixel (y, x) of the layer."""
        QTest.mouseClick(self.canvas, LEFT, modifier, self.pixel(place))
        QTest.qWait(QApplication.doubleClickInterval() + 20)  # two clicks are no double click

    def across(self, id_: int) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the ends of an upright line from above a cell to below it, through its middle."""
        region, x = self.reviewer.annotation.geometry(id_).region, self.inside(id_)[1]
        return (region.low[0] - 1.5, x), (region.high[0] + 0.5, x)

    def round(self, y: float, x: float, radius: float) -> list[tuple[float, float]]:
        """Return points on a circle."""
        turns = np.linspace(0, 2 * np.pi, 13)
        return [(y + radius * np.sin(turn), x + radius * np.cos(turn)) for turn in turns]

    def drag(self, *places: tuple[float, float], modifier: Qt.KeyboardModifier = NONE) -> None:
        """Press at the first pixel of the layer, move along, release at the last."""
        points = [self.pixel(place) for place in places]
        QTest.mousePress(self.canvas, LEFT, modifier, points[0])
        for begin, end in pairwise(points):
            for part in (0.5, 1.0):
                QTest.mouseMove(self.canvas, begin + (end - begin) * part)
                QTest.qWait(MOVES_MS)
        QTest.mouseRelease(self.canvas, LEFT, modifier, points[-1])
        QApplication.processEvents()

    def paint(self, *places: tuple[float, float], label: int) -> None:
        """Paint with napari's brush."""
        self.layer.mode, self.layer.selected_label, self.layer.brush_size = "paint", label, 6
        self.drag(*places)
        self.layer.mode = "pan_zoom"

    def inside(self, id_: int) -> tuple[float, ...]:
        """Return a pixel well inside a cell."""
        from scipy.ndimage import distance_transform_edt

        depth = distance_transform_edt(self.layer.data == id_)
        return tuple(int(at) for at in np.unravel_index(depth.argmax(), depth.shape))

    def pixel(self, place: tuple[float, ...]) -> QPoint:
        """Return where the canvas shows a pixel of the layer."""
        camera = self.viewer.scene.camera
        world = np.array(self.layer.data_to_world(place))[-2:]
        y, x = (world - np.array(camera.center[-2:])) * camera.zoom
        return QPoint(round(self.canvas.width() / 2 + x), round(self.canvas.height() / 2 + y))

    def far_apart(self) -> tuple[int, int]:
        """Return two cells that do not touch."""
        places = {id_: np.array(self.reviewer.annotation.geometry(id_).centroid) for id_ in self.ids}
        first = self.ids[0]
        return first, max(self.ids, key=lambda id_: float(np.abs(places[id_] - places[first]).max()))

    def check_screen(self) -> None:
        """Assert that the picture on the screen is the one of the whole layer drawn anew."""
        shown = self.viewer.window._qt_viewer.canvas.screenshot()
        self.layer.refresh()
        QApplication.processEvents()
        np.testing.assert_array_equal(shown, self.viewer.window._qt_viewer.canvas.screenshot())
