"""What the wells hold: compounds, doses and controls, typed for the wells that are chosen or read from a CSV."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError
from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QApplication, QCheckBox, QComboBox, QFileDialog, QLineEdit, QPushButton, QVBoxLayout, QWidget

from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.core.plate import Plate, Well
from napari_cellvino.gui.widgets.failure import Failure, failure_of
from napari_cellvino.gui.widgets.form_layout import add_row, form, narrow, side_by_side, text_line
from napari_cellvino.gui.widgets.formatting import format_count
from napari_cellvino.gui.widgets.notice import Notice
from napari_cellvino.gui.widgets.usable import enable_unless
from napari_cellvino.plates.layout import Content, Control, Layout
from napari_cellvino.plates.layout_edits import dilute, paste_cells
from napari_cellvino.plates.plate_maps import read_layout

_CONTROLS = (("Sample", Control.NONE), ("Positive", Control.POSITIVE), ("Negative", Control.NEGATIVE))
_CSV = "Tables (*.csv *.tsv *.txt);;All files (*)"


class PlateContents(QWidget):
    """Speaks a `Layout`; the wells it is typed for come from the grid."""

    value_changed = Signal(object)  # Layout

    def __init__(self) -> None:
        super().__init__()
        self._plate: Plate | None = None
        self._wells: frozenset[Well] = frozenset()
        self._layout = Layout()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        grid = form(layout)
        self.compound = QLineEdit()
        self.compound.setToolTip("What is in the chosen wells")
        self.dose = QLineEdit()
        self.dose.setToolTip("A number, in whatever unit you count; the same unit on the whole plate")
        self.control = narrow(QComboBox())
        for title, control in _CONTROLS:
            self.control.addItem(title, control)
        self.control.setToolTip("Whether these are controls. Two wells or more of both controls give the Z' factor")
        add_row(grid, "Co&mpound", self.compound)
        add_row(grid, "&Dose", self.dose, self.control)
        self.factor = QLineEdit()
        self.factor.setPlaceholderText("the same dose in all")
        self.factor.setToolTip(
            "A serial dilution: the dose is that of the first column of the chosen wells, and each further one has it "
            "divided by this"
        )
        self.down = QCheckBox("down")
        self.down.setToolTip("The dilution goes down the rows, not from left to right")
        add_row(grid, "Diluted b&y", self.factor, self.down)
        self._build_buttons(layout)
        self._draw()

    def _build_buttons(self, layout: QVBoxLayout) -> None:
        self.set_button = QPushButton("Se&t")
        self.paste_button = QPushButton("Paste")
        self.paste_button.setToolTip(
            "Cells of a spreadsheet, from the first chosen well on: doses where all are numbers, else compounds"
        )
        self.csv_button = QPushButton("From CS&V…")
        self.csv_button.setToolTip(
            "Read a table with the columns well, compound, dose and control, or grids with numbers above and letters "
            "at the side"
        )
        self.clear_button = QPushButton("Clear all")
        self.clear_button.setToolTip("Forget what all wells hold")
        self.known = text_line("aside")
        self.notice = Notice()
        layout.addWidget(self.set_button)
        layout.addWidget(side_by_side(self.paste_button, self.csv_button, self.clear_button))
        layout.addWidget(self.known)
        layout.addWidget(self.notice)
        self.set_button.clicked.connect(self._set)
        for line in (self.compound, self.dose, self.factor):
            line.returnPressed.connect(self._set)
        self.paste_button.clicked.connect(self._paste)
        self.csv_button.clicked.connect(self._ask)
        self.clear_button.clicked.connect(lambda: self._tell(Layout()))

    def set_value(self, plate: Plate, layout: Layout, wells: frozenset[Well]) -> None:
        """Show what the chosen wells hold."""
        other = (plate, layout, wells) != (self._plate, self._layout, self._wells)
        self._plate, self._layout, self._wells = plate, layout, wells
        if other:
            self.notice.show_failure(None)
            self._draw()

    def read(self, path: Path) -> None:
        """Take the contents from a CSV."""
        if self._plate is None:
            return
        try:
            layout = read_layout(path, self._plate)
            self._tell(layout)
            self.notice.show_message("\n".join(layout.notices))
        except CellvinoError as error:
            self.notice.show_failure(failure_of(error))

    # -- what the user does

    def _ask(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, "Contents of the wells", "", _CSV)
        if chosen:
            self.read(Path(chosen))

    def _set(self) -> None:
        if not self._wells:
            return
        dose = self.dose.text().strip().replace(",", ".")  # as some countries type it
        typed = {"compound": self.compound.text().strip(), "dose": dose, "control": self.control.currentData()}
        try:
            content = Content.model_validate(typed)
        except ValidationError:
            self.notice.show_failure(Failure(f"Dose {self.dose.text()!r} is no number; type one such as 0.4"))
            return
        if self.factor.text().strip():
            self._dilute(content)
            return
        contents = {well: held for well, held in self._layout.contents.items() if well not in self._wells}
        if content != Content():
            contents |= dict.fromkeys(self._wells, content)
        self._tell(Layout(contents))

    def _dilute(self, first: Content) -> None:
        """Fill the chosen wells from the dose that was typed on."""
        try:
            factor = float(self.factor.text().strip().replace(",", "."))
            layout = dilute(
                self._layout, self._wells, first.compound, first.dose or 0.0, factor, down=self.down.isChecked()
            )
        except ValueError as error:
            known = error if isinstance(error, CellvinoError) else f"{self.factor.text()!r} is no number"
            self.notice.show_failure(Failure(f"{known}; type a dose such as 100 and a factor such as 3"))
            return
        self._tell(layout)

    def _paste(self) -> None:
        try:
            self._tell(paste_cells(self._layout, min(self._wells), QApplication.clipboard().text()))
        except CellvinoError as error:
            self.notice.show_failure(failure_of(error))

    def _tell(self, layout: Layout) -> None:
        self._layout = layout
        self.notice.show_failure(None)
        self._draw()
        self.value_changed.emit(layout)

    # -- what is shown

    def _draw(self) -> None:
        held = {self._layout.contents.get(well, Content()) for well in self._wells}
        content = held.pop() if len(held) == 1 else Content()
        with QSignalBlocker(self.control):
            self.compound.setText(content.compound)
            self.dose.setText("" if content.dose is None else f"{content.dose:g}")
            self.control.setCurrentIndex([control for _, control in _CONTROLS].index(content.control))
        mixed = "differs" if held else ""
        for line in (self.compound, self.dose):
            line.setPlaceholderText(mixed)
        count = len(self._wells)
        self.set_button.setText(f"Se&t for {format_count(count, 'well')}" if count else "Se&t")
        self.set_button.setEnabled(bool(count))
        self.set_button.setToolTip("Enter does the same" if count else "Choose wells on the grid first")
        enable_unless("" if count else "Choose wells on the grid first", self.paste_button)
        enable_unless("" if self._layout else "No well has contents yet", self.clear_button)
        self.known.setText(_known(self._layout))


def _known(layout: Layout) -> str:
    """Return how much is known, in words."""
    if not layout:
        return "Nothing known yet. What is typed here goes into every table."
    contents = layout.contents.values()
    controls = ((control, f"{control.value} control") for _, control in _CONTROLS[1:])
    kinds = [(sum(c.control is control for c in contents), title) for control, title in controls]
    compounds = len({c.compound for c in contents if c.compound})
    words = [f"{format_count(len(layout.contents), 'well')} with {format_count(compounds, 'compound')}"]
    return " · ".join([*words, *(format_count(n, title) for n, title in kinds if n)])
