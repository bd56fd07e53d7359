"""The tour of the Review panel: every tool before and after, and the queue."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from mouse_and_keys import drag, key, tab
from numpy.typing import NDArray
from qtpy.QtCore import Qt

from napari_cellvino.gui.shell.window import CellvinoWindow

Shoot = Callable[[str], None]
Tool = Callable[[CellvinoWindow, Callable[[], None]], None]
Place = NDArray[np.float64]
SHIFT = Qt.KeyboardModifier.ShiftModifier


def tour_review(window: CellvinoWindow, shoot: Shoot) -> None:
    """Every tool before and after, then the queue; each tool is undone, so that the next one finds the same cells."""
    tab(window, 3)
    shoot("3_review_ready")
    key(window, "N")
    shoot("3_review_next")
    panel, reviewer = window.review_panel, window.session.reviewer
    by_size = sorted(reviewer.annotation.records, key=lambda id_: -reviewer.annotation.geometry(id_).area)
    for name, work in _TOOLS.items():
        reviewer.show_cell(by_size[1])
        key(window, "Escape")
        work(window, partial(shoot, f"3_tool_{name}_before"))
        shoot(f"3_tool_{name}_after")
        while reviewer.editor.undo_name:
            reviewer.editor.undo()
    _queue(window, shoot)
    panel.many.fold.unfold(True)
    panel.many.limit.setValue(300)
    shoot("3_review_many")
    panel.many.fold.unfold(False)


def _queue(window: CellvinoWindow, shoot: Shoot) -> None:
    """Show accepted, excluded and rejected cells in the picture, table and gallery; a random sample."""
    panel = window.review_panel
    reviewer = window.session.reviewer
    for number, id_ in enumerate(_central(window)[:24]):
        reviewer.select([id_])
        key(window, "AQRA"[number % 4])
    reviewer.select([])
    window.session.viewer.reset_view()
    shoot("3_queue_states")
    window.session.review_canvas.canvas.look_at(*_middle_of(window))
    shoot("3_queue_near")
    panel.list.tabs.setCurrentIndex(1)
    shoot("3_queue_gallery")
    panel.list.tabs.setCurrentIndex(0)
    panel.list.doubt.setCurrentIndex(panel.list.doubt.findText("touches the edge"))
    panel.list.doubt.activated.emit(0)
    shoot("3_queue_filter")
    panel.list.doubt.setCurrentIndex(0)
    panel.list.doubt.activated.emit(0)
    panel.list.order.setCurrentIndex(1)
    panel.list.order.activated.emit(1)
    key(window, "N")
    for _ in range(3):
        key(window, "A")
    shoot("3_queue_sample")


def _central(window: CellvinoWindow) -> list[int]:
    """Return the cells, those in the middle of the image first."""
    annotation = window.session.reviewer.annotation
    middle = np.array(annotation.shape[-2:]) / 2
    away = {i: np.hypot(*(np.array(annotation.geometry(i).centroid[-2:]) - middle)) for i in annotation.records}
    return sorted(away, key=lambda id_: float(away[id_]))


def _middle_of(window: CellvinoWindow) -> tuple[Place, Place]:
    """Return a box of the world round the middle of the cells' layer."""
    layer = window.session.review_canvas.layer.layer
    shape = np.array(layer.data.shape)
    return np.array(layer.data_to_world(shape * 0.45)), np.array(layer.data_to_world(shape * 0.55))


# -- the tools of the review: what is done with the chosen cell


def _by_key(name: str) -> Tool:
    def use(window: CellvinoWindow, before: Callable[[], None]) -> None:
        before()
        key(window, name)

    return use


def _drawn(name: str, line: Callable[[CellvinoWindow], list[tuple[float, float]]]) -> Tool:
    """Return a tool that is drawn with; the picture before is taken as the line ends."""

    def use(window: CellvinoWindow, before: Callable[[], None]) -> None:
        key(window, name)
        drag(window, *line(window), end=before)

    return use


def _box(window: CellvinoWindow) -> tuple[float, float, float, float]:
    """Return the box of the chosen cell: y0, x0, y1, x1."""
    reviewer = window.session.reviewer
    region = reviewer.annotation.geometry(reviewer.selection[0]).region
    return (*region.low, *region.high)


