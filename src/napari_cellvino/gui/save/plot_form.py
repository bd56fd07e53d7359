"""What to plot of the saved results, and by what: two choices and a button."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QPushButton, QVBoxLayout, QWidget

from napari_cellvino.gui.save.export_controller import ExportController
from napari_cellvino.gui.widgets.form_layout import add_row, form, narrow
from napari_cellvino.results.plot_measures import COUNT, WELL, PlotGroup, PlotMeasure, PlotOffer

BEFORE = PlotOffer((COUNT,), (WELL,))  # shown until something is saved
ABOUT = "Draw a histogram, and a box for each group, of all results in the folder"


class PlotRow(QWidget):
    """Shows what can be plotted."""

    def __init__(self, exporter: ExportController) -> None:
        super().__init__()
        self._exporter = exporter
        self._shown = BEFORE
        self.measure, self.group = _Choice(), _Choice()
        self.measure.setAccessibleName("Plot of")
        self.group.setAccessibleName("Plot by")
        self.button = QPushButton("Plo&t")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        grid = form(layout)
        add_row(grid, "Plot", self.measure)
        add_row(grid, "by", self.group, self.button)
        self._fill(BEFORE)
        self.button.clicked.connect(self._plot)
        exporter.changed.connect(self._draw)
        self._draw()

    def _plot(self) -> None:
        self._exporter.draw(self.measure.currentData(), self.group.currentData())

    def _draw(self) -> None:
        exporter = self._exporter
        if exporter.offer is not None and exporter.offer != self._shown:
            self._shown = exporter.offer
            self._fill(exporter.offer)
        told = ((self.measure, "What to plot"), (self.group, "By what"), (self.button, ABOUT))
        for widget, tip in told:
            widget.setEnabled(exporter.ready)
            widget.setToolTip(tip if exporter.ready else exporter.missing)

    def _fill(self, offer: PlotOffer) -> None:
        self.measure.offer(offer.measures)
        self.group.offer(offer.groups)


class _Choice(QComboBox):
    """What a person chose, as long as it is offered; else the first."""

    def __init__(self) -> None:
        super().__init__()
        narrow(self)
        self._chosen = ""
        self.activated.connect(self._choose)

    def offer(self, choices: Sequence[PlotMeasure | PlotGroup]) -> None:
        """Offer other choices."""
        self.clear()
        for number, choice in enumerate(choices):
            self.addItem(choice.title, choice.name)
            tip = choice.axis if isinstance(choice, PlotMeasure) else choice.title
            self.setItemData(number, tip, Qt.ItemDataRole.ToolTipRole)
        self.setCurrentIndex(max(self.findData(self._chosen), 0))

    def _choose(self) -> None:
        self._chosen = self.currentData()
