"""The Plate panel: the wells of a plate at a glance, and each of them a click away."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QSignalBlocker, QSize, QTimer
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QProgressBar, QPushButton, QScrollArea, QSpinBox, QVBoxLayout, QWidget

from napari_cellvino.core.image import MetadataOverrides
from napari_cellvino.core.plate import Plate, Well, name_wells
from napari_cellvino.gui.plate.answers_panel import AnswersPanel
from napari_cellvino.gui.plate.layout_panel import PlateContents
from napari_cellvino.gui.plate.name_pattern_form import PlatePattern
from napari_cellvino.gui.plate.plate_choices import PlateForm
from napari_cellvino.gui.plate.plate_controller import OpenPlate, ask_plate
from napari_cellvino.gui.plate.plate_run_panel import PlateRunRows
from napari_cellvino.gui.plate.plate_run_view import SHOWN_PROBLEMS
from napari_cellvino.gui.plate.profiles_panel import ProfilesPanel
from napari_cellvino.gui.plate.well_colouring import WellColouring
from napari_cellvino.gui.shell.viewer_session import Session
from napari_cellvino.gui.widgets.drop_target import DropPanel
from napari_cellvino.gui.widgets.form_layout import (
    CollapsibleSection,
    ignore_wheel,
    panel_layout,
    say,
    side_by_side,
    text_line,
)
from napari_cellvino.gui.widgets.formatting import format_number, keep_units
from napari_cellvino.gui.widgets.notice import Notice

_FIRST = (
    "Open the folder of a plate, or drop it here: ImageXpress, Operetta, Opera Phenix, Yokogawa, Incucyte, "
    "CellProfiler names, OME-Zarr. Its wells are shown at once."
)


class PlatePanel(DropPanel):
    """Shows the open plate."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._plates = session.plates
        layout = panel_layout(self)
        self._build_head(layout)
        self.pattern, self.contents = PlatePattern(self.session.background), PlateContents()
        self.pattern_fold = _Fold("Pattern of the names", self.pattern)
        self.pattern_fold.setToolTip("For folders that no reader knows, or knows wrongly")
        self.contents_fold = _Fold("Compounds, doses, controls", self.contents)
        self.contents_fold.setToolTip("What the wells hold; it goes into every table")
        layout.addWidget(self.pattern_fold)
        self._build_wells(layout)
        self.running = PlateRunRows(session)
        layout.addWidget(self.running)
        layout.addWidget(self.contents_fold)
        self.answers = AnswersPanel(session.answers)
        self.answers_fold = _Fold("Answers", self.answers)
        self.answers_fold.setToolTip("Curves over doses, EC50, hits: what the plate answers")
        layout.addWidget(self.answers_fold)
        self.profiles = ProfilesPanel(session.profiles)
        self.profiles_fold = _Fold("Profiles", self.profiles)
        self.profiles_fold.setToolTip("What cells look like: wells that look alike lie near each other")
        layout.addWidget(self.profiles_fold)
        layout.addStretch(1)
        self._connect()
        self._show_another()
        self._draw()

    def _build_head(self, layout: QVBoxLayout) -> None:
        self.name = text_line()
        self.name.setProperty("role", "title")
        self.open_button = QPushButton("&Open plate…")
        self.open_button.setToolTip("Choose the folder of a plate; no pixel is read before a well is opened")
        self.facts = text_line("aside")
        self.bar = QProgressBar()
        self.bar.setRange(0, 0)
        self.bar.setTextVisible(False)
        self.notice = Notice()
        self.hint = text_line("aside")
        head = side_by_side(self.name, self.open_button, stretch=0)
        for widget in (head, self.facts, self.bar, self.notice, self.hint):
            layout.addWidget(widget)

    def _build_wells(self, layout: QVBoxLayout) -> None:
        self.wells = WellColouring(self.session)
        self.grid = self.wells.grid
        self.problems = text_line("attention")
        self.choices = PlateForm()
        self.chosen = text_line()
        self.back_button = _arrow("◀", "Field before this one, or the last of the well before")
        self.next_button = _arrow("▶", "Next field, or the first of the next well")
        self.field = ignore_wheel(QSpinBox())
        self.field.setToolTip("Number of the field shown among those of its well")
        self.field.setAccessibleName("Field")
        self.field.setPrefix("Field ")
        self.field.setKeyboardTracking(False)
        self._fields = side_by_side(self.chosen, self.back_button, self.field, self.next_button, stretch=0)
        for widget in (self.wells, self.problems, self.choices, self._fields):
            layout.addWidget(widget)

    def _connect(self) -> None:
        plates = self._plates
        plates.changed.connect(self._draw)
        self.session.opener.changed.connect(self._draw)
        self.open_button.clicked.connect(lambda: ask_plate(self, plates))
        self.session.well_values.changed.connect(self._draw)
        self.session.plate_runner.changed.connect(self._draw)
        plates.opened.connect(self._show_another)
        self.contents.value_changed.connect(self.session.well_values.set_layout)
        self.pattern.asked.connect(plates.open)
        self.answers_fold.toggled.connect(lambda unfolded: self.session.answers.offer() if unfolded else None)
        self.session.plate_runner.ended.connect(self.session.answers.offer)
        self.choices.value_changed.connect(plates.choose)
        for saved in (self.session.saver.wrote, self.session.saver.left_saved):
            saved.connect(self._look_again)
        for plotted in (self.answers, self.profiles):
            plotted.well_wanted.connect(self._go_to)
        self.session.profiles.found.connect(self.profiles_fold.reveal)
        for answering in (self.session.answers, self.session.profiles):
            answering.changed.connect(self._mark_wells)
        self.grid.well_opened.connect(plates.show)
        self.grid.chosen_changed.connect(self.running.choose_wells)
        self.grid.chosen_changed.connect(self._draw)
        self.back_button.clicked.connect(lambda: plates.go(-1))
        self.next_button.clicked.connect(lambda: plates.go(1))
        self.field.valueChanged.connect(self._choose_field)

    # -- what the user does

    def _choose_field(self, number: int) -> None:
        if self._plates.well is not None:
            self._plates.show(self._plates.well, number - 1)

    def _go_to(self, name: str) -> None:
        """Choose a well by its name, and show it."""
        current = self._plates.current
        well = next((one for one in current.wells.fields if one.name == name), None) if current is not None else None
        if well is not None:
            self.grid.choose(well)
            self._plates.show(well)

    def _show_another(self) -> None:
        self.pattern_fold.unfold(self._plates.failure is not None)  # a pattern may help

    def open_dropped(self, paths: list[Path]) -> None:
        """Take a folder that is dropped here as a plate: where no reader knows it, a pattern is asked for."""
        if len(paths) == 1 and paths[0].is_dir():
            self._plates.open(paths[0])
        else:
            super().open_dropped(paths)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 (Qt's name)
        """Get ready to open a plate; look again at what stands there of the open one: cells were reviewed meanwhile."""
        super().showEvent(event)
        self.session.prepare_plates()
        if not self.session.tables.busy:
            self._look_again()

    def _look_again(self, _: object = None) -> None:
        if self.isVisible() and not self.session.plate_runner.running:
            self.session.well_values.read()

    # -- what is shown

    def _draw(self, _: object = None) -> None:
        plates, current = self._plates, self._plates.current
        say(self.name, current.source.plate.name if current else "")
        say(self.facts, _facts(current.source.plate) if current else "")
        self.bar.setVisible(bool(plates.reading))
        opener = self.session.opener
        self.notice.show_failure(plates.failure or (opener.failure if plates.well is not None else None))
        reading = f"reading the names in {plates.reading} …" if plates.reading else ""
        say(self.hint, reading or ("" if current or plates.failure else _FIRST))
        self.wells.draw()
        say(self.problems, "\n".join(_wrongs(current.source.plate)) if current else "")
        self.choices.set_value(
            current.source.plate if current else None, current.overrides if current else MetadataOverrides()
        )
        self._draw_field(current)
        self._draw_folds(current)
        self._mark_wells()
        self.running.draw()

    def _mark_wells(self) -> None:
        """Show in the plots which wells are chosen; without any, the one that is shown."""
        shown = [self._plates.well] if self._plates.well is not None else []
        names = {well.name for well in self.grid.chosen or shown}
        self.profiles.mark(names)
        self.answers.mark(names)

    def _draw_folds(self, current: OpenPlate | None) -> None:
        folder = self._plates.asked
        if folder is not None:
            known = current is not None and not self._plates.failure
            self.pattern.set_folder(folder, current.overrides.pattern if current is not None and known else "")
        if current is not None:
            self.contents.set_value(current.source.plate, self.session.well_values.layout, self.grid.chosen)
        by_names = folder is not None and folder.is_dir() and folder.suffix != ".zarr"
        self.pattern_fold.setVisible(by_names)
        self.contents_fold.setVisible(current is not None)
        self.answers_fold.setVisible(current is not None)
        self.profiles_fold.setVisible(current is not None)
        self.profiles.draw()

    def _draw_field(self, current: OpenPlate | None) -> None:
        self._fields.setVisible(current is not None)
        if current is None:
            return
        plates, fields = self._plates, current.wells.fields
        self.chosen.setText(_chosen(self.grid.chosen, plates.well))
        count = len(fields[plates.well]) if plates.well is not None else 1
        with QSignalBlocker(self.field):
            self.field.setRange(1, count)
            self.field.setSuffix(f" of {count}")
            self.field.setValue(plates.number + 1)
        for button, step in ((self.back_button, -1), (self.next_button, 1)):
            button.setEnabled(plates.neighbour(step) is not None)
        self.field.setEnabled(plates.well is not None and count > 1)


class _Fold(CollapsibleSection):
    """A fold that scrolls to what it shows, once the layout has made room."""

    def __init__(self, title: str, body: QWidget) -> None:
        super().__init__(title, body)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(lambda: _reveal(body))
        self.toggled.connect(lambda unfolded: self.reveal() if unfolded else self._later.stop())

    def reveal(self) -> None:
        """Scroll to what it shows."""
        self._later.start(0)


def _reveal(widget: QWidget) -> None:
    """Scroll to a widget that has just been shown."""
    around = widget.parentWidget()
    while around is not None and not isinstance(around, QScrollArea):
        around = around.parentWidget()
    if around is not None:
        around.ensureWidgetVisible(widget, 0, 10)


def _arrow(sign: str, tooltip: str) -> QPushButton:
    button = QPushButton(sign)
    button.setToolTip(tooltip)
    button.setAccessibleName(tooltip)
    button.setFixedSize(QSize(30, 26))
    return button


def _facts(plate: Plate) -> str:
    spacing = plate.spacing
    known = f"{spacing.x:.4g} × {spacing.y:.4g} µm per pixel" if spacing.x and spacing.y else "pixel size unknown"
    return f"{keep_units(plate.describe())}\n{', '.join(plate.channels)} · {known}"


def _wrongs(plate: Plate) -> list[str]:
    """Return what is missing and what looks wrong, in few lines; hovering a well tells of it."""
    more = len(plate.missing) - SHOWN_PROBLEMS
    shown = ", ".join(plate.missing[:SHOWN_PROBLEMS]) + (f" and {format_number(more)} more" if more > 0 else "")
    problems = [*plate.faults, *plate.problems]
    rest = len(problems) - SHOWN_PROBLEMS
    said = [*problems[:SHOWN_PROBLEMS], *([f"and {format_number(rest)} more of the kind"] if rest > 0 else [])]
    return [f"⚠  {text}" for text in [*([f"missing: {shown}"] if shown else []), *said]]


def _chosen(wells: frozenset[Well], shown: Well | None) -> str:
    if len(wells) > 1:
        return (
            f"{format_number(len(wells))} wells chosen: {name_wells(sorted(wells))}"
            if len(wells) < 6
            else (f"{format_number(len(wells))} wells chosen")
        )
    return f"{shown.name} is shown" if shown is not None else "Click a well to see it."
