"""The wells in the colours of a number that the user chooses, or as small pictures, and what the colours mean."""

from __future__ import annotations

from qtpy.QtWidgets import QComboBox, QVBoxLayout, QWidget

from napari_cellvino.gui.plate.grid_painting import GridView
from napari_cellvino.gui.plate.legend import Legend
from napari_cellvino.gui.plate.plate_controller import OpenPlate
from napari_cellvino.gui.plate.plate_grid import PlateGrid
from napari_cellvino.gui.plate.well_view import THUMBNAILS, grid_view
from napari_cellvino.gui.shell.viewer_session import Session
from napari_cellvino.gui.widgets.form_layout import GAP, add_row, form, narrow
from napari_cellvino.plates.well_measures import Measure, value_range, values_of


class WellColouring(QWidget):
    """Draws the grid and its legend from what the session knows of the plate."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._by_hand = False  # whether the user has chosen what is shown; until then, counts are once there are any
        self.grid, self.legend = PlateGrid(), Legend()
        self.shown = narrow(QComboBox())
        self.shown.setToolTip("Colour the wells by a number, or show a small picture of each")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        add_row(form(layout), "&Show", self.shown)
        layout.addWidget(self.grid)
        layout.addWidget(self.legend)
        self.shown.activated.connect(self._choose)
        session.plates.opened.connect(self._show_another)
        session.thumbnails.changed.connect(self.draw)
        session.restyled.connect(self._restyle)
        self._restyle()

    def _choose(self, _: int) -> None:
        self._by_hand = True
        self.draw()

    def _show_another(self) -> None:
        if self._session.plates.failure is None:
            self._by_hand = False
            self._session.thumbnails.forget()

    def _restyle(self, _: object = None) -> None:
        for widget in (self.grid, self.legend):
            widget.set_theme(str(self._session.viewer.theme))

    def draw(self) -> None:
        """Show what is known now."""
        current = self._session.plates.current
        self.setVisible(current is not None)
        if current is None:
            self.grid.show_view(GridView())
            return
        self._offer()
        chosen, numbers = self.shown.currentData(), self._session.well_values
        measure = chosen if isinstance(chosen, Measure) else None
        self._read_pictures(current, wanted=chosen == THUMBNAILS)
        run, runner = self._session.plate_runner.last, self._session.plate_runner
        view = grid_view(
            current.wells,
            numbers.lines,
            numbers.layout,
            shown=measure,
            pictures=self._session.thumbnails.pictures if chosen == THUMBNAILS else None,
            run=run if run is not None and run.source.path == current.source.path else None,
            running=runner.running,
        )
        self.grid.show_view(view)
        known = values_of(numbers.lines, measure.name).values() if measure is not None else ()
        self.legend.show_scale(measure, value_range(known))

    def _read_pictures(self, current: OpenPlate, *, wanted: bool) -> None:
        thumbnails, channel = self._session.thumbnails, self._session.plate_runner.channel
        if wanted:
            known = channel if channel in current.source.plate.channels else ""
            thumbnails.read(current.source, current.wells.fields, known)
        else:
            thumbnails.stop()

    def _offer(self) -> None:
        """Offer what can be shown; counts are chosen by themselves as soon as there are any."""
        measures = self._session.well_values.measures
        wanted: list[tuple[str, object]] = [("What was imaged", ""), *((m.heading, m) for m in measures)]
        wanted.append(("Small pictures", THUMBNAILS))
        offered = [self.shown.itemText(row) for row in range(self.shown.count())]
        before = self.shown.currentText()
        if offered != [title for title, _ in wanted]:
            self.shown.clear()
            for title, data in wanted:
                self.shown.addItem(title, data)
            self.shown.setCurrentText(before)
        if not self._by_hand:
            self.shown.setCurrentIndex(1 if self._session.well_values.lines else 0)
