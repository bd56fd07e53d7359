"""The layers of a tracked film: its images where they are not shown yet, its cells by track, and the tracks."""

from __future__ import annotations

from collections.abc import Callable

import napari
import numpy as np
from napari.layers import Labels, Layer, Tracks
from napari.utils.events import Event
from numpy.typing import NDArray

from napari_cellvino.annotation import Annotation
from napari_cellvino.gui.napari_bridge import LayerRecipe, layer_space
from napari_cellvino.gui.review.review_canvas import OWN_KEYS
from napari_cellvino.tracking.link_film import LinkedFilm
from napari_cellvino.workflows.film import Film

TAIL = 12  # frames of a track that are drawn behind a cell
OPACITY = 0.45


class FilmLayers:
    """Draws one tracked film in a viewer; ``clicked`` hears a track (0 for none) and whether Shift was held."""

    def __init__(self, viewer: napari.Viewer, clicked: Callable[[int, bool], None]) -> None:
        self._viewer, self._clicked = viewer, clicked
        self.labels: Labels | None = None
        self.tracks: Tracks | None = None
        self._shown: list[Layer] = []
        self._pixels: NDArray[np.int32] | None = None  # of the labels
        self._drawing = False
        self.on_foreign: Callable[[], None] = lambda: None  # somebody gave a layer other data

    def show(self, film: Film, annotation: Annotation, images: tuple[LayerRecipe, ...]) -> None:
        """Show a film, in the place of another one; ``images`` are layers of it that are not there yet."""
        self.remove()
        space = layer_space(film.first)
        axes = annotation.pixels.ndim - 1
        space = {key: values[-axes:] for key, values in space.items()}
        space = {
            "scale": [1.0, *space["scale"]],
            "units": ["pixel", *space["units"]],
            "axis_labels": ["t", *space["axis_labels"]],
        }
        for image in images:
            self._shown += _listed(self._viewer.add_image(image.data, **image.arguments))
        self.labels = self._viewer.add_labels(
            annotation.pixels,
            name=f"{film.name}: cells by track",
            opacity=OPACITY,
            metadata={OWN_KEYS: True},
            **space,
        )
        self.tracks = self._viewer.add_tracks(
            np.zeros((1, 2 + axes)),
            name=f"{film.name}: tracks",
            tail_length=TAIL,
            head_length=0,
            metadata={OWN_KEYS: True},
            **space,
        )
        self._shown += [self.labels, self.tracks]
        self._pixels = self.labels.data
        for layer in (self.labels, self.tracks):
            layer.events.data.connect(self._on_data)
        self.labels.mouse_drag_callbacks.append(self._on_press)
        self._viewer.layers.selection.active = self.labels

    @property
    def is_lost(self) -> bool:
        """Whether somebody deleted the cells or the tracks."""
        ours = (self.labels, self.tracks)
        return any(layer is not None and layer not in self._viewer.layers for layer in ours)

    def show_again(self) -> None:
        """Show what was deleted."""
        for layer in (self.labels, self.tracks):
            if layer is not None and layer not in self._viewer.layers:
                self._viewer.add_layer(layer)

    def _on_data(self, _: object = None) -> None:
        """Set the labels back, and tell of it, unless this was drawn by us."""
        if self._drawing or self.labels is None:
            return
        if self.labels.data is not self._pixels:
            self._drawing = True
            self.labels.data = self._pixels
            self._drawing = False
        self.on_foreign()

    def remove(self) -> None:
        """Take the layers away."""
        for layer in self._shown:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self._shown, self.labels, self.tracks, self._pixels = [], None, None, None

    def draw(self, film: LinkedFilm, colours: NDArray[np.float64] | None = None) -> None:
        """Show the tracks as they are now, coloured by a value of each track's points (P,) or by track."""
        if self.tracks is None:
            return
        self._drawing = True
        rows = film.rows()
        points = np.column_stack([rows.track, rows.frame, rows.of([cells.centroids for cells in film.frames])])
        self.tracks.graph = {}
        if self.tracks.color_by != "track_id":
            self.tracks.color_by = "track_id"  # the values go with the points
        self.tracks.data = points if len(points) else np.zeros((1, 2 + film.frames[0].dimensions))
        self.tracks.graph = {daughter: [mother] for daughter, mother in film.tracks.parents.items()}
        if colours is not None and len(colours) == len(points):
            self.tracks.properties = {"value": colours}
            self.tracks.color_by = "value"
        self._drawing = False

    def refresh(self) -> None:
        """Show the labels as they are now."""
        if self.labels is not None:
            self.labels.refresh()

    def select(self, track: int) -> None:
        """Let napari's brush paint this track."""
        if self.labels is not None and track:
            self.labels.selected_label = track

    def _on_press(self, layer: Labels, event: Event) -> None:
        if event.button == 1 and str(layer.mode) == "pan_zoom":
            value = layer.get_value(event.position, view_direction=event.view_direction, world=True)
            self._clicked(int(value or 0), "Shift" in event.modifiers)


def _listed(made: Layer | list[Layer]) -> list[Layer]:
    return made if isinstance(made, list) else [made]