def _upright(window: CellvinoWindow) -> list[tuple[float, float]]:
    y0, x0, y1, x1 = _box(window)
    return [(y0 - 2, (x0 + x1) / 2), (y1 + 1, (x0 + x1) / 2)]


def _round(window: CellvinoWindow, *, times: float = 1.0) -> list[tuple[float, float]]:
    """Return points of an ellipse round the chosen cell."""
    y0, x0, y1, x1 = _box(window)
    turns = np.linspace(0, 2 * np.pi, 25)
    ys = (y0 + y1) / 2 + times * (y1 - y0) / 2 * np.sin(turns)
    xs = (x0 + x1) / 2 + times * (x1 - x0) / 2 * np.cos(turns)
    return list(zip(ys.tolist(), xs.tolist(), strict=True))


def _merge(window: CellvinoWindow, before: Callable[[], None]) -> None:
    """Put together again what a line has split."""
    key(window, "S")
    drag(window, *_upright(window))
    before()
    key(window, "G")


def _merge_along(window: CellvinoWindow, before: Callable[[], None]) -> None:
    key(window, "S")
    upright, (y0, x0, y1, x1) = _upright(window), _box(window)
    drag(window, *upright)
    window.session.reviewer.select([])
    key(window, "G")
    drag(window, ((y0 + y1) / 2, x0 + 2), ((y0 + y1) / 2, x1 - 3), end=before)


def _seeds(window: CellvinoWindow, before: Callable[[], None]) -> None:
    y0, x0, y1, x1 = _box(window)
    key(window, "W")
    drag(window, ((y0 + y1) / 2, x0 + (x1 - x0) / 4))
    drag(window, ((y0 + y1) / 2, x1 - (x1 - x0) / 4))
    before()
    key(window, "Return")


def _shape(window: CellvinoWindow, before: Callable[[], None]) -> None:
    """Split where two cells that touch were taken for one."""
    y0, x0, y1, x1 = _box(window)
    window.session.reviewer.select([])
    key(window, "P")
    layer, place = window.session.review_canvas.layer.layer, ((y0 + y1) / 2, x1 + 0.42 * (x1 - x0))
    layer.selected_label, layer.brush_size = int(layer.data[round(place[0]), round((x0 + x1) / 2)]), round(y1 - y0)
    drag(window, place)
    layer.mode = "pan_zoom"
    drag(window, ((y0 + y1) / 2, (x0 + x1) / 2))
    before()
    key(window, "T")


def _add(window: CellvinoWindow, before: Callable[[], None]) -> None:
    y0, x0, y1, x1 = _box(window)
    key(window, "D")
    key(window, "K")
    before()
    drag(window, ((y0 + y1) / 2, (x0 + x1) / 2))


def _draw(window: CellvinoWindow, before: Callable[[], None]) -> None:
    outline = _round(window)
    key(window, "D")
    key(window, "K", SHIFT)
    drag(window, *outline, end=before)


def _brush(window: CellvinoWindow, before: Callable[[], None]) -> None:
    outline = _round(window, times=0.5)
    key(window, "D")
    before()
    key(window, "M")
    key(window, "P")
    window.session.review_canvas.layer.layer.brush_size = 12
    drag(window, *outline)
    window.session.review_canvas.layer.layer.mode = "pan_zoom"


def _holes(window: CellvinoWindow, before: Callable[[], None]) -> None:
    """Fill a hole that the eraser made."""
    y0, x0, y1, x1 = _box(window)
    layer = window.session.review_canvas.layer.layer
    key(window, "E")
    layer.brush_size = 8
    drag(window, ((y0 + y1) / 2, (x0 + x1) / 2))
    layer.mode = "pan_zoom"
    before()
    key(window, "H")


def _lasso(window: CellvinoWindow, before: Callable[[], None]) -> None:
    outline = _round(window, times=3.5)
    window.session.reviewer.select([])
    key(window, "L", SHIFT)
    drag(window, *outline, end=before)


_TOOLS: dict[str, Tool] = {
    "delete": _by_key("D"),
    "merge": _merge,
    "merge_along": _merge_along,
    "split": _drawn("S", _upright),
    "seeds": _seeds,
    "shape": _shape,
    "add": _add,
    "draw": _draw,
    "brush": _brush,
    "outline": _drawn("O", partial(_round, times=0.8)),
    "fill": _holes,
    "grow": _by_key("Period"),
    "shrink": _by_key("Comma"),
    "lasso": _lasso,
}
