"""Rows of a panel: a label with a mnemonic, then what it names; and lines of text that wrap."""

from __future__ import annotations

from itertools import pairwise
from typing import TypeVar

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_cellvino.gui.widgets.colours import set_tone

MARGIN, GAP = 10, 8
_Field = TypeVar("_Field", bound=QWidget)


def panel_layout(panel: QWidget) -> QVBoxLayout:
    """Give a panel its layout, from top to bottom."""
    layout = QVBoxLayout(panel)
    layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
    layout.setSpacing(GAP)
    return layout


def form(parent: QVBoxLayout) -> QGridLayout:
    """Add a grid of labelled rows to a panel."""
    grid = QGridLayout()
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(GAP)
    grid.setVerticalSpacing(6)
    grid.setColumnStretch(1, 1)
    parent.addLayout(grid)
    return grid


def add_row(grid: QGridLayout, title: str, field: QWidget, *further: QWidget) -> QLabel:
    """Add a row and return its label; ``&`` in the title marks the key that, with Alt, goes to its first field."""
    row = grid.rowCount()
    label = QLabel(title)
    label.setBuddy(field)
    if not field.accessibleName():
        field.setAccessibleName(title.replace("&", ""))
    grid.addWidget(label, row, 0)
    grid.addWidget(beside(field, *further, stretch=0) if further else field, row, 1)
    return label


def text_line(tone: str = "", text: str = "") -> QLabel:
    """Return a label that wraps, in the colour of a meaning, and whose text can be selected and copied."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    set_tone(label, tone)
    return label


def say(label: QLabel, text: str) -> None:
    """Show a text; an empty one takes no room."""
    label.setText(text)
    label.setVisible(bool(text))


def narrow(combo: QComboBox) -> QComboBox:
    """Let a combo be narrower than its longest entry."""
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(8)
    combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return calm(combo)


def calm(field: _Field) -> _Field:
    """Let the wheel scroll the panel and not change a field that the mouse happens to pass over."""
    field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    field.installEventFilter(_CalmWheel(field))
    return field


def in_tab_order(*widgets: QWidget) -> None:
    """Let the Tab key go through widgets in this order."""
    for first, second in pairwise(widgets):
        QWidget.setTabOrder(first, second)


class _CalmWheel(QObject):
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        if event.type() == QEvent.Type.Wheel and not self.parent().hasFocus():
            event.ignore()
            return True
        return False


def beside(*widgets: QWidget, stretch: int = -1) -> QWidget:
    """Return widgets side by side; the one numbered ``stretch`` takes what room there is."""
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(GAP)
    for number, widget in enumerate(widgets):
        layout.addWidget(widget, int(number == stretch))
    if stretch < 0:
        layout.addStretch(1)
    return row


class Fold(QPushButton):
    """Shows and hides the widgets it holds; folded at first."""

    def __init__(self, title: str) -> None:
        super().__init__(f"▸ {title}")
        self._title = title
        self._held: tuple[QWidget, ...] = ()
        self.setProperty("role", "fold")
        self.setCheckable(True)
        self.toggled.connect(self._unfold)

    def hold(self, *widgets: QWidget) -> None:
        """Hold these widgets."""
        self._held = widgets
        self._unfold(self.isChecked())

    def _unfold(self, shown: bool) -> None:
        self.setText(f"{'▾' if shown else '▸'} {self._title}")
        for widget in self._held:
            widget.setVisible(shown)
