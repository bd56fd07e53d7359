from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
import pytest
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QPalette, QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QScrollBar,
    QTabBar,
    QTableView,
    QTextBrowser,
    QWidget,
)  # fmt: skip

from napari_cellvino.gui.shell.window import CellvinoWindow
from napari_cellvino.gui.widgets.colours import colours
from napari_cellvino.gui.widgets.usable import USUAL
from napari_cellvino.model_package import find_package

from ..conftest import WAIT_MS

QT_OWN = (QAbstractSpinBox, QComboBox, QScrollBar, QTabBar, QTableView)  # they have parts that Qt makes

OpenFile = Callable[[CellvinoWindow, Path], None]
Run = Callable[[CellvinoWindow], None]
Click = Callable[[QWidget], None]


def test_areas_are_shown_in_um_where_the_scale_is_known(
    window: CellvinoWindow, viewer: napari.Viewer, open_file: OpenFile, plate_file: Path, nuclei: NDArray[np.uint16]
) -> None:
    open_file(window, plate_file)
    number = window.run_panel.sliders.rows["smallest"].number
    assert number.suffix() == " µm²"
    value = window.run_panel.sliders.value()["smallest"]
    assert number.value() == pytest.approx(value * 0.65**2, abs=0.01)
    viewer.layers.clear()
    viewer.add_image(nuclei)
    assert window.run_panel.sliders.rows["smallest"].number.suffix() == " px²"


def test_card_opens_beside_the_window(
    window: CellvinoWindow, viewer: napari.Viewer, click: Click, qtbot: QtBot
) -> None:
    from napari_cellvino.gui.run.model_choice import CardWindow

    viewer.theme = "light"
    window.show_step(2)
    click(window.run_panel.card_button)
    card = window.run_panel.findChild(CardWindow)
    assert card.isVisible()
    assert not card.isModal()
    browser = card.findChild(QTextBrowser)
    assert "AP@0.5" in browser.toPlainText()
    assert "mailto:" not in browser.toHtml()  # a score is no address
    assert browser.palette().color(QPalette.ColorRole.Link).name() == colours("light").done
    card.show_card(find_package("cells"), colours("light").done)
    qtbot.waitUntil(lambda: browser.horizontalScrollBar().maximum() > 0)  # numbers of a wide table are not cut in two
    qtbot.keyClick(browser, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: window.run_panel.findChild(CardWindow) is None, timeout=WAIT_MS)


def test_choices_reach_the_recipe(window: CellvinoWindow, qtbot: QtBot) -> None:
    window.show_step(2)
    panel = window.run_panel
    panel.precision.setFocus()
    for precision in ("fast", "exact"):
        qtbot.keyClick(panel.precision, Qt.Key.Key_Down)
        assert window.session.workspace.recipe.precision == precision
    package = window.session.workspace.package
    assert package is not None
    assert panel.precision.model().item(3).isEnabled() == ("int8" in package.spec.weights)
    qtbot.waitUntil(lambda: panel.device.count() > 1, timeout=WAIT_MS)
    assert panel.device.itemText(0).startswith("Automatic (CPU")
    assert panel.device.itemText(1).endswith("(CPU)")
    assert len(panel.device.itemText(1)) > len("CPU (CPU)")  # the full name of the processor


def test_keyboard_goes_through_the_panel_in_order(window: CellvinoWindow, viewer: napari.Viewer, qtbot: QtBot) -> None:
    viewer.add_image(np.zeros((64, 64), np.uint8))
    window.show_step(2)
    panel = window.run_panel
    qtbot.waitUntil(panel.run_button.isEnabled, timeout=WAIT_MS)
    expected: list[QWidget] = [panel.model, panel.card_button, panel.device, panel.precision, panel.more.toggleButton()]
    expected += [panel.first_sight.button, panel.times_button, panel.run_button, panel.view_only]
    bar = focused_tabs(window, qtbot)
    assert tabbed(len(expected)) == expected
    assert tabbed(len(expected), Qt.KeyboardModifier.ShiftModifier) == [*expected[-2::-1], bar]


