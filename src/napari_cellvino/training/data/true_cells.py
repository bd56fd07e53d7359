"""The true cells of a field as boxes and centres, whichever way they were marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_cellvino.training.data.datasets import LabelledImage


@dataclass(frozen=True, slots=True)
class TrueCells:
    """One entry per cell: ``id`` (N,) in the labels, or from 1; class (N,); box and centre in px.

    ``box`` (N, 4) is half-open, y0, x0, y1, x1; ``centre`` (N, 2) is y, x, pixel centres on integers.
    """

    id: NDArray[np.int64]
    class_index: NDArray[np.int32]
    box: NDArray[np.float64]
    centre: NDArray[np.float64]


def true_cells(field: LabelledImage, classes: Sequence[str], min_area: int = 0) -> TrueCells:
    """Return the cells of a field: its boxes, or those round its labels of at least ``min_area`` px.

    For a model of one class, all cells are of that class.

    Raises
    ------
    TrainingDataError
        If the model tells classes apart and the field does not, or the field has a class that the model does not know.
    """
    if field.boxes is None and len(classes) == 1:
        return _labelled_cells(field.true_labels(), min_area)
    boxes = field.true_boxes()
    corners = boxes.yxyx.astype(np.float64)
    class_index = boxes.class_index(classes) if len(classes) > 1 else np.zeros(len(corners), np.int32)
    return TrueCells(np.arange(1, len(corners) + 1), class_index, corners, (corners[:, :2] + corners[:, 2:] - 1) / 2)


def _labelled_cells(labels: NDArray[np.integer], min_area: int) -> TrueCells:
    ids, dense = np.unique(labels, return_inverse=True)
    dense = dense.reshape(labels.shape) + int(ids[0] != 0)
    area = np.bincount(dense.ravel(), minlength=1)
    kept = np.flatnonzero(area[1:] >= max(min_area, 1)) + 1
    places = ndi.find_objects(dense)
    boxes = [[p.start for p in places[k - 1]] + [p.stop for p in places[k - 1]] for k in kept]
    centres = ndi.center_of_mass(np.ones(dense.shape, np.uint8), dense, kept)
    return TrueCells(
        ids[kept - int(ids[0] != 0)].astype(np.int64),
        np.zeros(len(kept), np.int32),
        np.array(boxes, np.float64).reshape(-1, 4),
        np.array(centres, np.float64).reshape(-1, 2),
    )
