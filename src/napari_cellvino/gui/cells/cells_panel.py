"""All cells: the cells of every saved field as a plot and as small pictures, to choose, mark and gate many at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from napari_cellvino.annotation.tools.mark import accept, reject, set_class_by_name, turn_excluded
from napari_cellvino.core.gates import GateAction
from napari_cellvino.core.objects import Doubt, ReviewState
from napari_cellvino.gui.cells.cell_gallery import CellGallery
from napari_cellvino.gui.cells.cell_plot import CellPlot
from napari_cellvino.gui.cells.cells_controller import NO_ROWS
from napari_cellvino.gui.review.cell_list import IN_STATE, WITH_DOUBT
from napari_cellvino.gui.shell.viewer_session import Session
from napari_cellvino.gui.widgets.form_layout import GAP, say, side_by_side, text_line
from napari_cellvino.gui.widgets.formatting import format_count, format_folder, format_number
from napari_cellvino.gui.widgets.notice import Notice
from napari_cellvino.gui.widgets.usable import WAIT, enable_unless
from napari_cellvino.gui.widgets.value_combo import Choice, ValueCombo
from napari_cellvino.results.cell_table import CellQuery

COUNTED: tuple[Choice[bool | None], ...] = (
    Choice("in or out", None),
    Choice("counted", False),
    Choice("excluded", True),
)
NOTHING = "Cells of saved fields are shown here: run a list, a plate, or save a result first."
NONE_CHOSEN = "Choose cells first: click on pictures, or draw round points"
NO_REGION, NO_CLASS = "Draw a region in the plot first", "Name the class first, on the left"
MOST_CLASS_KEYS = 9
LEAST_PX, USUAL_PX, BUTTONS_PX = 170, 300, 236
HEAD_PX = 28  # as high as its highest button ever is: the plot below keeps its size
COLUMNS = 6  # of the grid of buttons


class CellsPanel(QWidget):
    """Shows the cells of all saved fields of the folder of results."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.controller = session.cells
        self._classes: list[str] = []  # that can be given
        self._plotted = NO_ROWS  # of the table
        self._build_choices()
        self._build_marks()
        self._build_gates()
        self.plot = CellPlot()
        self.gallery = CellGallery(session.background)
        self.title = QLabel()
        self.title.setProperty("role", "title")
        self.hint, self.said, self.failure = text_line("aside", NOTHING), text_line("done"), Notice()
        self._lay_out()
        self._connect()
        self._bind_keys()
        self._draw()

    def _build_choices(self) -> None:
        self.state = ValueCombo[ReviewState | None](IN_STATE, name="State", tooltip="List cells in this state only")
        self.doubt = ValueCombo[Doubt](WITH_DOUBT, name="Reason", tooltip="List cells with this reason for doubt only")
        self.kind = ValueCombo[str | None](name="Class", tooltip="List cells of this class only")
        self.counted = ValueCombo[bool | None](COUNTED, name="Counted", tooltip="List cells that count, or do not")
        self.sort = ValueCombo[str](name="Order", tooltip="By which measurement the pictures are ordered")
        self.descending = QPushButton("↓")
        self.descending.setCheckable(True)
        self.descending.setToolTip("Largest first")
        self.descending.setAccessibleName("Largest first")
        self.x = ValueCombo[str](name="Across", tooltip="The measurement from left to right")
        self.y = ValueCombo[str](name="Upwards", tooltip="The measurement upwards; without one, a histogram is drawn")
        self.rectangle = QPushButton("Rectangle")
        self.rectangle.setCheckable(True)
        self.rectangle.setToolTip("Draw regions as rectangles, not freely")
        for combo in (self.state, self.doubt, self.kind, self.counted, self.sort, self.x, self.y):
            combo.setMinimumContentsLength(4)

    def _build_marks(self) -> None:
        self.accept_button = _button("Accept A", "Accept the chosen cells, in all their fields")
        self.reject_button = _button("Reject R", "Say that the chosen cells are none, in all their fields")
        self.exclude_button = _button("Exclude Q", "Leave the chosen cells out of the counts, in all their fields")
        self.class_choice = ValueCombo[str](
            name="Class to give", tooltip="Which class is given by the button, or by Shift and the number beside it"
        )
        self.class_choice.setMinimumContentsLength(4)
        self.class_button = _button("Give class", "Give the chosen cells this class")
        self.undo_button = _button("Undo", "Take back what was done last to several fields")

    def _build_gates(self) -> None:
        self.leave_out_button = _button(
            "Gate: leave out", "Leave out what lies in the region, here and in every run with this recipe"
        )
        self.keep_button = _button("Gate: keep only", "Leave out all that lies outside the region")
        self.class_name = QLineEdit()
        self.class_name.setPlaceholderText("new class")
        self.class_name.setAccessibleName("New class")
        self.class_name.setToolTip(
            "A class of its own: of what lies in the region (Gate), or of the chosen cells (Example)"
        )
        self.classify_button = _button("Gate: class", "Give what lies in the region this class, in every run as well")
        self.example_button = _button("Example", "The chosen cells are examples of the class that is typed beside")
        self.learn_button = _button(
            "Classify all", "Learn the classes from the examples by what is measured, and give them to all cells"
        )
        self.unlearn_button = _button("Drop classes", "Give all cells the class of the model again")
        self.gates_button = _button("Gates", "The gates of the recipe; choose one to take it away")
        self.gates_menu = QMenu(self.gates_button)
        self.gates_button.setMenu(self.gates_menu)

    def _lay_out(self) -> None:
        left, right = QWidget(), QWidget()
        for part, widgets in (
            (left, (_row(self.x, self.y, self.rectangle), self.plot)),
            (right, (
                _row(self.state, self.doubt, self.kind, self.counted),
                self.gallery,
            )),
        ):  # fmt: skip
            layout = QVBoxLayout(part)
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setSpacing(4)
            layout.addWidget(widgets[0])
            layout.addWidget(widgets[1], 1)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.addWidget(left)
        self.splitter.addWidget(right)
        self.splitter.setStretchFactor(0, 2)
        self.splitter.setStretchFactor(1, 3)
        self._buttons = self._lay_out_buttons()
        middle = side_by_side(self.splitter, self._buttons, stretch=0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GAP, 4, GAP, GAP)
        layout.setSpacing(4)
        self.sort.setFixedWidth(BUTTONS_PX)
        self.said.setWordWrap(False)
        self.said.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)  # else all below it moves
        self._head = side_by_side(self.title, self.said, self.undo_button, self.sort, self.descending, stretch=1)
        self._head.setMinimumHeight(HEAD_PX)
        for widget in (self.hint, self._head, self.failure):
            layout.addWidget(widget)
        layout.addWidget(middle, 1)
        self.setMinimumHeight(LEAST_PX)

    def _lay_out_buttons(self) -> QWidget:
        column = QWidget()
        grid = QGridLayout(column)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        rows = (
            (self.accept_button, self.reject_button, self.exclude_button),
            (self.class_choice, self.class_button),
            (self.leave_out_button, self.keep_button),
            (self.class_name, self.classify_button),
            (self.example_button, self.learn_button),
            (self.gates_button, self.unlearn_button),
        )
        for row, widgets in enumerate(rows):  # no more of them: in a low dock their words would be cut
            wide = COLUMNS // len(widgets)
            for place, widget in enumerate(widgets):
                grid.addWidget(widget, row, wide * place, 1, wide)
        grid.setRowStretch(len(rows), 1)
        column.setFixedWidth(BUTTONS_PX)
        return column

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Return a height at which a plot can be read."""
        return QSize(700, USUAL_PX)

    def _connect(self) -> None:
        controller = self.controller
        controller.changed.connect(self._draw)
        controller.selected.connect(self._draw_selection)
        self.session.reviewer.replaced.connect(self._offer_classes)
        for combo in (self.state, self.doubt, self.kind, self.counted, self.sort):
            combo.value_changed.connect(self._query)
        self.descending.toggled.connect(self._query)
        for combo in (self.x, self.y):
            combo.value_changed.connect(self._plot_others)
        self.rectangle.toggled.connect(self.plot.use_rectangle)
        self.plot.drawn.connect(self._on_region)
        self.plot.pointed.connect(self._point)
        self.gallery.chosen.connect(controller.select)
        self.gallery.opened.connect(controller.go_to)
        self.accept_button.clicked.connect(lambda: controller.mark("Accept", accept))
        self.reject_button.clicked.connect(lambda: controller.mark("Reject", reject))
        self.exclude_button.clicked.connect(lambda: controller.mark("Exclude", turn_excluded))
        self.class_button.clicked.connect(lambda: self._give_class(self.class_choice.value()))
        self.undo_button.clicked.connect(controller.undo)
        self.leave_out_button.clicked.connect(lambda: controller.add_gate(GateAction.EXCLUDE))
        self.keep_button.clicked.connect(lambda: controller.add_gate(GateAction.KEEP))
        self.classify_button.clicked.connect(self._classify)
        self.example_button.clicked.connect(lambda: controller.add_examples(self.class_name.text().strip()))
        self.learn_button.clicked.connect(controller.classify)
        self.unlearn_button.clicked.connect(controller.unclassify)
        self.class_name.textChanged.connect(self._draw_buttons)
        self.session.restyled.connect(self._restyle)
        self.plot.set_theme(self.session.viewer.theme)

    def _restyle(self, _: str) -> None:
        self.plot.set_theme(self.session.viewer.theme)

    def _bind_keys(self) -> None:
        keys: dict[str, Callable[[], object]] = {
            "A": self.accept_button.click,
            "R": self.reject_button.click,
            "Q": self.exclude_button.click,
            "Ctrl+Z": self.undo_button.click,
        }
        keys |= {f"Shift+{n}": partial(self._give_numbered, n - 1) for n in range(1, MOST_CLASS_KEYS + 1)}
        for key, call in keys.items():
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.setAutoRepeat(False)
            shortcut.activated.connect(call)

    def showEvent(self, _: object) -> None:  # noqa: N802 (Qt's name)
        """Read what there is, as long as this is seen."""
        self.controller.want(True)

    def hideEvent(self, _: object) -> None:  # noqa: N802 (Qt's name)
        """Read nothing that nobody sees."""
        self.controller.want(False)

    # -- what the user does

    def _query(self, _: object = None) -> None:
        self.controller.show_only(
            CellQuery(
                self.state.value(),
                self.doubt.value(),
                self.kind.value(),
                self.counted.value(),
                self.sort.value(),
                self.descending.isChecked(),
            )
        )

    def _on_region(self, corners: Sequence[tuple[float, float]]) -> None:
        self.controller.draw(self.x.value(), self.y.value(), corners)

    def _point(self, x: float, y: float) -> None:
        """Choose the cell whose point was clicked; nothing beside all points."""
        place = self.plot.nearest(x, y)
        self.controller.select([] if place is None else [int(self._plotted[place])])

    def _give_class(self, name: str) -> None:
        self.controller.mark(f"Class {name}", partial(set_class_by_name, name=name))

    def _give_numbered(self, number: int) -> None:
        if number < len(self._classes):
            self._give_class(self._classes[number])  # by its name: other fields may number their classes otherwise
        else:
            known = ", ".join(self._classes)
            self.controller.refuse(f"There is no class {number + 1}; the classes are {known}.")

    def _classify(self) -> None:
        name = self.class_name.text().strip()
        if name:
            self.controller.add_gate(GateAction.CLASSIFY, name)

    # -- what is shown

    def _draw(self) -> None:
        controller = self.controller
        table = controller.table
        for widget in (self._head, self.splitter, self._buttons):
            widget.setVisible(len(table) > 0)
        say(
            self.hint,
            "" if len(table) else NOTHING if controller.root is None else f"{NOTHING} None in {controller.root}.",
        )
        self._offer()
        self.gallery.draw(
            table, controller.rows, table.values(controller.query.sort) if controller.query.sort else None
        )
        self.title.setText(self._describe())
        self.title.setToolTip("\n".join([str(controller.root or ""), *table.unreadable]).strip())
        self.said.setText(controller.working or controller.said)
        self.failure.show_failure(controller.failure)
        self._draw_gates()
        self._draw_buttons()

    def _describe(self) -> str:
        controller = self.controller
        table, listed, root = controller.table, len(controller.rows), controller.root
        total, of = format_count(len(table)), f" of {format_folder(root)}" if root is not None else ""
        shown = f"{format_number(listed)} of " if listed != len(table) else ""
        words = [
            f"{shown}{total} in {format_count(len(table.fields), 'field')}{of}",
            f"{format_number(int(table.excluded.sum()))} excluded" if table.excluded.any() else "",
            f"{format_count(len(controller.selection))} chosen" if len(controller.selection) else "",
            f"{format_count(len(table.unreadable), 'field')} cannot be read" if table.unreadable else "",
        ]
        return " · ".join(filter(None, words))

    def _offer(self) -> None:
        controller = self.controller
        table = controller.table
        measures = [Choice(measure.axis, measure.column) for measure in table.offers]
        first = not self.x.count()
        self.sort.offer([Choice("by doubt", ""), *measures])
        self.x.offer(measures)
        self.y.offer([Choice("– (histogram)", ""), *measures])
        if first and len(measures) > 1:
            self.y.set_value(next((m.value for m in measures if m.value.startswith("mean_")), measures[1].value))
        kinds = table.kinds
        self.kind.offer([Choice("Classes", None), *(Choice(name or "no class", name) for name in kinds)])
        self.kind.setVisible(len(kinds) > 1)
        self._offer_classes()

    def _offer_classes(self) -> None:
        annotation = self.session.reviewer.annotation
        numbered = annotation.classes if annotation is not None else ()  # as in tab 3
        known = dict.fromkeys((*numbered, *self.controller.table.kinds))
        self._classes = [name for name in known if name]
        keys = [f" ⇧{number}" if number <= MOST_CLASS_KEYS else "" for number in range(1, len(self._classes) + 1)]
        self.class_choice.offer([Choice(f"{name}{key}", name) for name, key in zip(self._classes, keys, strict=True)])
        for widget in (self.class_choice, self.class_button):
            widget.setVisible(len(known) > 1)

    def _draw_gates(self) -> None:
        gates = self.controller.gates
        self.gates_button.setText(f"Gates {len(gates)}")
        self.gates_button.setVisible(bool(gates))
        self.gates_menu.clear()
        for number, gate in enumerate(gates):
            self.gates_menu.addAction(f"Take away: {gate}", partial(self.controller.remove_gate, number))

    def _draw_buttons(self, _: object = None) -> None:
        controller = self.controller
        busy = WAIT if controller.working else ""
        nothing = busy or ("" if len(controller.selection) else NONE_CHOSEN)
        enable_unless(nothing, self.accept_button, self.reject_button, self.exclude_button, self.class_button)
        no_region = busy or ("" if controller.region is not None else NO_REGION)
        enable_unless(no_region, self.leave_out_button, self.keep_button)
        enable_unless(no_region or ("" if self.class_name.text().strip() else NO_CLASS), self.classify_button)
        enable_unless(nothing or ("" if self.class_name.text().strip() else NO_CLASS), self.example_button)
        enable_unless(
            busy or ("" if len(controller.examples) else "Take some cells as examples first"), self.learn_button
        )
        self.unlearn_button.setVisible(controller.classifier is not None)
        enable_unless(busy, self.gates_button, self.unlearn_button)
        enable_unless(busy or ("" if controller.undo_name else "Nothing to undo yet"), self.undo_button)
        self.undo_button.setText(f"Undo {controller.undo_name}".strip())

    def _draw_selection(self) -> None:
        self.gallery.highlight(self.controller.selection)
        self.title.setText(self._describe())
        self._draw_buttons()
        self._plot()

    def _plot_others(self, _: object) -> None:
        self.controller.forget_region()
        self._plot()

    def _plot(self) -> None:
        controller = self.controller
        table, rows = controller.table, np.sort(controller.rows)  # sorted pictures are the same points
        self._plotted = rows
        if not len(table) or self.x.currentIndex() < 0:
            return
        y = table.values(self.y.value())[rows] if self.y.value() else None
        chosen = np.isin(rows, controller.selection)
        words = self.x.currentText(), self.y.currentText()
        self.plot.show_region(controller.region)
        self.plot.show_cells(table.values(self.x.value())[rows], y, chosen, words)


def _row(*widgets: QWidget) -> QWidget:
    """Return widgets side by side; combos share the room."""
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    for widget in widgets:
        layout.addWidget(widget, int(isinstance(widget, ValueCombo)))
    return row


def _button(text: str, tooltip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tooltip)
    return button
