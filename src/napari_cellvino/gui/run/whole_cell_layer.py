"""The outlines of whole cells round the nuclei that are shown, made anew as sliders move and nuclei are corrected."""

from __future__ import annotations

from functools import partial

import napari
import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal

from napari_cellvino.annotation import Annotation
from napari_cellvino.gui.napari_bridge.outline_layer import outline_layer
from napari_cellvino.gui.napari_bridge.result_layers import inherited_space
from napari_cellvino.gui.open.open_controller import OpenController
from napari_cellvino.gui.review.review_controller import ReviewController
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.results.field_result import grow_cells
from napari_cellvino.segmentation.predict_field import volume_of
from napari_cellvino.workflows.workspace import Workspace

SETTLE_MS = 150  # after the last slider or edit
COLOUR = (0.8, 0.47, 0.65, 1.0)  # purple of Okabe and Ito


class WholeCellLayer(QObject):
    """Shows one layer while the result shown has whole cells."""

    grown = Signal()  # the whole cells are others

    def __init__(
        self,
        viewer: napari.Viewer,
        workspace: Workspace,
        opener: OpenController,
        reviewer: ReviewController,
        worker: SerialWorker,
    ) -> None:
        super().__init__()
        self._viewer, self._workspace, self._opener = viewer, workspace, opener
        self._reviewer, self._worker = reviewer, worker
        self.layer: Labels | None = None
        self._grown: tuple[Annotation, NDArray[np.int32]] | None = None
        self._task = Task()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLE_MS)
        self._timer.timeout.connect(self._grow)
        reviewer.edited.connect(self._update)
        workspace.outcome_changed.connect(self._update)
        workspace.saved_changed.connect(self._update)

    def close(self) -> None:
        """Listen no more; the layer stays as it is."""
        self._timer.stop()
        self._task.stop()
        self._workspace.outcome_changed.disconnect(self._update)
        self._workspace.saved_changed.disconnect(self._update)

    def cells_of(self, annotation: Annotation) -> NDArray[np.int32] | None:
        """Return the whole cells (Y, X) or (Z, Y, X) of an annotation, once they were grown; they follow its edits."""
        return self._grown[1] if self._grown is not None and self._grown[0] is annotation else None

    def _update(self, _: object = None) -> None:
        shown = self._workspace.shown
        if shown is not None and shown.recipe.whole_cells is not None:
            self._timer.start()
        else:
            self._timer.stop()
            self._task.stop()
            self._remove()

    def _grow(self) -> None:
        annotation, shown, outcome = self._reviewer.annotation, self._workspace.shown, self._workspace.outcome
        if annotation is None or shown is None:
            return
        volume = None if outcome is None else volume_of(outcome.prediction)
        self._task.stop()
        self._task = Task(done=partial(self._show, annotation), failed=lambda _: self._remove())
        self._worker.start(lambda: grow_cells(annotation, shown.plane, volume), self._task)

    def _show(self, annotation: Annotation, cells: NDArray[np.int32] | None) -> None:
        picture = self._opener.picture
        if cells is None or annotation is not self._reviewer.annotation or picture is None:
            self._remove()
            return
        if self.layer is not None and self.layer.ndim == cells.ndim and self.layer in self._viewer.layers:
            self.layer.data = cells
        else:
            self._remove()
            self._add(annotation.provenance.origin.name, picture.source_layer(), cells)
        self._grown = annotation, cells
        self.grown.emit()

    def _add(self, name: str, source: Image | None, cells: NDArray[np.int32]) -> None:
        active = self._viewer.layers.selection.active
        space = inherited_space(source, cells.ndim)
        self.layer = outline_layer(cells, f"{name}: whole cells", COLOUR, width=1, space=space)
        self._viewer.add_layer(self.layer)
        self._viewer.layers.selection.active = active

    def _remove(self) -> None:
        if self.layer is not None and self.layer in self._viewer.layers:
            self._viewer.layers.remove(self.layer)
        self.layer = self._grown = None
