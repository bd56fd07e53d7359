"""The Tab key goes through a dock in the order of reading.

Qt goes by the order in which widgets were made. A panel that is made when its tab is first seen, or a button that comes
with a result, would follow all else; here the layouts say what comes next, as they are at that moment.
"""

from __future__ import annotations

from collections.abc import Iterator

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QGridLayout,
    QLayout,
    QLineEdit,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QTabBar,
    QTabWidget,
    QWidget,
)

_WHOLE = (QAbstractButton, QAbstractScrollArea, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit, QTabBar)


def reading_order(dock: QWidget) -> list[QWidget]:
    """Return the widgets of a dock at which the Tab key stops, in the order of reading."""
    return [widget for widget in _below(dock) if _takes_tab(widget)]


def move_focus(dock: QWidget, *, forward: bool) -> bool:
    """Give the keyboard to the next widget of a dock, or the one before; after the last, to what is beside the dock.

    Returns
    -------
    bool
        Whether there was one.
    """
    order = reading_order(dock)
    focused = QApplication.focusWidget()
    before_all = -1 if forward else len(order)
    at = next((n for n, widget in enumerate(order) if focused is not None and _holds(widget, focused)), before_all)
    ahead = order[at + 1 :] if forward else order[:at][::-1]
    goal = ahead[0] if ahead else _beside(dock, forward=forward)
    if goal is not None:
        goal.setFocus(Qt.FocusReason.TabFocusReason if forward else Qt.FocusReason.BacktabFocusReason)
    return goal is not None


def _holds(widget: QWidget, focused: QWidget) -> bool:
    return widget is focused or widget.isAncestorOf(focused)


def _takes_tab(widget: QWidget) -> bool:
    takes = bool(widget.focusPolicy().value & Qt.FocusPolicy.TabFocus.value)
    return takes and widget.isVisible() and widget.isEnabled() and widget.focusProxy() is None


def _beside(dock: QWidget, *, forward: bool) -> QWidget | None:
    """Return the widget after a dock, or before it, in Qt's own order."""
    widget = dock
    while True:
        widget = widget.nextInFocusChain() if forward else widget.previousInFocusChain()
        if widget is dock:
            return None
        if not dock.isAncestorOf(widget) and _takes_tab(widget) and widget.window() is dock.window():
            return widget


def _below(widget: QWidget) -> Iterator[QWidget]:
    for child in _children(widget):
        yield child
        if not isinstance(child, _WHOLE) or isinstance(child, QScrollArea):
            yield from _below(child)


def _children(widget: QWidget) -> list[QWidget]:
    if isinstance(widget, QTabWidget):
        found = [widget.tabBar(), widget.currentWidget()]
    elif isinstance(widget, QStackedWidget):
        found = [widget.currentWidget()]
    elif isinstance(widget, QScrollArea):
        found = [widget.widget()]
    elif isinstance(widget, QSplitter):
        found = [widget.widget(n) for n in range(widget.count())]
    else:
        layout = widget.layout()
        found = [] if layout is None else _laid_out(layout)
    return [child for child in found if child is not None]


def _laid_out(layout: QLayout) -> list[QWidget]:
    """Return the widgets of a layout, those of a grid row by row."""
    numbers = list(range(layout.count()))
    if isinstance(layout, QGridLayout):
        numbers.sort(key=lambda n: tuple(layout.getItemPosition(n))[:2])
    found: list[QWidget] = []
    for number in numbers:
        item = layout.itemAt(number)
        if item.widget() is not None:
            found.append(item.widget())
        elif item.layout() is not None:
            found += _laid_out(item.layout())
    return found
