"""The layer in which a result is reviewed: what is painted there becomes an edit, clicks and drawings are emitted.

The layer shows the very pixels of the annotation, so that napari's brush, fill, polygon and eraser write into it as
our tools do. Only the region that an edit touched is drawn again: napari's `Layer.refresh` takes time in proportion to
the image.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import nullcontext
from math import dist
from typing import Any

import numpy as np
from napari.layers import Labels, Vectors
from napari.utils import DirectLabelColormap
from napari.utils.colormaps import label_colormap
from napari.utils.events import Event
from numpy.typing import NDArray
from psygnal import Signal

from napari_cellvino.annotation.paint_strokes import Stroke
from napari_cellvino.annotation.region import Region
from napari_cellvino.gui.napari_bridge.cell_labels import CellLabels
from napari_cellvino.gui.napari_bridge.cell_paint import Paint
from napari_cellvino.gui.napari_bridge.layer_style import colour_lines, is_one_colour

OTHER_PLANE = "napari-cellvino: seen in plane"  # in the metadata of a layer that is hidden in the plane shown
FILLED_OPACITY = 0.5
CLICK_PX = 4  # of the canvas that the mouse may move in a click


class ReviewLayer:
    """Listens to one layer until it is closed."""

    painted = Signal(str, object)  # name, tuple[Stroke, ...]; the pixels are written already
    clicked = Signal(object, object)  # point (D,) in px of the layer, whether Shift was held
    clicked_twice = Signal(object)  # point (D,) of the second of two quick clicks, which is no `clicked`
    drawing = Signal(object)  # path (P, D) so far, while a tool that draws is armed or Shift is held
    drawn = Signal(object)  # the same at its end
    shown = Signal()  # or hidden
    replaced = Signal()  # somebody gave the layer other pixels, or locked it
    drawn_again = Signal()  # the whole layer, by whoever changed its pixels

    def __init__(self, layer: Labels | Vectors) -> None:
        self.layer = layer
        self._armed = False
        self._contour = 0  # the other way to show the cells
        self._own_colours: DirectLabelColormap | None = None  # of outlines that are filled now
        layer.mouse_drag_callbacks.append(self._follow)
        layer.mouse_double_click_callbacks.append(self._click_twice)
        layer.events.editable.connect(self._emit_replaced)
        layer.events.visible.connect(self._emit_shown)
        layer.events.data.connect(self._emit_replaced)
        layer.events.set_data.connect(self._emit_drawn)
        if isinstance(layer, Labels):
            layer.preserve_labels = True  # napari's brush and eraser leave the neighbours alone
            layer.events.paint.connect(self._paint)

    def close(self) -> None:
        """Listen no more; the layer stays as it is."""
        self.arm(drawing=False)
        self.layer.mouse_drag_callbacks.remove(self._follow)
        self.layer.mouse_double_click_callbacks.remove(self._click_twice)
        self.layer.events.editable.disconnect(self._emit_replaced)
        self.layer.events.visible.disconnect(self._emit_shown)
        self.layer.events.data.disconnect(self._emit_replaced)
        self.layer.events.set_data.disconnect(self._emit_drawn)
        if isinstance(self.layer, Labels):
            self.layer.events.paint.disconnect(self._paint)

    def arm(self, *, drawing: bool) -> None:
        """Let the next drag draw, or move the camera again."""
        if drawing == self._armed:
            return
        self._armed = drawing
        if drawing and isinstance(self.layer, Labels):
            self.layer.mode = "pan_zoom"
        self.layer.mouse_pan = not drawing

    @property
    def contour(self) -> int:
        """Width of the outlines in px; 0 where cells are filled, or boxes."""
        return int(self.layer.contour) if isinstance(self.layer, Labels) else 0

    def paint_cells(self, paint: Paint) -> None:
        """Give the cells their colours."""
        layer = self.layer
        if isinstance(layer, Vectors):
            colour_lines(layer, paint.sides)
            return
        self._own_colours, colours = None, paint.colormap
        if not self.contour and is_one_colour(colours):
            self._own_colours, colours = colours, label_colormap()
        ready = paint.texture if paint.contour == self.contour else None
        with layer.drawn(ready) if isinstance(layer, CellLabels) else nullcontext():
            layer.colormap = colours

    def toggle_fill(self) -> bool:
        """Fill the cells, or outline them again; return False where they are boxes."""
        if not isinstance(self.layer, Labels):
            return False
        filled = not self.layer.contour
        self.layer.contour, self._contour = self._contour, self.layer.contour
        self.layer.opacity = 1.0 if filled else FILLED_OPACITY
        if self._own_colours is not None or self._one_colour:
            mine = self._own_colours or label_colormap()
            self._own_colours, self.layer.colormap = (None if filled else self.layer.colormap), mine
        return True

    @property
    def _one_colour(self) -> bool:
        """Whether all outlines have one colour; those of classes have theirs, filled too."""
        return is_one_colour(self.layer.colormap)

    def toggle_shown(self) -> None:
        """Hide the cells, or show them again; those of one plane stay in it."""
        if self.plane_to_see is None:
            self.layer.visible = not self.layer.visible

    @property
    def plane_to_see(self) -> int | None:
        """The plane of the stack (from 0) in which the cells are seen, where another one is shown; else None."""
        plane = self.layer.metadata.get(OTHER_PLANE)
        return None if plane is None else int(plane)

    def put(self, labels: NDArray[np.int32]) -> None:
        """Let the layer show these labels (Z, Y, X) or (Y, X), whose pixels it shares, drawn anew."""
        if isinstance(self.layer, Labels):
            if self.layer.data is not labels:
                self.layer.data = labels
            self.layer._reset_history()  # of pixels that are gone
            self.layer.refresh()

    def select(self, id_: int) -> None:
        """Let napari's own tools paint with the number of a cell."""
        if isinstance(self.layer, Labels):
            self.layer.selected_label = id_

    @property
    def unfinished(self) -> tuple[Stroke, ...]:
        """What was painted with the mouse still down: the pixels are written already."""
        return tuple(_stroke(atom) for atom in self.layer._staged_history) if isinstance(self.layer, Labels) else ()

    def refresh(self, region: Region) -> None:
        """Draw a region again whose pixels were changed."""
        layer = self.layer
        if not isinstance(layer, Labels) or not layer.visible or not layer.loaded:
            return
        if len(layer._slice_input.displayed) == 3:
            layer.refresh(extent=False)
            return
        where = layer._get_update_slices(layer._expand_updated_slice_for_contour(region.slices))
        if where is not None:
            part = tuple(where[1])
            colours = layer._raw_to_displayed(layer._slice.image.raw, data_slice=part)
            layer._slice.image.view[part] = colours
            layer.events.labels_update(data=colours, offset=[axis.start for axis in part])

    def to_world(self, points: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return points (P, D) in px of the layer, in the viewer's world (P, D)."""
        origin = np.array(self.layer.data_to_world([0.0] * self.layer.ndim))
        units = np.array([self.layer.data_to_world(unit) for unit in np.eye(self.layer.ndim).tolist()]) - origin
        return np.asarray(points @ units + origin)

    def _follow(self, _: Labels | Vectors, event: Event) -> Generator[None]:
        if event.button != 1 or getattr(self.layer, "mode", "pan_zoom") != "pan_zoom":
            return
        path, start, shift, moved = [self._place(event)], tuple(event.pos), "Shift" in event.modifiers, 0.0
        self.layer.mouse_pan = not (self._armed or shift)
        yield
        while event.type == "mouse_move":
            moved = max(moved, dist(start, tuple(event.pos)))
            path.append(self._place(event))
            if self._armed or shift:
                self.drawing.emit(np.array(path))
            yield
        self.layer.mouse_pan = not self._armed
        if max(moved, dist(start, tuple(event.pos))) < CLICK_PX:
            self.clicked.emit(path[0], shift)
        elif self._armed or shift:
            self.drawn.emit(np.array([*path, self._place(event)]))

    def _click_twice(self, _: Labels | Vectors, event: Event) -> None:
        """Take the second of two quick clicks for a click where they are counted."""
        self.clicked_twice.emit(self._place(event))

    def _emit_shown(self, _: object = None) -> None:
        self.shown.emit()

    def _emit_drawn(self, _: object = None) -> None:
        self.drawn_again.emit()

    def _emit_replaced(self, _: object = None) -> None:
        self.replaced.emit()

    def _place(self, event: Event) -> NDArray[np.float64]:
        return np.array(self.layer.world_to_data(event.position)[-self.layer.ndim :], np.float64)

    def _paint(self, event: Event) -> None:
        strokes = tuple(_stroke(atom) for atom in event.value)
        self.layer._reset_history()  # ours is the one history: napari's would take back what is gone already
        numbers = {int(label) for stroke in strokes for label in np.unique(stroke.after)}
        name = "Erase" if numbers == {0} else "Paint " + ", ".join(f"#{number}" for number in sorted(numbers))
        self.painted.emit(name, strokes)


def _stroke(atom: tuple[Any, ...]) -> Stroke:
    """Return what napari remembers of one change: a box with a mask (`_MaskedPaintAtom`), or an index with values."""
    if len(atom) == 3:
        return Stroke(*atom)
    slices, mask, before, after = atom
    everywhere = np.ones(before.shape, bool) if mask is None else mask
    places = tuple(axis + part.start for axis, part in zip(np.nonzero(everywhere), slices, strict=True))
    return Stroke(places, before.reshape(-1), int(after))
