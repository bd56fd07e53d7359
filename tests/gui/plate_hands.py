"""What the tests of the Plate panel do with mouse and keys."""

from __future__ import annotations

from pathlib import Path

from pytestqt.qtbot import QtBot
from qtpy.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent, QHelpEvent
from qtpy.QtWidgets import QApplication, QToolTip, QWidget

from napari_cellvino.core.plate import Well
from napari_cellvino.gui.plate.plate_grid import PlateGrid
from napari_cellvino.gui.shell.window import CellvinoWindow

from .conftest import WAIT_MS

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def open_plate(window: CellvinoWindow, path: Path, qtbot: QtBot) -> None:
    window.session.open(path)
    wait_plate(window, qtbot)


def drop(panel: QWidget, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    panel.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, LEFT, NONE))


def wait_plate(window: CellvinoWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not window.session.plates.reading and not window.session.tables.busy, timeout=WAIT_MS)


def point(grid: PlateGrid, name: str) -> QPoint:
    geometry = grid.geometry_of_wells
    assert geometry is not None
    return geometry.cell(Well.parse(name)).center().toPoint()


def press(qtbot: QtBot, grid: PlateGrid, name: str, keys: Qt.KeyboardModifier = NONE) -> None:
    qtbot.mouseClick(grid, LEFT, keys, point(grid, name))


def names(window: CellvinoWindow) -> list[str]:
    return [well.name for well in sorted(window.plate_panel.grid.chosen)]


def wait_read(window: CellvinoWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not window.session.opener.reading, timeout=WAIT_MS)


def hovered(grid: PlateGrid, name: str) -> str:
    """Return what is said of a well under the mouse."""
    place = point(grid, name)
    QApplication.sendEvent(grid, QHelpEvent(QEvent.Type.ToolTip, place, grid.mapToGlobal(place)))
    said = QToolTip.text()
    QToolTip.hideText()
    return said


def painted(grid: PlateGrid, name: str) -> tuple[int, int, int]:
    """Return the colour (red, green, blue) that a well is painted in, beside its middle."""
    image = grid.grab().toImage()
    place = point(grid, name) * image.devicePixelRatio()
    geometry = grid.geometry_of_wells
    assert geometry is not None
    off = int(geometry.side / 3)
    colour = image.pixelColor(place.x() - off, place.y() - off)
    return colour.red(), colour.green(), colour.blue()
