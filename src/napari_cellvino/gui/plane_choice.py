"""What of a z-stack the model sees: its maximum projection, or one of its planes."""

from __future__ import annotations

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QComboBox, QSpinBox, QVBoxLayout, QWidget

from napari_cellvino.gui.rows import beside, calm, narrow, text_line
from napari_cellvino.image import ZChoice

_WORDS = (
    "Every cell once, whatever its depth: the brightest value of all planes. For thin samples.",
    "Only what is sharp in this plane. For thick samples, where cells lie above each other.",
)


class PlaneChoice(QWidget):
    """Speaks the recipe's ``z``: ``mip`` or ``plane:K``, K from 1."""

    value_changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.kind = narrow(QComboBox())
        self.kind.addItems(["Maximum projection", "One plane"])
        self.kind.setAccessibleName("Stack")
        self.kind.setToolTip("A model for pictures looks at one picture: choose how it is made from the planes")
        self.plane = calm(QSpinBox())
        self.plane.setAccessibleName("Plane")
        self.plane.setToolTip("Number of the plane, counted from 1")
        self.explanation = text_line("aside")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(beside(self.kind, self.plane, stretch=0))
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
            self.kind.setCurrentIndex(0 if z.plane is None else 1)
        self._redraw()

    def value(self) -> str:
        """Return the choice as a recipe says it."""
        return str(ZChoice(self.plane.value() if self.kind.currentIndex() else None))

    def _changed(self) -> None:
        self._redraw()
        self.value_changed.emit(self.value())

    def _redraw(self) -> None:
        self.plane.setVisible(self.kind.currentIndex() == 1)
        self.explanation.setText(_WORDS[self.kind.currentIndex()])
