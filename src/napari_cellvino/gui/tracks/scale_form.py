"""Size of a pixel and time between frames of a tracked film, where its files do not say them or are wrong."""

from __future__ import annotations

from dataclasses import replace

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QDoubleSpinBox, QWidget

from napari_cellvino.core.image import Spacing
from napari_cellvino.gui.widgets.form_layout import add_row, form, ignore_wheel, panel_layout, text_line
from napari_cellvino.tracking.measures import FilmScale

UNKNOWN = "not known"
HINT = "Where these are not known, measures are in px and frames. Save writes the tables in these units."


class ScaleForm(QWidget):
    """Shows the scale of a film; ``given`` sends a Spacing in µm, and the s between frames or None."""

    given = Signal(object, object)

    def __init__(self) -> None:
        super().__init__()
        self._spacing = Spacing()
        self.pixel = _box("µm", 4, 1000.0, "Width and height of a pixel in the sample, in µm; 0 if nobody knows")
        self.interval = _box("s", 3, 1e7, "Time from one frame to the next, in s; 0 if nobody knows")
        layout = panel_layout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        grid = form(layout)
        add_row(grid, "Pi&xel", self.pixel)
        add_row(grid, "&Frames every", self.interval)
        layout.addWidget(text_line("aside", HINT))
        for box in (self.pixel, self.interval):
            box.setKeyboardTracking(False)  # a value is taken when it is typed to the end
            box.valueChanged.connect(self._give)

    def show_scale(self, scale: FilmScale) -> None:
        """Show another scale."""
        self._spacing = scale.spacing
        for box, value in ((self.pixel, scale.spacing.x), (self.interval, scale.interval_s)):
            box.blockSignals(True)
            box.setValue(value or 0.0)
            box.blockSignals(False)

    def _give(self, _: float) -> None:
        pixel = self.pixel.value() or None
        same = pixel == self._spacing.x  # where pixels are not square, typing the time leaves them so
        spacing = self._spacing if same else replace(self._spacing, y=pixel, x=pixel)
        self.given.emit(spacing, self.interval.value() or None)


def _box(unit: str, decimals: int, most: float, tooltip: str) -> QDoubleSpinBox:
    box = ignore_wheel(QDoubleSpinBox())
    box.setRange(0.0, most)
    box.setDecimals(decimals)
    box.setSuffix(f" {unit}")
    box.setSpecialValueText(UNKNOWN)
    box.setToolTip(tooltip)
    return box
