"""The picture during a review: clicks choose cells, chosen cells have a line round them, keys act on them."""

from __future__ import annotations

from functools import partial

import napari
import numpy as np
from napari.layers import Labels, Vectors
from numpy.typing import NDArray
from qtpy.QtCore import QObject

from napari_cellvino.annotation import Annotation, Change, Region, Step
from napari_cellvino.annotation.tools.boxes import boxes_at
from napari_cellvino.gui._bridge import Canvas, ReviewLayer
from napari_cellvino.gui.review_actions import ALL
from napari_cellvino.gui.reviewer import Reviewer


class ReviewCanvas(QObject):
    """Connects a reviewer with the layer that shows its annotation, as long as there is one."""

    def __init__(self, viewer: napari.Viewer, reviewer: Reviewer) -> None:
        super().__init__()
        self._viewer, self._reviewer = viewer, reviewer
        self.canvas: Canvas | None = None
        self.layer: ReviewLayer | None = None
        reviewer.changed.connect(self._mark)
        reviewer.edited.connect(self._show_edit)
        reviewer.looked_at.connect(self._look_at)
        viewer.layers.selection.events.active.connect(self._heed)
        viewer.layers.events.removed.connect(self._heed)
        viewer.dims.events.point.connect(self._mark)

    def close(self) -> None:
        """Let go of the viewer."""
        self.leave()
        self._viewer.layers.selection.events.active.disconnect(self._heed)
        self._viewer.layers.events.removed.disconnect(self._heed)
        self._viewer.dims.events.point.disconnect(self._mark)
        if self.canvas is not None:
            self.canvas.close()
            self.canvas = None

    def enter(self, layer: Labels | Vectors | None) -> None:
        """Review in this layer."""
        if layer is None or (self.layer is not None and self.layer.layer is layer):
            self._heed()
            return
        self.leave()
        if self.canvas is None:
            self.canvas = Canvas(self._viewer)
            self.canvas.bind({key: partial(a.run, self._reviewer) for a in ALL for key in a.keys})
        self.layer = ReviewLayer(layer)
        self.layer.clicked.connect(self._click)
        self.layer.painted.connect(self._reviewer.paint)
        self._heed()

    def leave(self) -> None:
        """Let go of the layer."""
        if self.layer is not None:
            self.layer.close()
            self.layer = None
        self._heed()
        self._mark()

    def focus(self) -> None:
        """Let the keys hold."""
        if self.canvas is not None:
            self.canvas.focus()

    # -- what the user does

    def _click(self, point: NDArray[np.float64], add: bool) -> None:
        annotation = self._reviewer.annotation
        id_ = _cell_at(annotation, point) if annotation is not None else 0
        if add and id_:
            self._reviewer.toggle(id_)
        elif not add:
            self._reviewer.select([id_] if id_ else [])

    def _heed(self, _: object = None) -> None:
        """Let the keys hold while our layer is the active one: others have keys of their own."""
        if self.layer is not None and self.layer.layer not in self._viewer.layers:
            self.layer.close()
            self.layer = None
            self._mark()
        if self.canvas is not None:
            active = self._viewer.layers.selection.active
            self.canvas.listen(keys=self.layer is not None and active is self.layer.layer)

    # -- what is shown

    def _show_edit(self, change: Change) -> None:
        if self.layer is None or change.region is None:
            return
        if change.pixels:
            self.layer.refresh(change.region)
        if change.step is not Step.DO and self.canvas is not None:
            self.canvas.bring(*self._box(change.region))

    def _look_at(self, region: Region) -> None:
        if self.layer is not None and self.canvas is not None:
            self.canvas.look_at(*self._box(region))

    def _box(self, region: Region) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the box of a region in the world, low and high (D,) each."""
        assert self.layer is not None
        corners = self.layer.to_world(np.array([region.low, region.high], np.float64) - 0.5)
        return corners.min(axis=0), corners.max(axis=0)

    def _mark(self, _: object = None) -> None:
        if self.canvas is None:
            return
        annotation, layer = self._reviewer.annotation, self.layer
        if annotation is None or layer is None:
            self.canvas.mark(())
            return
        plane = self._plane(annotation)
        chosen = [id_ for id_ in self._reviewer.selection if id_ in annotation.records]
        outlines = [outline for id_ in chosen for outline in _outlines(annotation, id_, plane)]
        self.canvas.mark([layer.to_world(outline)[:, -2:] for outline in outlines])
        if len(chosen) == 1:
            layer.select(chosen[0])

    def _plane(self, annotation: Annotation) -> int | None:
        """Return the plane that is shown of a stack, None of a single plane."""
        if len(annotation.shape) == 2 or self.layer is None:
            return None
        return round(float(self.layer.layer.world_to_data(self._viewer.dims.point)[-3]))


def _cell_at(annotation: Annotation, point: NDArray[np.float64]) -> int:
    """Return the cell at a point in px, 0 for the background and outside the image."""
    place = tuple(np.rint(point).astype(int).tolist())
    if not all(0 <= at < size for at, size in zip(place, annotation.shape, strict=True)):
        return 0
    if annotation.labels is None:
        return next(iter(boxes_at(annotation, (point[-2], point[-1]))), 0)
    return int(annotation.labels[place])


def _outlines(annotation: Annotation, id_: int, plane: int | None) -> list[NDArray[np.float64]]:
    """Return the outlines of a cell in a plane, (P, D) each, in px."""
    from skimage.measure import find_contours

    region = annotation.geometry(id_).region.in_plane(plane)
    if region.empty:
        return []
    shape = region.shape[-2:]
    mask = np.ones(shape) if annotation.labels is None else annotation.labels[region.slices].reshape(shape) == id_
    contours = find_contours(np.pad(mask.astype(float), 1), 0.5)
    before = () if plane is None else (float(plane),)
    return [
        np.column_stack([*(np.full(len(c), z) for z in before), c + np.asarray(region.low[-2:]) - 1]) for c in contours
    ]
