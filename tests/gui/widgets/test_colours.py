"""What is written in fields and on buttons can be read in both themes."""

from __future__ import annotations

import pytest
from napari._qt.qt_resources import get_stylesheet
from pytestqt.qtbot import QtBot
from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import QLineEdit, QPushButton, QWidget

from napari_cellvino.gui.widgets.colours import colours, style_sheet


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("enabled", [True, False])
def test_the_hint_of_a_field_is_read_also_where_it_is_off(qtbot: QtBot, theme: str, enabled: bool) -> None:
    page = _page(qtbot, theme)
    line = QLineEdit(page)
    line.setEnabled(enabled)
    page.show()
    line.grab()
    assert line.palette().color(QPalette.ColorRole.PlaceholderText) == QColor(colours(theme).aside)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_tool_that_is_down_looks_like_one_that_is_checked(qtbot: QtBot, theme: str) -> None:
    page, seen = _page(qtbot, theme), []
    for way in ("checked", "down"):
        button = QPushButton("", page)
        button.setProperty("role", "tool")
        button.setCheckable(way == "checked")
        button.setChecked(way == "checked")
        button.setDown(way == "down")
        button.ensurePolished()
        seen.append(button.grab().toImage().pixelColor(button.width() // 2, button.height() // 2).name())
    assert seen == [colours(theme).button] * 2


def _page(qtbot: QtBot, theme: str) -> QWidget:
    page = QWidget()
    page.setStyleSheet(get_stylesheet(theme) + style_sheet(theme))
    qtbot.addWidget(page)
    return page
