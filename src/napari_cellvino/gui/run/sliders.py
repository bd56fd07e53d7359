"""A slider with a number for each parameter of a model's head."""

from __future__ import annotations

from qtpy.QtCore import QObject, QSignalBlocker, Qt, QTimer, Signal
from qtpy.QtWidgets import QCheckBox, QDoubleSpinBox, QGridLayout, QLabel, QSlider, QWidget

from napari_cellvino.core.image import Spacing
from napari_cellvino.gui.widgets.form_layout import GAP, ignore_wheel
from napari_cellvino.gui.widgets.formatting import format_parameter, unit_scale
from napari_cellvino.segmentation.heads import Parameter

STEPS = 500
SETTLE_MS = 30  # after the last movement, before the signal is sent


class Sliders(QWidget):
    """Speaks the values of all parameters by name, in the units of the head (px, px²); shows µm where known."""

    value_changed = Signal(object)  # dict[str, float]

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(GAP)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        self.rows: dict[str, ParameterRow] = {}
        self.switches: dict[str, ParameterSwitch] = {}
        self._names: tuple[str, ...] = ()  # in the order of the head
        self._shown: tuple[object, ...] = ()
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(lambda: self.value_changed.emit(self.value()))

    def offer(self, parameters: tuple[Parameter, ...], spacing: Spacing) -> None:
        """Make a row for each parameter, unless these are shown already."""
        if (parameters, spacing) == self._shown:
            return
        self._shown, self._names = (parameters, spacing), tuple(p.name for p in parameters)
        while self._grid.count():
            self._grid.takeAt(0).widget().deleteLater()
        for row in self.rows.values():
            row.deleteLater()
        self.rows = {p.name: ParameterRow(p, spacing, self) for p in parameters if not p.is_switch}
        self.switches = {p.name: ParameterSwitch(p) for p in parameters if p.is_switch}
        for number, row in enumerate(self.rows.values()):
            for column, widget in enumerate((row.title, row.slider, row.number)):
                self._grid.addWidget(widget, number, column)
            row.moved.connect(self._settle.start)
        for number, switch in enumerate(self.switches.values(), len(self.rows)):
            self._grid.addWidget(switch, number, 0, 1, 3, Qt.AlignmentFlag.AlignLeft)
            switch.toggled.connect(self._settle.start)

    def value(self) -> dict[str, float]:
        """Return the value of every parameter."""
        switched = {name: float(switch.isChecked()) for name, switch in self.switches.items()}
        values = {name: row.value() for name, row in self.rows.items()} | switched
        return {name: values[name] for name in self._names}

    def set_value(self, values: dict[str, float]) -> None:
        """Show values, unless the user is moving a slider right now."""
        if self._settle.isActive():
            return
        for name, row in self.rows.items():
            if name in values and not row.slider.isSliderDown():
                row.set_value(values[name])
        for name, switch in self.switches.items():
            if name in values:
                with QSignalBlocker(switch):
                    switch.setChecked(bool(values[name]))


class ParameterSwitch(QCheckBox):
    """A parameter that is on (1) or off (0)."""

    def __init__(self, parameter: Parameter) -> None:
        super().__init__(parameter.title)
        self.setToolTip(f"{parameter.help}.\nThe model's own: {'on' if parameter.default else 'off'}")
        self.setChecked(bool(parameter.default))


class ParameterRow(QObject):
    """Title, slider and number of one parameter; areas go by their root, so that small ones can be aimed at."""

    moved = Signal()

    def __init__(self, parameter: Parameter, spacing: Spacing, parent: QWidget) -> None:
        super().__init__(parent)
        self._parameter = parameter
        self._factor, unit = unit_scale(parameter, spacing)
        self._power = 2.0 if parameter.unit == "px²" else 1.0
        default = format_parameter(parameter, parameter.default, spacing)
        tooltip = f"{parameter.help}.\nThe model's own value: {default}"
        self.title, self.slider, self.number = QLabel(parameter.title), QSlider(Qt.Orientation.Horizontal), _number()
        ignore_wheel(self.slider)
        self.slider.setRange(0, STEPS)
        self.slider.setPageStep(STEPS // 20)
        self.number.setDecimals(2 if parameter.step * self._factor < 0.5 else 0)
        self.number.setSingleStep(parameter.step * self._factor)
        self.number.setSuffix(f" {unit}" if unit else "")
        for widget in (self.title, self.slider, self.number):
            widget.setToolTip(tooltip)
            widget.setAccessibleName(parameter.title)
        self.slider.valueChanged.connect(self._slid)
        self.number.valueChanged.connect(self._typed)
        self._value = parameter.default
        self.set_value(parameter.default)

    def value(self) -> float:
        """Return the value in the head's unit."""
        return self._value

    def set_value(self, value: float) -> None:
        """Show a value; no signal is sent. One beyond the range, as of a file, stays until it is moved."""
        p = self._parameter
        self._value = value
        share = (min(max(value, p.low), p.high) - p.low) / (p.high - p.low)
        with QSignalBlocker(self.slider), QSignalBlocker(self.number):
            self.slider.setValue(round(STEPS * share ** (1 / self._power)))
            self.number.setRange(min(value, p.low) * self._factor, max(value, p.high) * self._factor)
            self.number.setValue(value * self._factor)

    def _slid(self, position: int) -> None:
        p = self._parameter
        value = p.low + (p.high - p.low) * (position / STEPS) ** self._power
        self._take(p.low + round((value - p.low) / p.step) * p.step)

    def _typed(self, shown: float) -> None:
        self._take(shown / self._factor)

    def _take(self, value: float) -> None:
        p = self._parameter
        value = min(max(value, p.low), p.high)
        if value != self._value:
            self._value = value
            with QSignalBlocker(self.number):
                self.number.setValue(value * self._factor)
            if not self.slider.isSliderDown():
                self.set_value(value)
            self.moved.emit()


def _number() -> QDoubleSpinBox:
    box = ignore_wheel(QDoubleSpinBox())
    box.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
    box.setKeyboardTracking(False)
    box.setAlignment(Qt.AlignmentFlag.AlignRight)
    box.setFixedWidth(84)
    return box
