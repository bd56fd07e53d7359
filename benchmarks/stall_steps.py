"""What a user does in the window once a field of thousands of cells stands, step by step, to see how long each takes.

Each function takes a window and what measures a step until the window is at rest, and returns the stalls by name.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari_cellvino.gui.cells.cells_panel import CellsPanel
    from napari_cellvino.gui.shell.window import CellvinoWindow
    from napari_cellvino.gui.widgets.value_combo import ValueCombo

AT_ONCE = 5_000  # cells that are accepted, classified or deleted at once
LASSO = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9), (0.1, 0.5))  # shares of the axes of the plot
DRAGS, DRAG_MS = 24, 25  # places that a slider is drawn to and fro, and the time between two

Stall = TypeVar("Stall", covariant=True)


class Longest(Protocol[Stall]):
    """Makes a step and returns its longest stall until the window is at rest."""

    def __call__(self, step: Callable[[], object]) -> Stall:
        """Return the longest stall of a step."""


def many_at_once(window: CellvinoWindow, longest: Longest[Stall]) -> dict[str, Stall]:
    """Return the stalls of what is done to thousands of cells of the field under review."""
    from napari_cellvino.gui.review import actions

    reviewer, stalls = window.session.reviewer, {}
    annotation = reviewer.annotation
    some, known = sorted(annotation.records)[:AT_ONCE], annotation.classes
    stalls[f"choosing {len(some):,}"] = longest(lambda: reviewer.select(some))
    annotation.classes = (*known, "another")  # shipped models of outlines know one class
    for name, action in (
        ("accepting", actions.ACCEPT), ("undoing", actions.UNDO), ("redoing", actions.REDO),
        ("giving a class to", actions.class_action(len(known) + 1)), ("undoing the class of", actions.UNDO),
        ("deleting", actions.DELETE), ("undoing to delete", actions.UNDO),
    ):  # fmt: skip
        if not reviewer.selection:
            reviewer.select(some)
        stalls[f"{name} {len(some):,}"] = longest(partial(action.run, reviewer))
    annotation.classes = known
    return stalls


def of_the_list(window: CellvinoWindow, longest: Longest[Stall]) -> dict[str, Stall]:
    """Return the stalls of listing, sorting and colouring the cells of the field."""
    from napari_cellvino.gui.review.cell_table import AREA
    from napari_cellvino.gui.review.cursor import Order

    listed, session = window.review_panel.list, window.session
    return {
        "listing those not looked at": longest(lambda: _choose(listed.state, 1)),
        "listing all again": longest(lambda: _choose(listed.state, 0)),
        "sorting by size": longest(lambda: listed.table.horizontalHeader().sortIndicatorChanged.emit(AREA, _down())),
        "order from left to right": longest(lambda: session.reviewer.queue.go_by(Order.PLACE, 50)),
        "pictures of the queue": longest(lambda: listed.tabs.setCurrentIndex(1)),
        "back to the table": longest(lambda: listed.tabs.setCurrentIndex(0)),
        "colouring by size": longest(lambda: session.colouring.choose(session.colouring.offers[2][0])),
        "colouring by state": longest(lambda: session.colouring.choose("state")),
        "one colour again": longest(lambda: session.colouring.choose("")),
    }


def of_all_cells(window: CellvinoWindow, longest: Longest[Stall]) -> dict[str, Stall]:
    """Return the stalls of what is done to the cells of all saved fields."""
    session, stalls = window.session, {}
    docks = session.viewer.window
    stalls["opening all cells"] = longest(session.cells_wanted.emit)
    panel = docks.dock_widgets["All cells"].findChild(_cells_panel())
    stalls["plotting another measure"] = longest(lambda: _choose(panel.y, 3))
    places = panel.plot.axes.transData.inverted().transform(panel.plot.axes.transAxes.transform(LASSO))
    stalls["a lasso over all cells"] = longest(lambda: panel.plot.drawn.emit([tuple(xy) for xy in places]))
    stalls["pictures of all cells"] = longest(panel.gallery.scrollToBottom)
    stalls["sorting the pictures"] = longest(lambda: _choose(panel.sort, 1))
    for name, button, said in (
        ("accepting in all cells", panel.accept_button, "Accept: "),
        ("undoing in all cells", panel.undo_button, "Undone: Accept"),
        ("a gate over all cells", panel.leave_out_button, "1 gate in the recipe, applied to 1 field"),
        ("taking the gate away", panel.undo_button, "0 gates in the recipe, applied to 1 field"),
    ):
        stalls[name] = longest(button.click)
        if session.cells.failure is not None or not session.cells.said.startswith(said):
            raise RuntimeError(f"{name} was not done: {session.cells.failure or session.cells.said or 'nothing said'}")
    docks.remove_dock_widget(docks.dock_widgets["All cells"].parent())
    return stalls


def of_the_window(window: CellvinoWindow, longest: Longest[Stall]) -> dict[str, Stall]:
    """Return the stalls of tabs, themes and windows beside."""
    session, stalls = window.session, {}
    theme = session.viewer.theme
    other = "light" if theme == "dark" else "dark"
    for tab in range(3, window.tabs.count()):
        stalls[f"opening {window.tabs.tabText(tab).split()[-1]}"] = longest(partial(window.show_step, tab + 1))
    window.show_step(2)
    stalls["opening the card"] = longest(window.run_panel.card_button.click)
    stalls["another theme"] = longest(lambda: setattr(session.viewer, "theme", other))
    stalls["the theme again"] = longest(lambda: setattr(session.viewer, "theme", theme))
    return stalls


def of_closing(window: CellvinoWindow, longest: Longest[Stall]) -> dict[str, Stall]:
    """Return the stall of closing the window while steps are not saved anywhere, which is not done."""
    from napari_cellvino.gui.shell.unsaved_changes_guard import Answer

    session, asked = window.session, list[object]()
    with patch.object(session.close_guard, "ask", lambda left: asked.append(left) or Answer.STAY):
        stall = longest(session.viewer.window._qt_window.close)
    if len(asked) != 1:
        raise RuntimeError("nobody was asked about the steps that are not saved")
    return {"closing with unsaved steps": stall}


def of_a_slider(window: CellvinoWindow, longest: Longest[Stall]) -> dict[str, Stall]:
    """Return the stall of a slider that is drawn to and fro, and of going back to what was kept."""
    from qtpy.QtCore import QTimer

    window.show_step(2)
    slider = window.run_panel.sliders.rows["confidence"].slider
    low, high = slider.value(), slider.value() + (slider.maximum() - slider.minimum()) // 8

    def drag() -> None:
        slider.setSliderDown(True)
        for number in range(DRAGS):
            at = low + (high - low) * abs((number % 8) - 4) // 4
            QTimer.singleShot(DRAG_MS * number, partial(slider.setValue, at))
        QTimer.singleShot(DRAG_MS * DRAGS, partial(slider.setSliderDown, False))

    return {
        "a slider to and fro": longest(drag),
        "back to what was kept": longest(window.session.runner.discard_preview),
    }


def of_the_end(window: CellvinoWindow, longest: Longest[Stall], pixels: NDArray[np.generic]) -> dict[str, Stall]:
    """Return the stalls of exporting, of a run on what was corrected, and of another image while a run goes on."""
    session = window.session
    stalls = {"exporting for ImageJ": longest(partial(session.exporter.export, "imagej", overwrite=True))}
    stalls["running again on what was corrected"] = longest(session.runner.run)
    session.viewer.add_image(pixels, name="beside")
    beside = next(picture for picture in session.opener.pictures.listed() if picture.name == "beside")

    def leave_at_first_step(_: object, __: object) -> None:
        session.runner.progressed.disconnect(leave_at_first_step)
        session.opener.choose(beside)

    session.runner.progressed.connect(leave_at_first_step)
    stalls["another image in the middle of a run"] = longest(session.runner.run)
    return stalls


def _choose(combo: ValueCombo[object], row: int) -> None:
    """Choose as a user does."""
    combo.setCurrentIndex(row)
    combo.activated.emit(row)


def _cells_panel() -> type[CellsPanel]:
    from napari_cellvino.gui.cells.cells_panel import CellsPanel

    return CellsPanel


def _down() -> object:
    from qtpy.QtCore import Qt

    return Qt.SortOrder.DescendingOrder
