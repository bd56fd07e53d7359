"""The picture during a review: clicks choose cells, tools draw, chosen cells have a line round them, keys act."""

from __future__ import annotations

import napari
import numpy as np
from napari.layers import Image, Labels, Layer, Vectors
from napari.utils.events import Event
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal

from napari_cellvino.annotation import Annotation, Change, EditAction, Region
from napari_cellvino.annotation.paint_strokes import Stroke
from napari_cellvino.annotation.tools.boxes import boxes_at
from napari_cellvino.gui.napari_bridge import Canvas, ReviewLayer
from napari_cellvino.gui.review.active_tool import ActiveTool
from napari_cellvino.gui.review.cell_outlines import AT_FIRST, AT_ONCE, CellOutlines
from napari_cellvino.gui.review.keys import FILL_KEY, HIDE_KEY, bindings
from napari_cellvino.gui.review.outside_changes import OutsideChanges
from napari_cellvino.gui.review.pointer_tools import choose_along
from napari_cellvino.gui.review.review_controller import ReviewController
from napari_cellvino.gui.review.review_view import status_line
from napari_cellvino.gui.review.state_markers import ReviewSigns

READY = "Ready"  # what napari says where there is nothing to be said
OWN_KEYS = "cellvino_keys"  # in the metadata of a layer that has keys of its own
MOST_MARKED = 300  # cells that get a line round them
DRAWN_AT_ONCE = 1 << 21  # px of the layer
LOCKED = "the layer of the cells is locked; make it editable again (the padlock in the layer list)"
GONE = "the layer of the cells was deleted; what you corrected is kept: show the cells again (below)"


