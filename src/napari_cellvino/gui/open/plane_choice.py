"""What of a z-stack the model sees: a projection, one of its planes, or every plane."""

from __future__ import annotations

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QComboBox, QSpinBox, QVBoxLayout, QWidget

from napari_cellvino.core.image import ZChoice, ZMode
from napari_cellvino.gui.widgets.form_layout import ignore_wheel, narrow, side_by_side, text_line

_WAYS = {
    ZMode.MIP: (
        "Maximum projection",
        "Every cell once, whatever its depth: the brightest value of all planes. For thin samples.",
    ),
    ZMode.MEAN: (
        "Mean projection",
        "The mean of all planes: less noise than the maximum, dimmer cells. For noisy, thin samples.",
    ),
    ZMode.FOCUS: (
        "Best focus",
        "Only the sharpest plane, found for you. For flat samples, where the other planes are blurred.",
    ),
    ZMode.PLANE: (
        "One plane",
        "Only what is sharp in this plane. For thick samples, where cells lie above each other.",
    ),
    ZMode.JOINED: (
        "Every plane, joined in 3D",
        "Cells in 3D, with volumes: looks at every plane and takes longer. For thick samples.",
    ),
}  # a name, and what it does and when to use it


class PlaneChoice(QWidget):
    """Speaks the recipe's ``z``: ``mip``, ``mean``, ``focus``, ``plane:K`` (K from 1) or ``3d``."""

    value_changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.kind = narrow(QComboBox())
        for way, (name, _) in _WAYS.items():
            self.kind.addItem(name, way)
        self.kind.setAccessibleName("Stack")
        self.kind.setToolTip("A model looks at one picture: choose how it is made, or let it look at every plane")
        self.plane = ignore_wheel(QSpinBox())
        self.plane.setAccessibleName("Plane")
        self.plane.setToolTip("Number of the plane, counted from 1")
        self.explanation = text_line("aside")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(side_by_side(self.kind, self.plane, stretch=0))
        layout.addWidget(self.explanation)
        self.setFocusProxy(self.kind)
        self.kind.currentIndexChanged.connect(self._changed)
        self.plane.valueChanged.connect(self._changed)

    def set_value(self, z: ZChoice, count: int, *, suggested: int) -> None:
        """Show a choice among ``count`` planes; ``suggested`` (from 1) is offered when one plane is asked for."""
        with QSignalBlocker(self.kind), QSignalBlocker(self.plane):
            self.plane.setRange(1, count)
            self.plane.setSuffix(f" of {count}")
            self.plane.setValue(z.plane or suggested)
            self.kind.setCurrentIndex(self.kind.findData(z.way))
        self._redraw()

    def value(self) -> str:
        """Return the choice as a recipe says it."""
        way = self._way()
        return str(ZChoice(way, self.plane.value() if way is ZMode.PLANE else None))

    def _way(self) -> ZMode:
        return ZMode(self.kind.currentData())

    def _changed(self) -> None:
        self._redraw()
        self.value_changed.emit(self.value())

    def _redraw(self) -> None:
        self.plane.setVisible(self._way() is ZMode.PLANE)
        self.explanation.setText(_WAYS[self._way()][1])
