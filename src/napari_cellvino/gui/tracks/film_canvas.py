"""The picture of a tracked film: its layers, the cells that are chosen, the keys, and where it looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import napari
import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_cellvino.annotation import Annotation, Region
from napari_cellvino.gui.napari_bridge import Canvas, LayerRecipe
from napari_cellvino.gui.tracks.film_layers import FilmLayers
from napari_cellvino.tracking.film_annotation import frames_of
from napari_cellvino.tracking.link_film import LinkedFilm
from napari_cellvino.workflows.film import Film

GONE = "A layer of the film was deleted; its tracks and what you corrected are kept: show them again."
SET_BACK = "A layer of the film was changed outside CellVINO, and was set back; correct tracks with the buttons below."


class FilmCanvas(QObject):
    """Connects one tracked film with a viewer."""

    moved = Signal()  # to another frame
    disturbed = Signal(str)  # what became of the layers that somebody deleted or changed

    def __init__(self, viewer: napari.Viewer, clicked: Callable[[int, bool], None]) -> None:
        super().__init__()
        self._viewer = viewer
        self._layers = FilmLayers(viewer, clicked)
        self._layers.on_foreign = self._set_back
        self._drawn: tuple[LinkedFilm, NDArray[np.float64] | None] | None = None
        self._canvas: Canvas | None = None
        self._keys: Mapping[str, Callable[[], object]] = {}
        self._annotation: Annotation | None = None
        self._chosen: tuple[int, ...] = ()
        viewer.dims.events.point.connect(self._on_frame)
        viewer.layers.selection.events.active.connect(self._update_keys)
        viewer.layers.events.removed.connect(self._on_removed)

    def close(self) -> None:
        """Let go of the viewer."""
        self._viewer.dims.events.point.disconnect(self._on_frame)
        self._viewer.layers.selection.events.active.disconnect(self._update_keys)
        self._viewer.layers.events.removed.disconnect(self._on_removed)
        self._annotation = None
        if self._canvas is not None:
            self._canvas.close()
            self._canvas = None

    def bind(self, keys: Mapping[str, Callable[[], object]]) -> None:
        """Call functions by key while a layer of the film is selected."""
        self._keys = keys

    def show(self, film: Film, annotation: Annotation, images: tuple[LayerRecipe, ...]) -> None:
        """Show a film in the place of another one."""
        self._annotation, self._chosen = None, ()  # while layers go and come, frames are of neither film
        if self._canvas is None:
            self._canvas = Canvas(self._viewer)
            self._canvas.bind(self._keys)
        self._layers.show(film, annotation, images)
        self._annotation = annotation
        if self._layers.labels is not None:
            self._layers.labels.editable = False  # outlines are changed by edits that can be taken back
        self._update_keys()

    def draw(self, linked: LinkedFilm, colours: NDArray[np.float64] | None = None) -> None:
        """Show the tracks, and the labels, as they are now."""
        self._drawn = linked, colours
        self._layers.draw(linked, colours)
        self._layers.refresh()

    @property
    def is_lost(self) -> bool:
        """Whether a film is open of which a layer was deleted."""
        return self._annotation is not None and self._layers.is_lost

    def show_again(self) -> None:
        """Show the layers that were deleted, as they are now."""
        self._layers.show_again()
        if self._drawn is not None:
            self.draw(*self._drawn)
        self.focus()

    def _on_removed(self, _: object = None) -> None:
        if self.is_lost:
            self.disturbed.emit(GONE)

    def _set_back(self) -> None:
        if self._annotation is not None and self._drawn is not None:
            self.draw(*self._drawn)
            self.disturbed.emit(SET_BACK)

    @property
    def frame(self) -> int:
        """The frame that is shown, from 0."""
        return self._at(0)

    def _at(self, axis: int) -> int:
        """Return which frame, or for 1 which plane of a volume, is shown."""
        labels = self._layers.labels
        if labels is None:
            return 0
        at = round(float(labels.world_to_data(self._viewer.dims.point)[axis - labels.ndim]))
        return min(max(at, 0), int(labels.data.shape[axis]) - 1)

    def _plane(self) -> NDArray[np.int32]:
        """Return the labels (Y, X) that are shown."""
        pixels = self._annotation.pixels[self.frame] if self._annotation is not None else np.zeros((0, 0), np.int32)
        return pixels if pixels.ndim == 2 else pixels[self._at(1)]

    def focus(self) -> None:
        """Let the keys hold."""
        if self._canvas is not None and self._layers.labels in self._viewer.layers:
            self._viewer.layers.selection.active = self._layers.labels
            self._canvas.focus()

    def mark(self, tracks: Sequence[int]) -> None:
        """Draw round the cells of tracks in the frame that is shown."""
        self._chosen = tuple(tracks)
        if self._canvas is None or self._annotation is None or self._layers.labels is None:
            return
        plane = self._plane()
        outlines = [line for track in self._chosen for line in _outlines(plane == track)]
        self._canvas.mark([self._world(line) for line in outlines])
        if self._chosen:
            self._layers.select(self._chosen[0])

    def look_at(self, track: int, frame: int) -> None:
        """Show a track from near in a frame, or in the nearest that it is in."""
        if self._annotation is None or track not in self._annotation.records:
            return
        at = min(frames_of(self._annotation, track), key=lambda seen: abs(seen - frame))
        region = self._annotation.region([track], plane=at)
        tight = np.argwhere(self._annotation.pixels[region.slices][0] == track) + np.array(region.low[1:])
        if self._canvas is not None and len(tight):
            corners = np.column_stack([[at, at], np.stack([tight.min(axis=0), tight.max(axis=0) + 1])])
            corners[:, 1:-2] = np.round(corners[:, 1:-2].mean(axis=0))  # the middle plane of a volume
            self._canvas.look_at(*self._whole(corners))
        self.focus()

    def bring(self, region: Region) -> None:
        """Show where something was changed: in this frame, or in the nearest one that it was changed in."""
        if self._canvas is not None:
            corners = np.array([region.low, region.high], np.float64)
            corners[:, 0] = min(max(self.frame, region.low[0]), region.high[0] - 1)
            self._canvas.bring(*self._whole(corners))

    def _whole(self, corners: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        labels = self._layers.labels
        low, high = (np.asarray(labels.data_to_world(corner)) if labels is not None else corner for corner in corners)
        return low, high

    def _world(self, line: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points (P, 2) of a plane in the world's last two axes."""
        labels = self._layers.labels
        return line if labels is None else line * np.asarray(labels.scale)[-2:] + np.asarray(labels.translate)[-2:]

    def pixels_of(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points (P, 2) of the world's last two axes in px of a plane."""
        labels = self._layers.labels
        if labels is None:
            return points
        return np.asarray((points - np.asarray(labels.translate)[-2:]) / np.asarray(labels.scale)[-2:])

    def _on_frame(self, _: object = None) -> None:
        if self._annotation is not None:
            self.mark(self._chosen)
            self.moved.emit()

    def _update_keys(self, _: object = None) -> None:
        if self._canvas is not None:
            ours = (self._layers.labels, self._layers.tracks)
            active = self._viewer.layers.selection.active
            self._canvas.listen(keys=active is not None and active in ours)


def _outlines(mask: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """Return the outlines (P, 2) of a mask (Y, X) in px."""
    from skimage.measure import find_contours

    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return []
    cut = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return [line + np.array([rows[0] - 1, columns[0] - 1]) for line in find_contours(np.pad(cut.astype(float), 1), 0.5)]