def focused_tabs(window: CellvinoWindow, qtbot: QtBot) -> QWidget:
    """Give the keyboard to the bar of tabs, and return it."""
    window.session.viewer.window._qt_window.activateWindow()
    bar = window.tabs.tabBar()
    bar.setFocus()
    qtbot.waitUntil(bar.hasFocus, timeout=WAIT_MS)
    return bar


def tabbed(times: int, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> list[QWidget]:
    """Press Tab so often; return what has the keyboard after each."""
    reached = []
    for _ in range(times):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab, modifier)
        reached.append(QApplication.focusWidget())
    return reached


def test_tab_reaches_every_field_of_every_tab_downwards(
    window: CellvinoWindow, viewer: napari.Viewer, qtbot: QtBot
) -> None:
    viewer.add_image(np.zeros((3, 64, 64), np.uint8), axis_labels=("z", "y", "x"))
    for tab in range(1, window.tabs.count() + 1):
        window.show_step(tab)
        focused_tabs(window, qtbot)
        page = window.tabs.currentWidget()
        fields = [f for f in page.findChildren(QWidget) if f.focusPolicy() & Qt.FocusPolicy.TabFocus]
        fields = [f for f in fields if f.isVisible() and f.isEnabled() and f.focusProxy() is None]
        fields = [f for f in fields if not isinstance(f.parent(), QAbstractSpinBox)]
        reached = tabbed(len(fields))
        assert set(reached) == set(fields), window.tabs.tabText(tab - 1)
        tops = [field.mapTo(page, QPoint(0, 0)).y() for field in reached]
        ends = [top + field.height() for top, field in zip(tops, reached, strict=True)]
        assert all(end > top for top, end in zip(tops[:-1], ends[1:], strict=True)), window.tabs.tabText(tab - 1)
        assert tabbed(1) == [window.details.toggleButton()]


def test_wheel_over_a_field_without_focus_changes_nothing(window: CellvinoWindow, qtbot: QtBot) -> None:
    window.show_step(2)
    combo = window.run_panel.precision
    window.run_panel.model.setFocus()
    place, turn = QPointF(5, 5), QPoint(0, -120)
    none, keys = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    wheel = QWheelEvent(
        place, QPointF(combo.mapToGlobal(QPoint(5, 5))), QPoint(), turn, none, keys, Qt.ScrollPhase.NoScrollPhase, False
    )
    QApplication.sendEvent(combo, wheel)
    assert window.session.workspace.recipe.precision == "auto"


def test_every_field_says_what_it_is_for(window: CellvinoWindow, viewer: napari.Viewer) -> None:
    viewer.add_image(np.zeros((2, 3, 4, 64, 64), np.uint8), axis_labels=("t", "c", "z", "y", "x"))
    kinds = (QAbstractButton, QComboBox, QAbstractSpinBox, QAbstractSlider, QLineEdit)
    several = (window.review_panel, window.save_panel, window.plate_panel, window.retrain_panel)
    silent: list[str] = []
    for panel in (window.open_panel, window.run_panel, *several, window.teach_panel, window.tracks_panel):
        fields = [f for kind in kinds for f in panel.findChildren(kind) if f.parent() is not None]
        fields = [f for f in fields if not isinstance(f.parent(), QT_OWN)]
        silent += [f"{panel.__class__.__name__}: {f.__class__.__name__} {_text(f)}" for f in fields if not _says(f)]
    assert not silent


def _text(field: QWidget) -> str:
    found = field.property("text") or field.property("currentText") or field.property("accessibleName")
    return str(found or field.parent().__class__.__name__)


def _says(field: QWidget) -> bool:
    if isinstance(field, QScrollBar) or field.parent().metaObject().className().startswith("QAbstractScroll"):
        return True
    return bool(field.toolTip()) and (field.isEnabled() or field.toolTip() != field.property(USUAL))


def test_drawing_the_panels_takes_no_time_to_notice(
    window: CellvinoWindow, open_file: OpenFile, plate_file: Path, run: Run
) -> None:
    open_file(window, plate_file)
    run(window)
    for panel in (window.open_panel, window.run_panel, window.save_panel):
        times = []
        for _ in range(9):
            start = time.thread_time()  # others may keep the computer busy
            panel._draw()
            times.append(time.thread_time() - start)
        assert statistics.median(times) < 0.05
