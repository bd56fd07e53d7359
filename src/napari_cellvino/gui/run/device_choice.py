"""On which device and how exactly the network calculates."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox

from napari_cellvino.core.recipe import Precision
from napari_cellvino.engines.engine import Device
from napari_cellvino.gui.run.model_choice import enable_row
from napari_cellvino.gui.widgets.form_layout import ignore_wheel, narrow
from napari_cellvino.model_package import ModelPackage

_TITLES = {Precision.FAST: "Fast", Precision.EXACT: "Exact (f32)", Precision.INT8: "INT8"}
_FASTEST = (("BF16", "bf16"), ("FP16", "f16"))  # OpenVINO's word, ours
_HELP = {
    Precision.FAST: "The device's fastest number type: bf16 or f16 where it has one. Counts rarely differ from Exact.",
    Precision.EXACT: "32-bit numbers: the same result on every device, but several times slower.",
    Precision.INT8: "8-bit weights: fastest on most devices; see the model card for what it costs in accuracy.",
}


class DeviceChoice(QComboBox):
    """Speaks the recipe's device."""

    value_changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        narrow(self)
        self.addItem("Automatic", "AUTO")
        self.setToolTip("Looking for devices …")
        self.activated.connect(lambda row: self.value_changed.emit(self.itemData(row)))

    def offer(self, devices: tuple[Device, ...], chosen: str) -> None:
        """List devices by their full names; what each is good at stands in its tooltip."""
        self.clear()
        for device in devices:
            title = device.full_name if device.name == "AUTO" else f"{device.full_name} ({device.name})"
            self.addItem(title, device.name)
            capabilities = ", ".join(device.capabilities) or "OpenVINO chooses the fastest of these devices"
            self.setItemData(self.count() - 1, f"{title}\n{capabilities}", Qt.ItemDataRole.ToolTipRole)
        self.set_value(chosen)

    def set_value(self, name: str) -> None:
        """Show a device as chosen; one that is not here is added, so that nothing changes unseen."""
        if self.findData(name) < 0:
            self.addItem(f"{name} (not on this computer)", name)
        row = self.findData(name)
        self.setCurrentIndex(row)
        self.setToolTip(str(self.itemData(row, Qt.ItemDataRole.ToolTipRole) or "") or "Looking for devices …")


class PrecisionChoice(QComboBox):
    """Speaks the recipe's precision."""

    value_changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        ignore_wheel(self)
        self.setAccessibleName("Precision")
        for precision, title in _TITLES.items():
            self.addItem(title, precision)
        self.activated.connect(lambda row: self.value_changed.emit(self.itemData(row)))

    def offer(self, package: ModelPackage | None, chosen: Precision, capabilities: tuple[str, ...]) -> None:
        """Enable what the model has weights for, and name what is fast on a device ``capabilities`` to do this."""
        fast = next((ours for theirs, ours in _FASTEST if theirs in capabilities), "f32" if capabilities else "")
        self.setItemText(0, f"Fast ({fast})" if fast else "Fast")
        for row, precision in enumerate(_TITLES):
            offered = package is None or precision in package.precisions
            enable_row(self, row, offered)
            words = _HELP[precision] + _scores(package, precision) if offered else "This model has no 8-bit weights."
            self.setItemData(row, words, Qt.ItemDataRole.ToolTipRole)
        row = list(_TITLES).index(chosen)
        self.setCurrentIndex(row)
        self.setToolTip(str(self.itemData(row, Qt.ItemDataRole.ToolTipRole)))


def _scores(package: ModelPackage | None, precision: Precision) -> str:
    """Return a line for each score that was measured at a precision."""
    scores = package.spec.scores if package is not None else ()
    return "".join(f"\n{s.metric} on {s.set}: {s.value:.3f}" for s in scores if s.precision is precision)
