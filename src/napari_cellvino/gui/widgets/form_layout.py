"""Rows of a panel: a label with a mnemonic, then what it names; and lines of text that wrap."""

from __future__ import annotations

import re
from typing import TypeVar

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import (
    QWIDGETSIZE_MAX,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from napari_cellvino.gui.widgets.colours import set_tone
from napari_cellvino.gui.widgets.option_names import window_text

MARGIN, GAP = 10, 8
LONGEST, KEPT = 38, 17  # characters of a name in a line of text, and of each of its ends where it is longer
_LONG_NAMES = re.compile(rf"[^\s/\\]{{{LONGEST},}}")
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
    grid.addWidget(side_by_side(field, *further, stretch=0) if further else field, row, 1)
    return label


class TextLine(QLabel):
    """Text that can be selected and copied; a name that is too long has its middle left out, and is whole on hover.

    Where a sentence names an option of the command line, the window's control is named.
    """

    def __init__(self, tone: str = "", text: str = "") -> None:
        super().__init__()
        self._whole = ""
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        set_tone(self, tone)
        self.setText(text)

    def setText(self, text: str) -> None:  # noqa: N802 (Qt's name)
        """Show a text."""
        text = window_text(text)
        shown = text if self.textFormat() is Qt.TextFormat.RichText else _LONG_NAMES.sub(_shortened, text)
        if shown != text:
            self.setToolTip(text)
        elif super().text() != self._whole:  # the tooltip is that of a text before
            self.setToolTip("")
        self._whole = text
        super().setText(shown)

    def text(self) -> str:
        """Return the whole text."""
        return self._whole


def text_line(tone: str = "", text: str = "") -> TextLine:
    """Return a line of text in the colour of a meaning."""
    return TextLine(tone, text)


def say(label: QLabel, text: str) -> None:
    """Show a text; an empty one takes no room."""
    label.setText(text)
    label.setVisible(bool(text))


def _shortened(name: re.Match[str]) -> str:
    return f"{name[0][:KEPT]}…{name[0][-KEPT:]}"


def short_name(name: str, longest: int) -> str:
    """Return a name of at most so many characters: one that is longer has its middle left out."""
    kept = (longest - 1) // 2
    return name if len(name) <= longest else f"{name[:kept]}…{name[-kept:]}"


def narrow(combo: QComboBox) -> QComboBox:
    """Let a combo be narrower than its longest entry."""
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(8)
    combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return ignore_wheel(combo)


def ignore_wheel(field: _Field) -> _Field:
    """Let the wheel scroll the panel and not change a field that the mouse happens to pass over."""
    field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    field.installEventFilter(_IgnoreWheel(field))
    return field


class _IgnoreWheel(QObject):
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        if event.type() == QEvent.Type.Wheel and not self.parent().hasFocus():
            event.ignore()
            return True
        return False


def side_by_side(*widgets: QWidget, stretch: int = -1) -> QWidget:
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


class CollapsibleSection(QCollapsible):
    """A title that shows and hides what is below it; folded at first.

    The arrow is part of the text: superqt paints its own in the colour of the palette, which napari's themes leave
    alone. What is inside may grow: superqt would keep it at the height that it had when it was unfolded.
    """

    def __init__(self, title: str, *widgets: QWidget) -> None:
        super().__init__(title, expandedIcon=QIcon(), collapsedIcon=QIcon())
        self._title = title
        self.setDuration(0)
        self.layout().setContentsMargins(0, 0, 0, 0)
        self.layout().setSpacing(GAP)
        self.content().layout().setContentsMargins(0, 0, 0, 0)
        self.content().layout().setSpacing(GAP)
        self.toggleButton().setStyleSheet("")
        self.toggleButton().setProperty("role", "fold")
        self.setFocusProxy(self.toggleButton())
        self.toggled.connect(self._draw)
        for widget in widgets:
            self.content().layout().addWidget(widget)
        self._draw()

    def setToolTip(self, text: str) -> None:  # noqa: N802 (Qt's name)
        """Say what is below, on the title alone."""
        self.toggleButton().setToolTip(text)

    def unfold(self, shown: bool = True) -> None:
        """Show what is below, or hide it."""
        if shown != self.isExpanded():
            self.toggleButton().setChecked(shown)

    def _draw(self, _: object = None) -> None:
        self.setText(f"{'▾' if self.isExpanded() else '▸'} {self._title}")
        self.content().setMaximumHeight(QWIDGETSIZE_MAX if self.isExpanded() else 0)
        self.content().setVisible(self.isExpanded())
