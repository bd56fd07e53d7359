"""*Answers*: curves over doses with their EC50, hits, and the picture of each well under the mouse."""

from __future__ import annotations

from collections.abc import Collection

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from napari_cellvino.figures.dose_plot import describe_fit
from napari_cellvino.gui.plate.answers_controller import AnswersController, ShownAnswers
from napari_cellvino.gui.plate.asked_tables import OUTDATED
from napari_cellvino.gui.plate.points_view import PointsView
from napari_cellvino.gui.widgets.form_layout import add_row, form, say, text_line
from napari_cellvino.gui.widgets.formatting import format_count
from napari_cellvino.gui.widgets.notice import Notice
from napari_cellvino.gui.widgets.usable import WAIT, enable_unless
from napari_cellvino.gui.widgets.value_combo import Choice, ValueCombo
from napari_cellvino.plates.corrections import PlateCorrection
from napari_cellvino.plates.dose_response import AnswerChoices
from napari_cellvino.plates.screening import Scale
from napari_cellvino.workflows.plate_report import answer_title

SCALES = (
    Choice("as measured", Scale.RAW),
    Choice("% of controls", Scale.PERCENT, "Negative controls are 0, positive ones 100, on each plate"),
    Choice("fold of negative", Scale.FOLD, "Divided by the negative controls of each plate"),
)
CORRECTIONS = (
    Choice("no correction", PlateCorrection.NONE),
    Choice("edge", PlateCorrection.EDGE, "Take off how wells at the rim differ from those inside"),
    Choice("B-score", PlateCorrection.B_SCORE, "Take off the effects of rows and columns"),
)
PARAMETERS = (
    Choice("4 parameters", 4, "Bottom, top, EC50 and slope"),
    Choice("5 parameters", 5, "Asymmetry, too"),
)
MOST_HITS = 8


class AnswersPanel(QWidget):
    """Shows what the open plate answers."""

    well_wanted = Signal(str)  # name of a well of the open plate

    def __init__(self, controller: AnswersController) -> None:
        super().__init__()
        self._controller = controller
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        grid = form(layout)
        self.measure: ValueCombo[str] = ValueCombo(name="Measure", tooltip="A number of the wells, or share of a class")
        self.scale = ValueCombo(
            SCALES, name="Scale", tooltip="What values are given relative to: as measured, or the controls"
        )
        self.correction = ValueCombo(
            CORRECTIONS,
            name="Correction",
            tooltip="Whether what rows, columns and the edge of the plate add is taken off",
        )
        self.parameters = ValueCombo(PARAMETERS, name="Curve")
        for combo in (self.scale, self.correction, self.parameters):  # two in a row, in a dock of 400 px
            combo.setMinimumContentsLength(4)
        self.unit = QLineEdit()
        self.unit.setPlaceholderText("unit of the doses")
        self.unit.setToolTip("Stands in the plots, as µM")
        add_row(grid, "Measure", self.measure)
        add_row(grid, "Relative to", self.scale, self.correction)
        add_row(grid, "Curve", self.parameters, self.unit)
        self.ask_button = QPushButton("Answer")
        self.ask_button.setToolTip("Fit a curve for each compound, and compare each dose with the negative controls")
        self.page_button = QPushButton("Write page")
        self.page_button.setToolTip("A page with tables and plots, beside the results")
        buttons = QHBoxLayout()
        buttons.addWidget(self.ask_button)
        buttons.addWidget(self.page_button)
        layout.addLayout(buttons)
        self.notice, self.said, self.warned = Notice(), text_line(), text_line("attention")
        self.curves = PointsView("Curves over doses")
        self.hits = text_line("aside")
        for widget in (self.notice, self.said, self.curves, self.hits, self.warned):
            layout.addWidget(widget)
        self.ask_button.clicked.connect(lambda: controller.ask(self.choices, self.unit.text().strip()))
        self.page_button.clicked.connect(lambda: controller.write(self.choices, self.unit.text().strip()))
        self.curves.well_clicked.connect(lambda _, well: self.well_wanted.emit(well))
        controller.changed.connect(self.draw)
        for combo in (self.measure, self.scale, self.correction, self.parameters):
            combo.value_changed.connect(self._say_doubts)
        self.draw()

    @property
    def choices(self) -> AnswerChoices:
        """What is asked."""
        return AnswerChoices(self.measure.value(), self.scale.value(), self.correction.value(), self.parameters.value())

    def mark(self, wells: Collection[str]) -> None:
        """Put rings round the points of wells."""
        shown = self._controller.shown
        self.curves.mark([name for name in shown.curves.wells if name[1] in wells] if shown is not None else [])

    def draw(self) -> None:
        """Show what is known."""
        controller = self._controller
        self.measure.offer([Choice(_title(name), name) for name in controller.measures])
        busy = WAIT if controller.working else ""
        enable_unless(busy or ("" if controller.measures else "Run the plate first"), self.ask_button, self.page_button)
        self.notice.show_failure(controller.failure)
        shown = controller.shown
        say(self.said, _state(controller))
        drawn = shown if shown is not None and shown.answers.curves else None
        self.curves.show_points(drawn.curves if drawn else None, drawn.pictures if drawn else {})
        say(self.hits, _hits(shown) if shown else "")
        self._say_doubts()

    def _say_doubts(self, _: object = None) -> None:
        """Say what is doubtful of the answers that are shown, and where they are not of what is chosen."""
        shown = self._controller.shown
        if shown is None:
            say(self.warned, "")
            return
        other = f"These are curves of {answer_title(shown.answers)}: Answer fits those of what is chosen now."
        doubts = (
            *((other,) if shown.answers.choices != self.choices else ()),
            *((OUTDATED,) if self._controller.outdated else ()),
            *shown.answers.notices,
        )
        say(self.warned, "\n".join(f"⚠  {text}" for text in doubts))


def _title(name: str) -> str:
    if name.startswith("share_"):
        return f"share of {name.removeprefix('share_')}"
    return name.replace("_", " ")


def _state(controller: AnswersController) -> str:
    if controller.working:
        return controller.working
    if controller.page is not None:
        return f"Written: {controller.page}"
    if controller.shown is not None:
        return "\n".join(f"{curve.compound}: {describe_fit(curve)}" for curve in controller.shown.answers.curves)
    return "" if controller.measures else "Run the plate first; then its wells can be asked."


def _hits(shown: ShownAnswers) -> str:
    hits, compared = shown.answers.hits, len(shown.answers.contents)
    named = ", ".join(f"{hit.compound} {hit.dose:g}" for hit in hits[:MOST_HITS])
    more = f" and {len(hits) - MOST_HITS} more" if len(hits) > MOST_HITS else ""
    found = f"{format_count(len(hits), 'hit')} of {compared} compounds and doses"
    return f"{found}: {named}{more}" if hits else found
