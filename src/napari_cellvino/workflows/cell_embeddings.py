"""What a network makes of each cell: its inner maps, averaged over the cell, as features of a profile.

No network was trained for it: the models that find cells have learnt what tells them apart, in maps at several scales.

References
----------
Pawlowski et al. 2016, "Automating morphological profiling with generic deep convolutional networks".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.image import Plane
from napari_cellvino.model_package import ModelPackage
from napari_cellvino.segmentation.contrast import contrast_of

if TYPE_CHECKING:
    from napari_cellvino.training.teach.features import FeatureEngine

PLACES = 64  # pixels of a cell that are looked at, spread over it
SEED = 37


class CellEmbeddings:
    """Runs the inner maps of one model over planes; compiled once per number of channels."""

    def __init__(self, package: ModelPackage, *, device: str = "AUTO") -> None:
        self._package, self._device = package, device
        self._engines: dict[int, FeatureEngine] = {}

    def of(self, labels: NDArray[np.integer], ids: NDArray[np.int64], plane: Plane) -> dict[str, NDArray[np.float64]]:
        """Return the features (N,) by name (``Cells_Network_<n>``) of the cells ``ids`` (N,) of a plane.

        Raises
        ------
        ModelPackageError
            If the model is no U-Net of one channel, which has such maps.
        """
        from napari_cellvino.training.teach.features import FeatureEngine, TiledPlane  # loads OpenVINO
        from napari_cellvino.training.teach.package import NORMALISATION

        channels = len(plane.pixels)
        if channels not in self._engines:
            self._engines[channels] = FeatureEngine([self._package], channels, device=self._device)
        at, cell = _places(labels, ids)
        if not len(at):
            return {}
        reference = self._package.spec.diameter_px.reference
        zoom = reference / max(2 * float(np.sqrt(np.median(np.bincount(labels.ravel())[ids]) / np.pi)), 1.0)
        seen = contrast_of(plane.pixels, NORMALISATION)
        found = TiledPlane(seen, float(np.clip(zoom, 0.25, 4.0))).sample(at, self._engines[channels])
        sums = np.zeros((len(ids), found.shape[1]))
        np.add.at(sums, cell, found)
        means = sums / np.maximum(np.bincount(cell, minlength=len(ids)), 1)[:, None]
        return {f"Cells_Network_{n}": means[:, n] for n in range(means.shape[1])}


def _places(labels: NDArray[np.integer], ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pixels (M, 2) of cells, up to 64 of each, and the row (M,) of ``ids`` that each belongs to."""
    from skimage.measure import regionprops

    rng, at, rows = np.random.default_rng(SEED), [], []
    cells = {cell.label: cell for cell in regionprops(labels)}
    for row, id_ in enumerate(ids.tolist()):
        pixels = cells[id_].coords
        taken = pixels if len(pixels) <= PLACES else rng.choice(pixels, PLACES, replace=False)
        at.append(taken)
        rows.append(np.full(len(taken), row))
    none = np.zeros((0, 2), np.int64)
    return np.concatenate([none, *at]).astype(np.int64), np.concatenate([none[:, 0], *rows]).astype(np.int64)
