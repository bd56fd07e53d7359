"""Panel 3: what to look at next and why, what to do with it, and what was done last."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_cellvino.gui.notice import Notice
from napari_cellvino.gui.review_actions import HISTORY, REDO, SHAPE, UNDO, WALK, Action
from napari_cellvino.gui.review_view import ReviewView, resolve_review
from napari_cellvino.gui.rows import GAP, panel_layout, say, text_line
from napari_cellvino.gui.session import Session


class ReviewPanel(QWidget):
    """Draws the reviewer."""

    progress_changed = Signal(str)  # "41/163", or empty where nothing is reviewed yet

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._reviewer = session.reviewer
        layout = panel_layout(self)
        self.hint = text_line("aside")
        self.progress = text_line()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(6)
        self.cell = text_line()
        self.why = text_line("attention")
        self.notice = Notice()
        self.last = text_line("aside")
        self.buttons: dict[str, QPushButton] = {}
        self._rows = QWidget()
        rows = QVBoxLayout(self._rows)
        rows.setContentsMargins(0, 0, 0, 0)
        for actions in (WALK, SHAPE, HISTORY):
            rows.addWidget(self._row(actions))
        for widget in (self.hint, self.progress, self.bar, self.cell, self.why, self._rows, self.notice, self.last):
            layout.addWidget(widget)
        layout.addStretch(1)
        self._reviewer.changed.connect(self._draw)
        self._reviewer.replaced.connect(self._draw)
        self._draw()

    def _row(self, actions: Sequence[Action]) -> QWidget:
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        for action in actions:
            key = action.keys[0]
            shown = f"{action.title} {key}" if action not in HISTORY else action.title
            button = QPushButton(shown)
            button.setToolTip(action.words)
            button.setAccessibleName(action.tip)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys with the picture
            button.clicked.connect(partial(self._press, action))
            self.buttons[action.keys[0]] = button
            layout.addWidget(button)
        return row

    def _press(self, action: Action) -> None:
        action.run(self._reviewer)
        self.session.review_canvas.focus()

    def _draw(self) -> None:
        view = resolve_review(self._reviewer)
        say(self.hint, view.hint)
        say(self.progress, view.progress)
        self.bar.setVisible(bool(view.progress))
        self.bar.setRange(0, max(1, view.objects))
        self.bar.setValue(view.reviewed)
        say(self.cell, view.cell)
        say(self.why, view.why)
        self._rows.setVisible(not view.hint)
        self._draw_history(view)
        self.notice.show_words(view.notice)
        say(self.last, view.last)
        self.progress_changed.emit(view.title)

    def _draw_history(self, view: ReviewView) -> None:
        for action, name in ((UNDO, view.undo), (REDO, view.redo)):
            button = self.buttons[action.keys[0]]
            button.setEnabled(bool(name))
            button.setText(f"{action.title} {name}".strip())
            button.setToolTip(action.words if name else f"Nothing to {action.title.lower()} yet")
