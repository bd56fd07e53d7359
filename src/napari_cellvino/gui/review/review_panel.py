"""Panel 3: what to look at next and why, what to do with it, and what was done last."""

from __future__ import annotations

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QComboBox, QLabel, QLineEdit, QProgressBar, QPushButton, QWidget

from napari_cellvino.annotation.tools.mark import set_note
from napari_cellvino.gui.review.bulk_panel import ManyCells
from napari_cellvino.gui.review.buttons import ReviewButtons
from napari_cellvino.gui.review.cell_list import ReviewList
from napari_cellvino.gui.review.keys import KeysPage
from napari_cellvino.gui.review.review_view import ReviewView, resolve_review
from napari_cellvino.gui.review.spot_box import SpotBox
from napari_cellvino.gui.shell.viewer_session import Session
from napari_cellvino.gui.widgets.colours import set_tone
from napari_cellvino.gui.widgets.form_layout import narrow, panel_layout, say, side_by_side, text_line
from napari_cellvino.gui.widgets.notice import Notice
from napari_cellvino.gui.widgets.usable import enable_unless
from napari_cellvino.gui.widgets.value_combo import Choice, ValueCombo

NONE_CHOSEN = "Choose a cell first: click on it, or press N"
LINE_PX, TWO_LINES_PX = 4, 14  # of one line of text, or of two, more than the font takes
SCOPES = ("Whole cells", "This plane only")


class NoteField(QLineEdit):
    """A line of text; Enter keeps what was typed, Esc drops it, and both give the keyboard back."""

    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.returnPressed.connect(self.left)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        """Drop what was typed with Esc."""
        if event.key() != Qt.Key.Key_Escape:
            super().keyPressEvent(event)
            return
        self.setModified(False)
        self.left.emit()


