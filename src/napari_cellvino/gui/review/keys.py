"""The keys of a review: what each one calls, and a page that names them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from html import escape

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog, QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from napari_cellvino.gui.review import actions
from napari_cellvino.gui.review import pointer_tools as tools
from napari_cellvino.gui.review.active_tool import ActiveTool
from napari_cellvino.gui.review.pointer_tools import PointerTool
from napari_cellvino.gui.review.review_controller import ReviewController
from napari_cellvino.gui.review.state_markers import Sign

WIDTH, HEIGHT = 400, 640  # px, as the dock, beside which it may stay
Calls = dict[str, Callable[[], None]]
KEYS_PAGE, FILL_KEY, HIDE_KEY = "?", "F", "V"
_MOUSE = (
    ("Click", "Choose a cell"),
    ("Shift+Click", "Choose one more, or one less"),
    ("Shift+Drag", "Choose all cells under the line"),
    ("PgDn  PgUp", "Go to the next field of the work list, or to the one before"),
)
_SIGNS = (
    (Sign.REVIEWED.value, "Reviewed: accepted or edited"),
    (f"{Sign.EXCLUDED}  {Sign.REJECTED}", "Excluded, rejected: these do not count"),
)
_NAPARI = (
    ("P  E", "Brush, eraser: they change the chosen cell and leave its neighbours alone"),
    ("M", "A new number, to paint a new cell"),
    ("Space", "Move the picture while it is held"),
)


def bindings(reviewer: ReviewController, active_tool: ActiveTool, show_page: Callable[[], None]) -> tuple[Calls, Calls]:
    """Return what each key calls: always, and while a tool is in use."""
    acts = (*actions.REVIEWING, *actions.FOR_OUTLINES, actions.PLANES, *actions.HISTORY, *actions.CLASSES)
    calls: Calls = {action.key: partial(run_action, action, reviewer, active_tool) for action in acts}
    for key in dict.fromkeys(tool.key for tool in (*tools.FOR_OUTLINES, *tools.FOR_BOXES)):
        calls[key] = partial(_take, key, reviewer, active_tool)
    calls[KEYS_PAGE] = calls[f"Shift+{KEYS_PAGE}"] = show_page
    return calls, {"Esc": active_tool.drop, "Return": active_tool.finish, "Enter": active_tool.finish}


def run_action(action: actions.Action, reviewer: ReviewController, active_tool: ActiveTool) -> None:
    """Do what an action does; Merge of fewer than two takes a line across the cells."""
    few = len(reviewer.selection) < 2
    active_tool.drop()
    action.run(reviewer)
    if action is actions.MERGE and few and reviewer.annotation is not None:
        said = reviewer.editor.failure.message if reviewer.editor.failure is not None else ""
        active_tool.take(tools.MERGE_ALONG)
        reviewer.editor.say(said)


def fitting(reviewer: ReviewController) -> tuple[PointerTool, ...]:
    """Return the tools for what is reviewed: outlines or boxes."""
    boxes = reviewer.annotation is not None and reviewer.annotation.labels is None
    return tools.FOR_BOXES if boxes else tools.FOR_OUTLINES


def _take(key: str, reviewer: ReviewController, active_tool: ActiveTool) -> None:
    tool = next((tool for tool in fitting(reviewer) if tool.key == key), None)
    if tool is not None:
        active_tool.take(tool)
    else:
        reviewer.editor.say("These cells are boxes and have no outlines; this tool is for outlines.")


class KeysPage(QDialog):
    """All keys on one page; it may stay open beside the work."""

    def __init__(self, reviewer: ReviewController, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys of the review")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        layout = QVBoxLayout(self)
        label = QLabel(page_text(reviewer))
        label.setTextFormat(Qt.TextFormat.RichText)
        label.setWordWrap(True)
        label.setFixedWidth(WIDTH)
        page = QScrollArea()
        page.setWidget(label)
        page.setWidgetResizable(True)
        page.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        page.setFrameShape(QFrame.Shape.NoFrame)
        layout.addWidget(page)
        self.resize(WIDTH + 50, HEIGHT)


def page_text(reviewer: ReviewController) -> str:
    """Return the table of keys as rich text, for what is reviewed now."""
    annotation = reviewer.annotation
    boxes = annotation is not None and annotation.labels is None
    stack = annotation is not None and len(annotation.shape) == 3
    acts = (*actions.REVIEWING, *((actions.DELETE_BOX,) if boxes else actions.FOR_OUTLINES), *actions.HISTORY)
    acts += (actions.PLANES,) if stack else ()
    ours = [(thing.key, thing.tip) for thing in (*acts, *fitting(reviewer))]
    ours += [("Shift+1 … 9", "Give the chosen cells a class"), ("Enter, Esc", "End what is being drawn, or drop it")]
    ours += [] if boxes else [(FILL_KEY, "Fill the cells, or outline them")]
    ours += [(HIDE_KEY, "Hide or show the cells"), ("Alt+1 … 8", "Go to a tab"), (KEYS_PAGE, "This page")]
    rows = [*_MOUSE, *ours, *(() if boxes else _NAPARI), *_SIGNS]
    return f"<p>Keys hold while the picture has the focus.</p>{_table(rows)}"


def _table(rows: list[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><td><b>{escape(k)}</b>&nbsp;&nbsp;</td><td>{escape(t)}</td></tr>" for k, t in rows)
    return f'<table cellpadding="3">{cells}</table>'
