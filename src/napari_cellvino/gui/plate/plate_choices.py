"""How the files of a plate are taken, where it must be chosen: which acquisition, what becomes of doubled images."""

from __future__ import annotations

from dataclasses import replace

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_cellvino.core.image import KeepDoubles, MetadataOverrides
from napari_cellvino.core.plate import Plate
from napari_cellvino.gui.widgets.form_layout import add_row, form
from napari_cellvino.gui.widgets.value_combo import Choice, ValueCombo

_DOUBLED: tuple[Choice[KeepDoubles | None], ...] = (
    Choice("Not decided (a fault)", None, "The first by name is taken; a run ends with a fault"),
    Choice("Take the first", KeepDoubles.FIRST, "The first by name is right; the others are left out"),
    Choice("Each is a field of its own", KeepDoubles.BOTH, "Other images of the same well: all are counted"),
)


class PlateForm(QWidget):
    """Speaks `MetadataOverrides`; a row is shown only where there is something to choose."""

    value_changed = Signal(object)  # MetadataOverrides

    def __init__(self) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        grid = form(layout)
        self.acquisition: ValueCombo[str] = ValueCombo(tooltip="The plate was imaged more than once; one is taken")
        self.doubles: ValueCombo[KeepDoubles | None] = ValueCombo(_DOUBLED)
        self._rows: tuple[tuple[QWidget, QWidget], ...] = (
            (add_row(grid, "Acquisition", self.acquisition), self.acquisition),
            (add_row(grid, "Doubled images", self.doubles), self.doubles),
        )
        self._value = MetadataOverrides()
        self.acquisition.value_changed.connect(lambda name: self._choose(replace(self._value, acquisition=name)))
        self.doubles.value_changed.connect(lambda keep: self._choose(replace(self._value, keep_doubles=keep)))

    def set_value(self, plate: Plate | None, value: MetadataOverrides) -> None:
        """Show what is to be chosen of a plate, and how it was opened."""
        self._value = value
        acquisitions = plate.acquisitions if plate is not None else ()
        self.acquisition.offer([Choice(name, name) for name in acquisitions])
        if value.acquisition in acquisitions:
            self.acquisition.set_value(value.acquisition)
        self.doubles.set_value(value.keep_doubles)
        doubled = plate is not None and (bool(plate.faults) or value.keep_doubles is not None)
        for row, shown in zip(self._rows, (bool(acquisitions), doubled), strict=True):
            for widget in row:
                widget.setVisible(shown)
        self.setVisible(bool(acquisitions) or doubled)

    def _choose(self, value: MetadataOverrides) -> None:
        self._value = value
        self.value_changed.emit(value)
