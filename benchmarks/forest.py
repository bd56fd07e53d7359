"""A random forest on classical filters, as ilastik and Labkit have it, decoded to cells as a taught model is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from sklearn.ensemble import RandomForestClassifier

from napari_cellvino.core.recipe import Precision
from napari_cellvino.engines.engine import EngineInfo
from napari_cellvino.segmentation.heads.taught import TaughtHead
from napari_cellvino.segmentation.raw_maps import RawMaps

if TYPE_CHECKING:
    from benchmarks.teach import Kind

SIGMAS = (0.7, 1.0, 1.6, 3.5, 5.0, 10.0)  # ilastik's
NOWHERE = EngineInfo("none", Precision.EXACT, "none", "none")

Values = NDArray[np.float32]


def forest_labels(kind: Kind, strokes: NDArray[np.uint8], diameter_px: float) -> list[NDArray[np.integer]]:
    """Return the labels of all fields of a kind but the first."""
    y, x = np.nonzero(strokes)
    forest = RandomForestClassifier(100, class_weight="balanced", random_state=0, n_jobs=1)
    forest.fit(filtered(kind.fields[0][0])[:, y, x].T, strokes[y, x])
    return [_labels(forest, pixels, diameter_px) for pixels, _ in kind.fields[1:]]


def _labels(forest: RandomForestClassifier, pixels: NDArray[np.generic], diameter_px: float) -> NDArray[np.integer]:
    features = filtered(pixels)
    shape = features.shape[1:]
    cell, background, between = forest.predict_proba(features.reshape(len(features), -1).T).T.reshape(-1, *shape)
    maps = np.stack([cell / np.maximum(cell + background, 1e-6), between]).astype(np.float16)
    raw = RawMaps(maps, NOWHERE, 0, 0, shape, shape)
    values = {"outline": 0.5, "split": 0.5, "confidence": 0.6, "smallest": 0.15 * np.pi / 4 * diameter_px**2}
    return TaughtHead(True, 0).decode(raw, values).label_image()


def filtered(pixels: NDArray[np.generic]) -> Values:
    """Return ilastik's features (F, Y, X) of an image (C, Y, X): colour, edges and texture at each sigma."""
    parts = []
    for channel in pixels.astype(np.float32):
        low, high = np.percentile(channel, (1, 99.8))
        plane = (channel - low) / max(float(high - low), 1e-6)
        for sigma in SIGMAS:
            parts += _at(plane, sigma)
    return np.stack(parts).astype(np.float32)


def _at(plane: Values, sigma: float) -> list[Values]:
    smooth = ndi.gaussian_filter(plane, sigma)
    yy, xx, xy = (ndi.gaussian_filter(plane, sigma, order=order) for order in ((2, 0), (0, 2), (1, 1)))
    dy, dx = (ndi.gaussian_filter(plane, sigma, order=order) for order in ((1, 0), (0, 1)))
    tensor = [ndi.gaussian_filter(product, sigma * 0.5) for product in (dy * dy, dx * dx, dy * dx)]
    difference = smooth - ndi.gaussian_filter(plane, sigma * 0.66)
    return [smooth, yy + xx, np.hypot(dy, dx), difference, *_eigenvalues(yy, xx, xy), *_eigenvalues(*tensor)]


def _eigenvalues(yy: Values, xx: Values, xy: Values) -> list[Values]:
    middle, reach = (yy + xx) / 2, np.hypot((yy - xx) / 2, xy)
    return [middle + reach, middle - reach]
