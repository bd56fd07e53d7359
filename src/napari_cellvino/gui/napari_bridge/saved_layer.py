"""The saved outlines of a field that was not run in this window: seen, and not edited."""

from __future__ import annotations

import napari
from napari.layers import Image

from napari_cellvino.annotation import Annotation
from napari_cellvino.gui.napari_bridge.cell_labels import CellLabels
from napari_cellvino.gui.napari_bridge.cell_look import CellLook
from napari_cellvino.gui.napari_bridge.result_layers import inherited_space


class SavedLayer:
    """At most one layer of saved outlines."""

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._layer: CellLabels | None = None

    def show(self, annotation: Annotation, look: CellLook, title: str, source: Image) -> None:
        """Show the outlines over the layer ``source`` of their image; boxes are not shown."""
        self.remove()
        if annotation.labels is None:
            return
        active = self._viewer.layers.selection.active
        self._layer = CellLabels(
            annotation.labels,
            contour=look.contour,
            colormap=look.colormap,
            texture=look.texture,
            name=f"{title}: cells (saved)",
            features=look.features,
            **inherited_space(source, annotation.labels.ndim),
        )
        self._layer.editable = False
        with self._layer.drawn(look.texture):
            self._viewer.add_layer(self._layer)
        self._viewer.layers.selection.active = active

    def remove(self) -> None:
        """Take the layer away."""
        if self._layer is not None and self._layer in self._viewer.layers:
            self._viewer.layers.remove(self._layer)
        self._layer = None
