"""What is reviewed of the image that is worked on, shown in its layer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.gui.napari_bridge import CellLook, ResultLayers, ResultName, ResultPlace, seen_in
from napari_cellvino.gui.open.open_controller import OpenController
from napari_cellvino.gui.review.review_canvas import ReviewCanvas
from napari_cellvino.gui.review.review_controller import ReviewController
from napari_cellvino.workflows.workspace import Workspace


class ResultDisplay:
    """Shows the annotation under review over the layer of its image, and lets it be corrected there."""

    def __init__(
        self,
        workspace: Workspace,
        opener: OpenController,
        layers: ResultLayers,
        reviewer: ReviewController,
        canvas: ReviewCanvas,
    ) -> None:
        self._workspace, self._opener, self._layers = workspace, opener, layers
        self._reviewer, self._canvas = reviewer, canvas

    def show(self, look: CellLook | None = None, seen: NDArray[np.int32] | None = None) -> None:
        """Show what is reviewed, in a layer that is made where there is none any more.

        ``look`` is how it looks, and ``seen`` its labels in an array that nobody changes, if these are there already.
        """
        workspace, picture, annotation = self._workspace, self._opener.picture, self._reviewer.annotation
        shown, stack = workspace.shown, workspace.stack
        if annotation is None or shown is None or stack is None:
            return
        title = shown.plane.origin.name
        name = ResultName(title, shown.label, shown.classes)
        place = ResultPlace(stack.planes, shown.plane, seen_in(shown.plane, shown.recipe.z_choice))
        if not self._layers.fits(annotation, place, title):
            self._canvas.leave()  # its layer makes room for one of another kind
        source = picture.source_layer() if picture is not None else None
        layer = self._layers.show(annotation, place, name, source, look)
        self._canvas.enter(layer, seen)
        self._reviewer.first_edit.prepare(self._canvas.outside.seen)