class ReviewPanel(QWidget):
    """Shows the review."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._reviewer, self._active_tool = session.reviewer, session.review_canvas.active_tool
        self.hint = text_line("aside")
        self.progress = text_line()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(6)
        self.cell = text_line()
        self.why = text_line("attention")
        self.why.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.note = NoteField()
        self.note.setPlaceholderText("Note on the chosen cell")
        self.note.setAccessibleName("Note on the chosen cell")
        self.note.setToolTip("A note on the chosen cells, kept with them and written to objects.csv")
        self.buttons = ReviewButtons(session)
        self.scope = narrow(QComboBox())
        self.scope.addItems(SCOPES)
        self.scope.setAccessibleName("What tools touch")
        self.scope.setToolTip("Whether tools delete, merge, split and reshape cells in all planes or in the one shown")
        self.many = ManyCells(session.reviewer, session.masks, session.review_canvas.focus)
        self.spots = SpotBox(session.spots)
        self._colouring = session.colouring
        self.colour = ValueCombo[str](name="Colour of the cells", tooltip="What the cells are coloured by")
        self.colour.setMinimumContentsLength(9)
        self.list = ReviewList(session.reviewer, side_by_side(QLabel("Colour"), self.colour, stretch=1))
        self.legend = text_line("aside")
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setToolTip("A scale goes from the 1st to the 99th percentile; the end colours are for all beyond")
        self.said = text_line("done")
        self.notice = Notice()
        self.offer = Notice()
        self.go_on_button = QPushButton("&Go on")
        self.go_on_button.setToolTip("Take up these corrections, and go to the last one")
        self.anew_button = QPushButton("Begin a&new")
        self.anew_button.setToolTip("Correct what the model found now; what was corrected before is kept beside it")
        self.again_button = QPushButton("Show the cells again")
        self.again_button.setToolTip("Show the cells under review in a layer, with all that was corrected")
        self.last = text_line("aside")
        self.last.setWordWrap(False)
        self.keys_button = QPushButton("Keys  ?")
        self.keys_button.setToolTip("All keys on one page (?)")
        self.keys_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._lay_out()
        self._connect()
        self._offer_colours()
        self._draw()

    def _lay_out(self) -> None:
        layout = panel_layout(self)
        self._head = side_by_side(self.progress, self.keys_button, stretch=0)
        self._again = side_by_side(self.again_button)
        self._offered = side_by_side(self.go_on_button, self.anew_button)
        self._state = side_by_side(self.said, self.last, stretch=0)
        lines = (self.cell, self.why, self.note, self._state)  # their room is kept: no button moves under the mouse
        for line in (self.cell, self.said):
            line.setMinimumHeight(line.fontMetrics().lineSpacing() + LINE_PX)
        self.why.setMinimumHeight(2 * self.why.fontMetrics().lineSpacing() + TWO_LINES_PX)  # as three doubts take
        self._working = (self._head, self.bar, *lines, self.buttons, self.many, self.list)
        for widget in (
            self.hint,
            self.offer,
            self._offered,
            self._head,
            self.bar,
            self.cell,
            self.why,
            self.note,
            self.scope,
            self.buttons,
        ):
            layout.addWidget(widget)
        for widget in (self._state, self.notice, self._again):
            layout.addWidget(widget)
        layout.addWidget(self.spots)
        layout.addWidget(self.many)
        layout.addWidget(self.legend)
        layout.addWidget(self.list, 1)
        layout.addStretch(0)

    def _connect(self) -> None:
        self._reviewer.changed.connect(self._draw)
        self._reviewer.replaced.connect(self._draw)
        self._active_tool.changed.connect(self._draw)
        self._reviewer.replaced.connect(self._offer_colours)
        self._colouring.changed.connect(self._offer_colours)
        self.colour.value_changed.connect(self._choose_colour)
        self.note.editingFinished.connect(self._write_note)
        self.note.left.connect(self._draw)
        self.note.left.connect(self.session.review_canvas.focus)
        self.scope.activated.connect(self._choose_scope)
        self.again_button.clicked.connect(self._show_again)
        self.go_on_button.clicked.connect(self._go_on)
        self.anew_button.clicked.connect(self._reviewer.begin_anew)
        self.keys_button.clicked.connect(self._show_keys)
        self.session.review_canvas.keys_wanted.connect(self._show_keys)

    def _write_note(self) -> None:
        reviewer, text = self._reviewer, self.note.text()
        if self.note.isModified() and reviewer.selection:
            self.note.setModified(False)
            reviewer.do(lambda annotation: set_note(annotation, reviewer.selection, text))

    def _choose_scope(self, row: int) -> None:
        self._reviewer.plane_only = bool(row)
        self.session.review_canvas.focus()

    def _choose_colour(self, by: str) -> None:
        self._colouring.choose(by)
        self.session.review_canvas.focus()

    def _offer_colours(self) -> None:
        self.colour.offer([Choice(title, by) for by, title in self._colouring.offers])
        self.colour.set_value(self._colouring.by)
        say(self.legend, self._colouring.legend)

    def _show_again(self) -> None:
        self.session.runner.show_again()
        self.session.review_canvas.focus()

    def _go_on(self) -> None:
        self._reviewer.go_on()
        self.session.review_canvas.focus()

    def _show_keys(self) -> None:
        KeysPage(self._reviewer, self).show()

    def _draw(self) -> None:
        view = resolve_review(self._reviewer, self._active_tool.tool)
        say(self.hint, view.hint)
        self.offer.show_message(view.offer)
        self._offered.setVisible(bool(view.offer))
        self.progress.setText(view.progress)
        for widget in self._working:
            widget.setVisible(not view.hint)
        self._draw_bar(view)
        self.cell.setText(view.cell)
        self.why.setText(view.why)
        set_tone(self.why, "attention" if view.doubtful else "aside")
        self._draw_note(view)
        self.scope.setVisible(view.stack)
        self.said.setText(view.said)
        failure = self.session.saver.failure if view.last else None
        self.notice.show_message(view.notice or (failure.message if failure is not None else ""))
        self._again.setVisible(bool(self._reviewer.editor.busy) and self._reviewer.annotation is not None)
        say(self.last, view.last if self._active_tool.tool is None else "")  # how to use a tool takes the row
        self.last.setToolTip("Save in tab 4: from then on each step is saved a moment after it was made")

    def _draw_bar(self, view: ReviewView) -> None:
        self.bar.setUpdatesEnabled(False)  # else Qt paints the whole window before it goes on
        self.bar.setRange(0, max(1, view.objects))
        self.bar.setValue(view.reviewed)
        self.bar.setUpdatesEnabled(True)

    def _draw_note(self, view: ReviewView) -> None:
        enable_unless("" if view.note is not None else NONE_CHOSEN, self.note)
        if not (self.note.hasFocus() and self.note.isModified()):
            with QSignalBlocker(self.note):
                self.note.setText(view.note or "")
