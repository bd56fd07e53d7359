"""Keys, clicks and drags in the window, for the scripts that take pictures of it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QWidget

from napari_cellvino.gui.shell.window import CellvinoWindow

NONE = Qt.KeyboardModifier.NoModifier


def key(window: CellvinoWindow, name: str, modifier: Qt.KeyboardModifier = NONE) -> None:
    """Press a key on the picture."""
    window.session.viewer.window._qt_window.activateWindow()
    window.session.review_canvas.focus()
    QTest.qWait(50)
    QTest.keyClick(window.session.viewer.window._qt_viewer.canvas.native, getattr(Qt.Key, f"Key_{name}"), modifier)
    QTest.qWait(50)


def drag(window: CellvinoWindow, *places: tuple[float, float], end: Callable[[], None] = lambda: None) -> None:
    """Press at a pixel of the cells' layer, move along the others, let go at the last; at one place it is a click."""
    canvas, layer = window.session.viewer.window._qt_viewer.canvas.native, window.session.review_canvas.layer
    camera = window.session.viewer.scene.camera
    world = [np.asarray(layer.layer.data_to_world(place))[-2:] for place in places]
    away = [(at - np.asarray(camera.center[-2:])) * camera.zoom for at in world]
    points = [QPoint(round(canvas.width() / 2 + x), round(canvas.height() / 2 + y)) for y, x in away]
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=points[0])
    for begin, stop in pairwise(points):
        for step in range(1, 5):
            QTest.mouseMove(canvas, begin + (stop - begin) * step / 4)
            QTest.qWait(5)
    end()
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=points[-1])
    QTest.qWait(450)  # two clicks are no double click


def tab(window: CellvinoWindow, number: int) -> None:
    """Click on a tab, counted from 1."""
    bar = window.tabs.tabBar()
    QTest.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(number - 1).center())


def click(widget: QWidget) -> None:
    """Click on a widget near its left edge."""
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=QPoint(12, widget.height() // 2))
