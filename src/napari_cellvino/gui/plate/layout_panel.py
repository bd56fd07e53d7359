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
DIFFERS = "differs"
ENTER = "Enter does the same; what differs stays where nothing is typed"
_CSV = "Tables (*.csv *.tsv *.txt);;All files (*)"


class PlateContents(QWidget):
    """Speaks a `Layout`; the wells it is typed for come from the grid."""

    value_changed = Signal(object)  # Layout

    def __init__(self) -> None:
        super().__init__()
        self._plate: Plate | None = None
        self._wells: frozenset[Well] = frozenset()
        self._layout = Layout()
        self._differing = frozenset[str]()  # what the chosen wells do not have in common
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
        self.control.setPlaceholderText(DIFFERS)
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

    def _typed(self) -> dict[str, object]:
        """Return what is typed for the chosen wells; what differs between them and was left alone is not in it."""
        dose = self.dose.text().strip().replace(",", ".")  # as some countries type it
        texts = {"compound": self.compound.text().strip(), "dose": dose}
        typed: dict[str, object] = {name: text for name, text in texts.items() if text or name not in self._differing}
        return typed if self.control.currentIndex() < 0 else typed | {"control": self.control.currentData()}

    def _set(self) -> None:
        if not self._wells:
            return
        typed = self._typed()
        try:
            content = Content.model_validate(typed)
        except ValidationError:
            self.notice.show_failure(Failure(f"Dose {self.dose.text()!r} is no number; type one such as 0.4"))
            return
        try:
            doses = self._diluted(content.dose or 0.0) if self.factor.text().strip() else {}
        except ValueError as error:
            known = error if isinstance(error, CellvinoError) else f"{self.factor.text()!r} is no number"
            self.notice.show_failure(Failure(f"{known}; type a dose such as 100 and a factor such as 3"))
            return
        held = {well: self._layout.contents.get(well, Content()).model_dump() for well in self._wells}
        put = {well: Content.model_validate(own | typed | doses.get(well, {})) for well, own in held.items()}
        contents = {**self._layout.contents, **put}
        self._tell(Layout({well: content for well, content in contents.items() if content != Content()}))

    def _diluted(self, top: float) -> dict[Well, dict[str, float | None]]:
        """Return the dose of each chosen well, from the one that was typed on."""
        factor = float(self.factor.text().strip().replace(",", "."))
        layout = dilute(Layout(), self._wells, "", top, factor, down=self.down.isChecked())
        return {well: {"dose": content.dose} for well, content in layout.contents.items()}

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
        held = [self._layout.contents.get(well, Content()) for well in self._wells] or [Content()]
        values = {name: {getattr(content, name) for content in held} for name in Content.model_fields}
        self._differing = frozenset(name for name, found in values.items() if len(found) > 1)
        first = held[0]
        for name, line, text in (
            ("compound", self.compound, first.compound),
            ("dose", self.dose, "" if first.dose is None else f"{first.dose:g}"),
        ):
            line.setText("" if name in self._differing else text)
            line.setPlaceholderText(DIFFERS if name in self._differing else "")
        row = -1 if "control" in self._differing else [control for _, control in _CONTROLS].index(first.control)
        with QSignalBlocker(self.control):
            self.control.setCurrentIndex(row)
        count = len(self._wells)
        self.set_button.setText(f"Se&t for {format_count(count, 'well')}" if count else "Se&t")
        self.set_button.setEnabled(bool(count))
        self.set_button.setToolTip(ENTER if count else "Choose wells on the grid first")
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
