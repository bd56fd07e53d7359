"""The buttons of a review: one for each thing that can be done, with its key; the button of the tool in use is down."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_cellvino.gui.review import actions
from napari_cellvino.gui.review import pointer_tools as tools
from napari_cellvino.gui.review.actions import Action
from napari_cellvino.gui.review.keys import run_action
from napari_cellvino.gui.review.pointer_tools import PointerTool
from napari_cellvino.gui.shell.viewer_session import Session
from napari_cellvino.gui.widgets.form_layout import GAP

COLUMNS, FEW_COLUMNS = 5, 3  # the latter for names of classes, which are long
LONGEST_STEP, LONGEST_CLASS = 22, 13  # letters that fit on a button
SHIFT = "⇧"
Thing = Action | PointerTool

_OUTLINES: tuple[Thing, ...] = (
    actions.DELETE, actions.MERGE, tools.ADD, tools.DRAW, tools.LASSO,
    tools.SPLIT, tools.SEEDS, actions.WAIST, tools.OUTLINE, actions.FILL,
    actions.SMOOTH, actions.GROW, actions.SHRINK, actions.PLANES,
)  # fmt: skip


class ReviewButtons(QWidget):
    """Rows of buttons: the way through the queue, the tools for what is reviewed, its classes, undo and redo."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session, self._reviewer, self._active_tool = session, session.reviewer, session.review_canvas.active_tool
        self.of: dict[Thing, QPushButton] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        self._outlines = self._grid(_OUTLINES)
        self._boxes = self._grid((actions.DELETE_BOX, *tools.FOR_BOXES))
        self._classes = self._grid(actions.CLASSES, FEW_COLUMNS)
        for part in (self._grid(actions.REVIEWING), self._outlines, self._boxes):
            layout.addWidget(part)
        layout.addWidget(self._classes)
        layout.addWidget(self._grid(actions.HISTORY, 2))
        self._active_tool.changed.connect(self._draw)
        self._reviewer.changed.connect(self._draw)
        self._draw()

    def _grid(self, things: Sequence[Thing], columns: int = COLUMNS) -> QWidget:
        part = QWidget()
        grid = QGridLayout(part)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        for number, thing in enumerate(things):
            grid.addWidget(self._button(thing), number // columns, number % columns)
        for column in range(columns):
            grid.setColumnStretch(column, 1)
        return part

    def _button(self, thing: Thing) -> QPushButton:
        button = QPushButton(_title(thing))
        button.setProperty("role", "tool")
        button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        button.setToolTip(thing.tooltip)
        button.setAccessibleName(thing.tip)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys with the picture
        button.setCheckable(isinstance(thing, PointerTool))
        button.clicked.connect(partial(self.press, thing))
        self.of[thing] = button
        return button

    def press(self, thing: Thing) -> None:
        """Do what a button says, and leave the keys with the picture."""
        self._session.review_canvas.focus()
        if isinstance(thing, PointerTool):
            self._active_tool.take(thing)
        else:
            run_action(thing, self._reviewer, self._active_tool)
        self._draw()

    def _draw(self) -> None:
        annotation = self._reviewer.annotation
        boxes = annotation is not None and annotation.labels is None
        self._outlines.setVisible(not boxes)
        self._boxes.setVisible(boxes)
        for thing, button in self.of.items():
            if isinstance(thing, PointerTool):
                button.setChecked(thing is self._active_tool.tool)
        classes = annotation.classes if annotation is not None else ()
        self._classes.setVisible(len(classes) > 1)
        for number, action in enumerate(actions.CLASSES):
            button = self.of[action]
            button.setVisible(number < len(classes))
            name = classes[number] if number < len(classes) else ""
            button.setText(f"{_short(name, LONGEST_CLASS)} {SHIFT}{number + 1}" if name else "")
            button.setToolTip(f"Give the chosen cells the class {name} ({action.key})" if name else action.tooltip)
        self.of[actions.PLANES].setVisible(annotation is not None and len(annotation.shape) == 3)
        self.of[actions.MERGE].setDown(self._active_tool.tool is tools.MERGE_ALONG)
        for action, name in (
            (actions.UNDO, self._reviewer.editor.undo_name),
            (actions.REDO, self._reviewer.editor.redo_name),
        ):
            button = self.of[action]
            button.setEnabled(bool(name))
            button.setText(f"{action.title} {_short(name)}".strip())
            button.setToolTip(f"{name}: {action.tooltip}" if name else f"Nothing to {action.title.lower()} yet")


def _title(thing: Thing) -> str:
    return f"{thing.title} {thing.key.replace('Shift+', SHIFT)}" if "Ctrl" not in thing.key else thing.title


def _short(name: str, most: int = LONGEST_STEP) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"
