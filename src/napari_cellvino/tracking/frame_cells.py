"""What linking needs of the cells of a frame: centroids, areas, where they touch the edge; in 2D and 3D."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class FrameCells:
    """The cells of one frame.

    Attributes
    ----------
    image
        Label image (Y, X) or (Z, Y, X).
    labels
        Labels (N,) that occur.
    centroids
        Their centroids in px, (N, D).
    areas
        Their sizes in px, (N,).
    at_edge
        Which touch the edge of the image, (N,).
    """

    image: NDArray[np.integer]
    labels: NDArray[np.int64]
    centroids: NDArray[np.float64]
    areas: NDArray[np.int64]
    at_edge: NDArray[np.bool_]

    @property
    def diameter(self) -> float:
        """Diameter of a disc, or ball, of the median size, in px."""
        if not len(self.areas):
            return 0.0
        size, dimensions = float(np.median(self.areas)), self.image.ndim
        return float(2 * np.sqrt(size / np.pi) if dimensions == 2 else (6 * size / np.pi) ** (1 / 3))


def frame_cells(image: NDArray[np.integer]) -> FrameCells:
    """Return the cells of a label image (Y, X) or (Z, Y, X)."""
    where = np.nonzero(image)
    values = image[where].astype(np.int64)
    sizes = np.bincount(values, minlength=1)
    labels = np.flatnonzero(sizes)
    sums = [np.bincount(values, axis, minlength=1)[labels] / sizes[labels] for axis in where]
    centroids = np.stack(sums, 1) if len(labels) else np.zeros((0, image.ndim))
    edge = np.zeros(len(sizes), bool)
    for axis in range(image.ndim - 2, image.ndim):  # a stack is cut in y and x only
        for end in (0, -1):
            edge[np.take(image, end, axis)] = True
    return FrameCells(image, labels, centroids, sizes[labels], edge[labels])
