"""Whether, and with which model, the cells that a detection model finds are outlined."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox

from napari_cellvino.gui.widgets.form_layout import narrow
from napari_cellvino.model_package import ModelOutput
from napari_cellvino.model_package.registry import ListedPackage

NONE = "none, boxes only"


class RefineChoice(QComboBox):
    """Speaks the recipe's outline: the name of a model, or an empty string."""

    value_changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        narrow(self)
        self.activated.connect(lambda row: self.value_changed.emit(self.itemData(row)))

    def offer(self, packages: tuple[ListedPackage, ...], chosen: str) -> None:
        """List the models that outline single cells."""
        self.clear()
        self.addItem(NONE, "")
        self.setItemData(0, "Cells are counted and measured by their boxes", Qt.ItemDataRole.ToolTipRole)
        for package in packages:
            spec = package.spec
            if spec is not None and spec.gives is ModelOutput.MASK and self.findData(package.name) < 0:
                self.addItem(f"{spec.title} {spec.version}", package.name)
                said = f"{spec.description}\nEach cell that is found is looked at once more: that takes longer"
                self.setItemData(self.count() - 1, said, Qt.ItemDataRole.ToolTipRole)
        self.set_value(chosen)

    def set_value(self, name: str) -> None:
        """Show a model as chosen."""
        row = self.findData(name)
        self.setCurrentIndex(row)
        self.setToolTip(str(self.itemData(row, Qt.ItemDataRole.ToolTipRole) or "") if row >= 0 else "")