class ReviewCanvas(QObject):
    """Connects the review with the layer that shows its annotation, as long as there is one."""

    keys_wanted = Signal()  # the page of keys is asked for
    entered = Signal()  # a result is shown in its layer

    def __init__(self, viewer: napari.Viewer, reviewer: ReviewController) -> None:
        super().__init__()
        self._viewer, self._reviewer = viewer, reviewer
        self.canvas: Canvas | None = None
        self.layer: ReviewLayer | None = None
        self.active_tool = ActiveTool(reviewer)
        self.outside = OutsideChanges(reviewer.editor)
        self._signs: ReviewSigns | None = None
        self._outlines = CellOutlines()
        self._mark_more = QTimer(self)
        self._mark_more.setSingleShot(True)
        self._mark_more.timeout.connect(lambda: self._mark(AT_ONCE))
        self._stale: list[Region] = []  # of the layer, to be drawn again
        self._draw_more = QTimer(self)
        self._draw_more.setSingleShot(True)
        self._draw_more.timeout.connect(self._draw_stale)
        self._unsigned: list[Change] = []  # of many cells, whose signs are to follow
        self._sign_more = QTimer(self)
        self._sign_more.setSingleShot(True)
        self._sign_more.timeout.connect(self._sign_many)
        reviewer.changed.connect(self._mark)
        reviewer.changed.connect(self._tell)
        reviewer.edited.connect(self._show_edit)
        reviewer.looked_at.connect(self._look_at)
        self.active_tool.changed.connect(self._on_tool)
        self.active_tool.changed.connect(self._tell)
        self._told = ""  # in napari's status bar, which is seen beside any tab
        self._drawn_in: Layer | None = None  # another layer whose own tools may be in use
        viewer.layers.selection.events.active.connect(self._on_active_layer)
        viewer.mouse_drag_callbacks.append(self._on_press)
        viewer.layers.events.removed.connect(self._update_keys)
        viewer.dims.events.point.connect(self._on_plane)

    def close(self) -> None:
        """Let go of the viewer."""
        for timer in (self._mark_more, self._draw_more, self._sign_more):
            timer.stop()
        if self.canvas is not None:
            self.canvas.close()
            self.canvas = None
        self.leave()
        self._listen_to(None)
        self._viewer.layers.selection.events.active.disconnect(self._on_active_layer)
        self._viewer.mouse_drag_callbacks.remove(self._on_press)
        self._viewer.layers.events.removed.disconnect(self._update_keys)
        self._viewer.dims.events.point.disconnect(self._on_plane)

    def enter(self, layer: Labels | Vectors, seen: NDArray[np.int32] | None = None) -> None:
        """Review in this layer; ``seen`` are its labels in an array that nobody changes, if there is one."""
        if self._reviewer.editor.busy:
            self._reviewer.editor.busy, self._reviewer.editor.failure = "", None
            self._reviewer.changed.emit()
        if self.layer is None or self.layer.layer is not layer:
            self.leave()
            if self.canvas is None:
                self.canvas = Canvas(self._viewer)
                keys, tool_keys = bindings(self._reviewer, self.active_tool, self.keys_wanted.emit)
                self.canvas.bind(keys, {FILL_KEY: self._toggle_fill, HIDE_KEY: self._toggle_shown}, tool_keys)
            self.layer = ReviewLayer(layer)
            self.layer.clicked.connect(self._click)
            self.layer.clicked_twice.connect(self._click_again)
            self.layer.drawing.connect(self.active_tool.move)
            self.layer.drawn.connect(self._draw)
            self.layer.painted.connect(self._reviewer.editor.paint)
            self.layer.replaced.connect(self._check)
            self.layer.shown.connect(self._on_shown)
        self.outside.watch(self.layer, seen)
        self._on_plane()
        self._on_shown()
        self._update_keys()
        self.entered.emit()

    @property
    def unfinished(self) -> tuple[Stroke, ...]:
        """What is being painted now: seen already, and no edit yet."""
        return self.layer.unfinished if self.layer is not None else ()

    def leave(self) -> None:
        """Let go of the layer."""
        self.active_tool.drop()
        self.outside.watch(None)
        self._outlines = CellOutlines()
        self._stale.clear()
        if self.layer is not None:
            self.layer.close()
            self.layer = None
        self._update_keys()
        self._mark()
        self._on_shown()

    def focus(self) -> None:
        """Let the keys hold."""
        if self.canvas is not None:
            if self.layer is not None and self.layer.layer in self._viewer.layers:
                self._viewer.layers.selection.active = self.layer.layer
            self.canvas.focus()

    # -- what the user does

    def _click(self, point: NDArray[np.float64], add: bool) -> None:
        if self.active_tool.tool is not None and not add:
            self.active_tool.click(point)
            return
        annotation = self._reviewer.annotation
        id_ = _cell_at(annotation, point) if annotation is not None else 0
        if add and id_:
            self._reviewer.toggle(id_)
        elif not add:
            self._reviewer.select([id_] if id_ else [])

    def _click_again(self, point: NDArray[np.float64]) -> None:
        if self.active_tool.tool is not None:
            self.active_tool.click(point)

    def _toggle_fill(self) -> None:
        if self.layer is not None and not self.layer.toggle_fill():
            self._reviewer.editor.say("These cells are boxes and cannot be filled.")

    def _toggle_shown(self) -> None:
        if self.layer is not None:
            self.layer.toggle_shown()

    def _draw(self, path: NDArray[np.float64]) -> None:
        if self.active_tool.draws:
            self.active_tool.draw(path)
        elif self.active_tool.tool is None:
            choose_along(self._reviewer, path)
            self.active_tool.drop()

    def _on_tool(self) -> None:
        if self.layer is not None:
            if self.active_tool.tool is not None:
                self._viewer.layers.selection.active = self.layer.layer  # the one that hears the mouse
            self.layer.arm(drawing=self.active_tool.draws)
        self._update_keys()
        self._mark()

    def _on_active_layer(self, _: object = None) -> None:
        active = self._viewer.layers.selection.active
        ours = self.layer is not None and active is self.layer.layer
        self._listen_to(None if ours or getattr(active, "mode", None) is None else active)
        self._update_keys()

    def _listen_to(self, layer: Layer | None) -> None:
        """Take note of the tools of another layer."""
        if self._drawn_in is not None:
            self._drawn_in.events.mode.disconnect(self._update_keys)
        self._drawn_in = layer
        if layer is not None:
            layer.events.mode.connect(self._update_keys)

    @property
    def _rests_for(self) -> str:
        """The name of another layer that is drawn in now; its tools have keys of their own."""
        other = self._drawn_in
        busy = other is not None and (str(other.mode) != "pan_zoom" or OWN_KEYS in other.metadata)
        return str(other.name) if other is not None and busy else ""

    def _on_press(self, _: object, event: Event) -> None:
        """Choose a cell by a click whichever layer is selected: ours hears the mouse from this press on."""
        layer, annotation = self.layer, self._reviewer.annotation
        if layer is None or annotation is None or event.button != 1 or self._rests_for or not layer.layer.visible:
            return
        point = np.array(layer.layer.world_to_data(event.position)[-layer.layer.ndim :], np.float64)
        if self._viewer.layers.selection.active is not layer.layer and _cell_at(annotation, point):
            self._viewer.layers.selection.active = layer.layer

    def _update_keys(self, _: object = None) -> None:
        """Let the keys hold whichever layer is selected, unless another one is drawn in."""
        if self.layer is not None and self.layer.layer not in self._viewer.layers:
            self.outside.watch(None)
            self.layer.close()
            self.layer = None
            self.active_tool.drop()
            self._reviewer.editor.failure, self._reviewer.editor.busy = None, GONE
            self._reviewer.changed.emit()
            self._draw_markers()
        if self.canvas is not None:
            rests = self._rests_for if self.layer is not None else ""
            shown = self.layer is not None and not rests
            self.canvas.listen(keys=shown or self._says_why, looks=shown, tool=self.active_tool.tool is not None)
            if rests != self._reviewer.keys_rest_for:
                self._reviewer.keys_rest_for = rests
                self._reviewer.changed.emit()

    @property
    def _says_why(self) -> bool:
        """Whether keys say why they cannot act: no cells are shown, and no layer has such keys itself."""
        layers = self._viewer.layers
        free = isinstance(layers.selection.active, Image | None)
        return self.layer is None and free and not any(OWN_KEYS in layer.metadata for layer in layers)

    def _check(self) -> None:
        """Take note that the layer was locked, or given other pixels."""
        if self.layer is None or self._reviewer.annotation is None:
            return
        before, self._reviewer.editor.busy = self._reviewer.editor.busy, "" if self.layer.layer.editable else LOCKED
        self.outside.check()
        if self._reviewer.editor.busy != before:
            self._reviewer.changed.emit()

    # -- what is shown

    def _tell(self) -> None:
        """Say in napari's status bar what the Review tab says, for whoever looks at another one."""
        told, self._told = self._told, status_line(self._reviewer, self.active_tool.tool)
        if self._told != told and (self._told or self._viewer.status == told):  # no longer so: napari's own word
            self._viewer.status = self._told or READY

    def _on_shown(self) -> None:
        """Take note that the layer was hidden, or is shown again."""
        hidden = _why_hidden(self.layer) if self.layer is not None else ""
        if hidden != self._reviewer.cells_hidden:
            self._reviewer.cells_hidden = hidden
            self._reviewer.changed.emit()
        self._draw_markers()

    def _show_edit(self, change: Change) -> None:
        self._outlines.on_edit(change)
        self._unsigned.append(change)
        if len(change.changed) + len(change.added) + len(change.removed) <= MOST_MARKED:
            self._sign_many()
        else:  # after what is waiting to be done: the edit itself took a while
            self._sign_more.start(0)
        if change.replaced:
            self._stale.clear()  # the layer is given other labels, and drawn then
        if self.layer is None or change.region is None or change.replaced:
            return
        if change.pixels:
            bands = _bands(change.region)
            self._stale += bands
            if len(bands) == 1:
                self._draw_stale()
            else:  # of many cells: the edit itself took a while
                self._draw_more.start(0)
        if change.step is not EditAction.DO and self.canvas is not None:
            self.canvas.bring(*self._box(change.region))

    def _sign_many(self) -> None:
        """Bring the signs up to date with what was edited since."""
        changes, self._unsigned = self._unsigned, []
        if self._signs is not None and self._signs.annotation is self._reviewer.annotation:
            for change in changes:
                self._signs.on_event(change)
            self._draw_markers()

    def _draw_stale(self) -> None:
        """Draw a part of what was changed again, and the next one after what is waiting to be done."""
        if self.layer is not None and self._stale:
            self.layer.refresh(self._stale.pop(0))
        if self._stale:
            self._draw_more.start(0)

    def _look_at(self, region: Region) -> None:
        if self.layer is not None and self.canvas is not None:
            self.canvas.look_at(*self._box(region))

    def _box(self, region: Region) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the box of a region in the world, low and high (D,) each."""
        corners = self._world(np.array([region.low, region.high], np.float64) - 0.5)
        return corners.min(axis=0), corners.max(axis=0)

    def _world(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.layer.to_world(points) if self.layer is not None else points

    def _on_plane(self, _: object = None) -> None:
        """Take note of the plane that is shown."""
        annotation = self._reviewer.annotation
        stack = annotation is not None and len(annotation.shape) == 3 and self.layer is not None
        place = self.layer.layer.world_to_data(self._viewer.dims.point) if stack and self.layer is not None else None
        self._reviewer.plane = None if place is None else round(float(place[-3]))
        self._mark()
        self._draw_markers()

    def _draw_markers(self) -> None:
        """Draw what was said of the cells, where their layer is seen."""
        annotation, layer = self._reviewer.annotation, self.layer
        if self.canvas is None:
            return
        fits = annotation is not None and layer is not None and layer.layer.ndim == len(annotation.shape)
        if annotation is None or layer is None or not fits or not layer.layer.visible:
            self.canvas.sign(np.zeros((0, 2, 2)), np.zeros((0, 2)), np.zeros((0, 2)))
            return
        if self._signs is None or self._signs.annotation is not annotation:
            self._signs = ReviewSigns(annotation)
        lines = self._signs.lines(self._reviewer.plane)
        middles, beside = self._signs.dots(self._reviewer.plane)
        self.canvas.sign(self._flat(lines.reshape(-1, 2)).reshape(-1, 2, 2), self._flat(middles), self._flat(beside))

    def _flat(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points (P, 2) of the plane shown, in px, in the world's last two axes (P, 2)."""
        plane = self._reviewer.plane
        whole = points if plane is None else np.column_stack([np.full(len(points), plane), points])
        return self._world(whole)[:, -2:]

    def _mark(self, at_once: int = AT_FIRST) -> None:
        """Draw a line round the chosen cells, of which some have an outline already."""
        if self.canvas is None:
            return
        annotation, layer = self._reviewer.annotation, self.layer
        if annotation is None or layer is None:
            self.canvas.mark(())
            self.canvas.sketch()
            return
        there = annotation.records
        chosen = [id_ for id_ in self._reviewer.selection if id_ in there]
        marked = chosen[:MOST_MARKED]
        if not self._outlines.find(annotation, marked, self._reviewer.plane, at_once):
            self._mark_more.start(0)  # the others after what is waiting to be done
        outlines = self._outlines.known(marked)
        ends = np.cumsum([len(outline) for outline in outlines])
        self.canvas.mark(np.split(self._world(np.concatenate(outlines))[:, -2:], ends[:-1]) if outlines else ())
        line, seeds = self.active_tool.sketch, self.active_tool.points
        marks = [None if drawn is None or len(drawn) == 0 else self._world(np.array(drawn)) for drawn in (line, seeds)]
        self.canvas.sketch(*(None if drawn is None else drawn[:, -2:] for drawn in marks))
        if len(chosen) == 1:
            layer.select(chosen[0])


def _cell_at(annotation: Annotation, point: NDArray[np.float64]) -> int:
    """Return the cell at a point in px, 0 for the background and outside the image."""
    place = tuple(np.rint(point).astype(int).tolist())
    if not all(0 <= at < size for at, size in zip(place, annotation.shape, strict=True)):
        return 0
    if annotation.labels is None:
        return next(iter(boxes_at(annotation, (point[-2], point[-1]))), 0)
    return int(annotation.labels[place])


def _bands(region: Region) -> list[Region]:
    """Return a region in parts that are drawn at once, from top to bottom."""
    (*before, top, left), (*after, bottom, right) = region.low, region.high
    rows = max(1, DRAWN_AT_ONCE // max(1, right - left))
    starts = range(top, bottom, rows)
    return [Region((*before, y, left), (*after, min(y + rows, bottom), right)) for y in starts]


def _why_hidden(layer: ReviewLayer) -> str:
    """Return why the cells are not seen, and how they are; nothing where they are seen."""
    if layer.layer.visible:
        return ""
    plane = layer.plane_to_see
    here = "are hidden: press V to see them" if plane is None else f"are those of plane {plane + 1}: go there in z"
    return f"The cells {here}."
