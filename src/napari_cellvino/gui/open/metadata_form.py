"""A small form, inside the panel, for what the user knows better than the file."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QFrame, QLineEdit, QPushButton, QVBoxLayout, QWidget

from napari_cellvino.core.image import Spacing, Stack
from napari_cellvino.gui.napari_bridge import Picture, axes_choices
from napari_cellvino.gui.widgets.form_layout import MARGIN, add_row, form, ignore_wheel, narrow, side_by_side

_UNKNOWN = "not known"
_LEAVE = "As the file says"


class CorrectForm(QFrame):
    """Pixel size, dimensions, names of the channels, region to read; changed only when Apply is pressed."""

    spacing_given = Signal(object)  # Spacing
    axes_given = Signal(str)
    channels_given = Signal(object)  # tuple[str, ...]
    region_given = Signal(str)
    finished = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, 0, 0, 0)
        grid = form(layout)
        self.width = _size_box("Width and height of one pixel in the sample")
        self.height = _size_box("Height of one pixel, where it is not square")
        self.depth = _size_box("Distance between two planes of the z-stack")
        add_row(grid, "Pi&xel x", self.width)
        add_row(grid, "Pixel &y", self.height)
        self._depth_label = add_row(grid, "Between planes", self.depth)
        self.axes = narrow(QComboBox())
        self.axes.setToolTip("What the image's dimensions before rows and columns are, in its order")
        self._axes_label = add_row(grid, "Dimensions", self.axes)
        self.region = QLineEdit()
        self.region.setPlaceholderText("Y0:Y1,X0:X1")
        self.region.setToolTip("Rows and columns to read, in px of the level, as 0:2000,1000:3000; empty: all")
        self._region_label = add_row(grid, "Re&gion", self.region)
        self._grid = grid
        self.names: list[QLineEdit] = []
        self._name_labels: list[QWidget] = []
        self.apply_button = QPushButton("&Apply")
        self.apply_button.setToolTip("Use these values for this image; the file is not changed")
        self.apply_button.clicked.connect(self._apply)
        layout.addWidget(side_by_side(self.apply_button))
        self._stack: Stack | None = None
        self.width.valueChanged.connect(self._width_changed)

    def show_picture(self, picture: Picture) -> None:
        """Fill the form with what is known."""
        stack = self._stack = picture.stack
        if stack is None:
            return
        spacing = stack.spacing
        for box, size in ((self.width, spacing.x), (self.height, spacing.y), (self.depth, spacing.z)):
            box.setValue(size or 0.0)
        for widget in (self.depth, self._depth_label):
            widget.setVisible(stack.shape.z > 1)
        self.region.setText(stack.overrides.region)
        for widget in (self.region, self._region_label):
            widget.setVisible(picture.source is not None and not stack.origin.well)
        self._offer_axes(stack)
        self._offer_names(stack)

    def _offer_axes(self, stack: Stack) -> None:
        sizes = (stack.shape.t, 1 if stack.rgb else stack.shape.c, stack.shape.z)
        choices = () if stack.rgb or stack.origin.well else axes_choices(sum(n > 1 for n in sizes))
        self.axes.clear()
        self.axes.addItem(_LEAVE, None)
        for axes, words in choices:
            self.axes.addItem(words, axes)
        for widget in (self.axes, self._axes_label):
            widget.setVisible(bool(choices))

    def _offer_names(self, stack: Stack) -> None:
        for widget in (*self.names, *self._name_labels):
            self._grid.removeWidget(widget)
            widget.deleteLater()
        self.names, self._name_labels = [], []
        for number, name in enumerate(() if stack.rgb else stack.channels, 1):
            edit = QLineEdit(name)
            edit.setToolTip("Name of the channel, as it shall stand in layers and tables")
            self.names.append(edit)
            self._name_labels.append(add_row(self._grid, f"Channel {number}", edit))

    def _width_changed(self, value: float) -> None:
        if self._stack is not None and self._stack.spacing.y == self._stack.spacing.x:
            self.height.setValue(value)

    def _apply(self) -> None:
        stack = self._stack
        if stack is None:
            return
        axes = self.axes.currentData()
        spacing = Spacing(*(box.value() or None for box in (self.depth, self.height, self.width)))
        names = tuple(edit.text().strip() or f"Channel {n}" for n, edit in enumerate(self.names, 1))
        region = self.region.text().strip()
        if axes:
            self.axes_given.emit(axes)
        elif region != stack.overrides.region:
            self.region_given.emit(region)
        else:
            if spacing != stack.spacing:
                self.spacing_given.emit(spacing)
            if names and names != stack.channels:
                self.channels_given.emit(names)
        self.finished.emit()


def _size_box(tooltip: str) -> QDoubleSpinBox:
    box = ignore_wheel(QDoubleSpinBox())
    box.setRange(0.0, 1000.0)
    box.setDecimals(4)
    box.setSingleStep(0.01)
    box.setSuffix(" µm")
    box.setSpecialValueText(_UNKNOWN)
    box.setToolTip(f"{tooltip}, in µm; 0 if nobody knows")
    return box
