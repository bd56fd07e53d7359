"""Which channel the model sees: a button each, in the colour of its layer; a list where there are many."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import QButtonGroup, QComboBox, QRadioButton, QVBoxLayout, QWidget
from superqt import QFlowLayout

from napari_cellvino.core.dyes import Dye, dye_named
from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import Stack, channel_index
from napari_cellvino.gui.widgets.form_layout import GAP, narrow, short_name

_MOST_BUTTONS = 6
_LONGEST = 29  # characters of a name beside its button, in a dock of 400 px
GREY = "grey"  # all of RGB, as a recipe says it: the luminance, or the colours for a model that takes them


class ChannelCombo(QWidget):
    """Speaks the recipe's channel: a name, `GREY`, or a dye of an image in colour."""

    value_changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Channel")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._list = narrow(QComboBox())
        self._list.setToolTip("Find cells in this channel; all channels are measured")
        self._list.activated.connect(lambda row: self.value_changed.emit(self._values[row]))
        self._buttons = QWidget()
        self._flow = QFlowLayout(self._buttons)
        self._flow.setContentsMargins(0, 0, 0, 0)
        self._flow.setHorizontalSpacing(2 * GAP)
        self._group = QButtonGroup(self)
        self._group.idClicked.connect(lambda row: self.value_changed.emit(self._values[row]))
        layout.addWidget(self._buttons)
        layout.addWidget(self._list)
        self._values: tuple[str, ...] = ()
        self._shown: tuple[object, ...] = ()

    def show_stack(
        self, stack: Stack, colours: tuple[str, ...], chosen: str, *, inputs: int = 1, dyes: bool = False
    ) -> None:
        """Offer the channels of a stack, with a hex colour each where there is one; the model takes ``inputs``.

        Of a picture in colour, ``dyes`` are offered too.
        """
        if stack.rgb:
            offered = tuple(dye.value for dye in Dye) if dyes or dye_named(chosen) else ()
            names: tuple[str, ...] = ("Colour" if inputs == 3 else "Grey", *stack.channels, *map(_title, offered))
            values: tuple[str, ...] = (GREY, *stack.channels, *offered)
        else:
            names = values = stack.channels
        if (names, colours) != self._shown:
            self._shown = (names, colours)
            self._values = values
            self._offer(names, colours)
        try:
            index = channel_index(stack, chosen)
        except ImageValueError:  # the file of that channel is missing: no other is chosen for it
            return
        dye = dye_named(chosen) if stack.rgb and index is None else None
        wanted = dye.value if dye is not None else GREY if index is None else stack.channels[index]
        self._select(values.index(wanted) if wanted in values else 0)

    def _offer(self, names: tuple[str, ...], colours: tuple[str, ...]) -> None:
        for button in self._group.buttons():
            self._group.removeButton(button)
            self._flow.removeWidget(button)
            button.deleteLater()
        self._list.clear()
        many = len(names) > _MOST_BUTTONS
        self._list.setVisible(many)
        self._buttons.setVisible(not many)
        for row, name in enumerate(names):
            icon = _swatch(colours[row]) if row < len(colours) else QIcon()
            if many:
                self._list.addItem(icon, name)
            else:
                self._add_button(row, name, icon)

    def _add_button(self, row: int, name: str, icon: QIcon) -> None:
        button = QRadioButton(short_name(name, _LONGEST))
        button.setAccessibleName(name)
        button.setIcon(icon)
        button.setToolTip(f"Find cells in the channel {name}; all channels are measured")
        self._group.addButton(button, row)
        self._flow.addWidget(button)

    def _select(self, row: int) -> None:
        if self._list.isVisibleTo(self):
            self._list.setCurrentIndex(row)
        elif self._group.button(row) is not None:
            self._group.button(row).setChecked(True)


def _title(name: str) -> str:
    return name[:1].upper() + name[1:]


def _swatch(colour: str) -> QIcon:
    pixels = QPixmap(12, 12)
    pixels.fill(QColor(colour))
    return QIcon(pixels)
