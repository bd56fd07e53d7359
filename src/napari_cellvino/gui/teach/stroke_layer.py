"""The layer that strokes are painted in with napari's own brush, and the one that shows what came of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import napari
import numpy as np
from napari.layers import Image, Labels
from napari.utils import DirectLabelColormap
from numpy.typing import NDArray
from psygnal import Signal

from napari_cellvino.gui.napari_bridge.outline_layer import outline_layer
from napari_cellvino.gui.napari_bridge.result_layers import inherited_space
from napari_cellvino.training.teach.viewed_part import Box

BRUSH_PX = 5
FOUND = (1.0, 1.0, 1.0, 1.0)
WHOLE_PX = 1_600_000  # an image up to this size is looked at as a whole
MOST_PX = 2_000_000  # of a larger one, at most so much of what is in view

Kinds = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class PaintedKind:
    """What a stroke says: its number in stroke files, its name, the key that chooses it, and its colour."""

    number: int
    title: str
    key: str
    colour: tuple[int, int, int]  # of Okabe and Ito: they differ for colour-blind eyes too


KINDS = (
    PaintedKind(1, "Cell", "C", (86, 180, 233)),
    PaintedKind(2, "Background", "G", (213, 94, 0)),
    PaintedKind(3, "Between", "T", (240, 228, 66)),
)
CLASS_COLOURS = ((0, 158, 115), (204, 121, 167), (0, 114, 178), (230, 159, 0), (255, 255, 255))


def kind_of_class(number: int, name: str) -> PaintedKind:
    """Return what is painted for a class, counted from 0."""
    return PaintedKind(len(KINDS) + 1 + number, name, "", CLASS_COLOURS[number % len(CLASS_COLOURS)])


class StrokeLayer:
    """One layer of strokes (Y, X) or (Z, Y, X) over an image, in its place in space, until it is closed."""

    changed = Signal(object)  # a copy of the strokes
    refused = Signal()  # somebody replaced them by what does not fit, and they were set back
    chosen = Signal(int)  # the number to paint with, by whatever means

    def __init__(
        self, viewer: napari.Viewer, source: Image, kinds: Kinds, name: str, keys: Mapping[str, Callable[[], None]]
    ) -> None:
        self._viewer = viewer
        self._seen = kinds.copy()
        self.layer = Labels(kinds, name=name, opacity=0.8, **inherited_space(source, kinds.ndim))
        self.layer.brush_size = BRUSH_PX
        self.layer.colormap = _colours()
        viewer.add_layer(self.layer)
        for key, call in keys.items():
            self.layer.bind_key(key, lambda _, call=call: call(), overwrite=True)
        for event in (self.layer.events.paint, self.layer.events.set_data, self.layer.events.labels_update):
            event.connect(self._check)
        self.layer.events.selected_label.connect(self._emit_chosen)
        viewer.layers.selection.active = self.layer

    @property
    def is_there(self) -> bool:
        """Whether the user left the layer in the list."""
        return self.layer in self._viewer.layers

    def choose(self, number: int) -> None:
        """Paint with a kind from now on."""
        self.layer.selected_label = number
        self.layer.mode = "paint"
        self._viewer.layers.selection.active = self.layer

    def cursor(self) -> tuple[int, ...]:
        """Return the pixel under the mouse."""
        place = self.layer.world_to_data(self._viewer.cursor.position[-self.layer.ndim :])
        return tuple(round(float(at)) for at in place)

    def close(self) -> None:
        """Take the layer away."""
        for event in (self.layer.events.paint, self.layer.events.set_data, self.layer.events.labels_update):
            event.disconnect(self._check)
        self.layer.events.selected_label.disconnect(self._emit_chosen)
        if self.is_there:
            self._viewer.layers.remove(self.layer)

    def _check(self, _: object = None) -> None:
        """Tell of strokes that were painted, erased, or taken back."""
        painted = np.asarray(self.layer.data)
        if painted.shape != self._seen.shape or painted.dtype != self._seen.dtype:
            self.layer.data = self._seen.copy()
            self.refused.emit()
        elif not np.array_equal(painted, self._seen):
            self._seen = painted.copy()
            self.changed.emit(self._seen)

    def _emit_chosen(self, _: object = None) -> None:
        self.chosen.emit(int(self.layer.selected_label))


class FoundLayer:
    """Outlines of what the strokes made a model find, in a part of an image."""

    def __init__(self, viewer: napari.Viewer, source: Image, name: str) -> None:
        self._viewer, self._space = viewer, inherited_space(source, 2)
        self.layer = outline_layer(np.zeros((1, 1), np.int32), name, FOUND, width=2, space=self._space)
        viewer.add_layer(self.layer)

    def show(self, labels: NDArray[np.int32], box: Box) -> None:
        """Show labels of a part of the image."""
        offset = self._space["rotate"] @ (np.asarray(self._space["scale"]) * np.array(box[:2]))
        self.layer.data = labels
        self.layer.translate = np.asarray(self._space["translate"]) + offset

    def close(self) -> None:
        """Take the layer away."""
        if self.layer in self._viewer.layers:
            self._viewer.layers.remove(self.layer)


def box_in_view(source: Image, shape: tuple[int, int], *, whole: bool) -> Box:
    """Return the part of an image (Y, X) to look at: all of a small one, else what is in view, or its middle."""
    if whole or shape[0] * shape[1] <= WHOLE_PX:
        return 0, 0, *shape
    low, high = (np.clip(corner[-2:], 0, shape) for corner in np.asarray(source.corner_pixels))
    size = np.maximum(high - low, 64)
    side = np.minimum(size, np.sqrt(MOST_PX * size / size[::-1])).astype(int)
    start = np.clip((low + high) // 2 - side // 2, 0, np.maximum(np.array(shape) - side, 0))
    stop = np.minimum(start + side, shape)
    return int(start[0]), int(start[1]), int(stop[0]), int(stop[1])


def _colours() -> DirectLabelColormap:
    painted: dict[int | None, Any] = {kind.number: np.array([*kind.colour, 255]) / 255 for kind in KINDS}
    for number in range(len(CLASS_COLOURS)):
        kind = kind_of_class(number, "")
        painted[kind.number] = np.array([*kind.colour, 255]) / 255
    return DirectLabelColormap(color_dict=painted | {0: np.zeros(4), None: np.ones(4)})
