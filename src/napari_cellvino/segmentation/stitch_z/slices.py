"""The 2D objects of each plane of a stack, with all that z-stitching needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.objects import Objects
from napari_cellvino.segmentation.heads import Decoded


@dataclass(frozen=True, slots=True)
class Slices:
    """Labels (Z, Y, X) int32 with ids from 1 in each plane, and one row per 2D object, plane by plane.

    ``first`` (Z + 1,) is the row of each plane's first object; ``box``, ``centroid``, ``area_px`` and ``score`` are as
    in `Objects`; ``brightness`` is the mean of the normalised pixels in the object, 0 at the background level.
    ``cut_px`` is as of `Decoded`.
    """

    labels: NDArray[np.int32]
    first: NDArray[np.intp]
    box: NDArray[np.int32]
    centroid: NDArray[np.float32]
    area_px: NDArray[np.int32]
    score: NDArray[np.float32]
    brightness: NDArray[np.float32]
    cut_px: float = 0

    @classmethod
    def from_objects(
        cls,
        labels: NDArray[np.int32],
        found: Sequence[Objects],
        brightness: Sequence[NDArray[np.float32]],
        cut_px: float = 0,
    ) -> Slices:
        """Return the slices with the objects of each plane and their brightness (N,); ``cut_px`` as of `Decoded`."""
        return cls(
            labels,
            np.concatenate([[0], np.cumsum([len(objects) for objects in found])]).astype(np.intp),
            np.concatenate([objects.box for objects in found]),
            np.concatenate([objects.centroid for objects in found]),
            np.concatenate([objects.area_px for objects in found]),
            np.concatenate([objects.score for objects in found]),
            np.concatenate(brightness),
            cut_px,
        )

    @property
    def plane(self) -> NDArray[np.intp]:
        """The plane (from 0) of each object (N,)."""
        return np.repeat(np.arange(len(self.labels)), np.diff(self.first))


def mean_brightness(decoded: Decoded, normalised: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the mean normalised intensity (N,) of each object of a plane; ``normalised`` are its pixels (Y, X)."""
    labels, count = decoded.label_image(), len(decoded.objects)
    where = np.flatnonzero(labels)
    total = np.bincount(labels.reshape(-1)[where], normalised.reshape(-1)[where], minlength=count + 1)[1:]
    return (total / np.maximum(decoded.objects.area_px, 1)).astype(np.float32)
