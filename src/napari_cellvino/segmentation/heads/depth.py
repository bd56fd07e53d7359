"""Instances of any shape from a foreground map and a map of depth: how far from the own cell's edge a pixel lies.

Depth is 1 along the ridge of a cell and 0 at its edge, also where cells touch, whatever their size. Hills of depth are
cells; two hills are one where the saddle between them is nearly as deep as the lower top. Pixels of the foreground go
to the hill that water would flow to. Maps are decoded at the size that the network saw, where cells have the
model's own size, and labels are enlarged afterwards and cut to the enlarged foreground: that is fast for large cells.

References
----------
Naylor et al. 2019, "Segmentation of nuclei in histopathology images by deep regression of the distance map"; Vincent
1993, "Morphological grayscale reconstruction in image analysis".
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.measure import label as connected_components
from skimage.morphology import local_maxima, reconstruction
from skimage.segmentation import expand_labels, watershed

from napari_cellvino.model_package import ModelSpec
from napari_cellvino.segmentation.heads.bands import above, decode_in_bands, filter_objects
from napari_cellvino.segmentation.heads.connected_components import close_holes, keep_largest_pieces
from napari_cellvino.segmentation.heads.head import Decoded, check_fit, instance_parameters
from napari_cellvino.segmentation.raw_maps import RawMaps
from napari_cellvino.segmentation.rescale import resize_map

SMOOTHING = 1.0  # px: what the network leaves of ripples on a ridge
LOWEST_TOP = 0.15  # depth of a hill that is a cell of its own

Maps = NDArray[np.float16]


class DepthHead:
    """Foreground probability, depth (0 to 1) and diameter (px) to labels."""

    name = "depth"
    parameters = instance_parameters(confidence=0.6, split=0.5, largest_limit=5000.0)

    @classmethod
    def for_spec(cls, spec: ModelSpec) -> DepthHead:
        """Return the head of a model; `ModelPackageError` if its maps are not these."""
        check_fit(spec, task="instances", maps=("foreground", "depth", "diameter"), stride=1)
        return cls()

    def keep(self, raw: RawMaps) -> RawMaps:
        """Return the maps as they are."""
        return raw

    def decode(self, raw: RawMaps, values: Mapping[str, float]) -> Decoded:
        """Return labels and objects, in px of the plane, for maps (3, Y, X) at the size that the network saw."""
        if raw.input_shape == raw.shape:
            return decode_in_bands(raw.maps, values, _decode_band)
        zoom_y, zoom_x = raw.zoom
        found = decode_in_bands(raw.maps, {**values, "smallest": values["smallest"] / (zoom_y * zoom_x)}, _decode_band)
        foreground = resize_map(raw.maps[0], raw.shape)
        labels = _enlarged(found.label_image(), raw.shape)
        labels[~above(foreground, values["outline"])] = 0
        keep_largest_pieces(labels)
        return filter_objects(labels, len(found.objects), foreground, values)


def _enlarged(labels: NDArray[np.int32], shape: tuple[int, int]) -> NDArray[np.int32]:
    """Return labels at another height and width, each a pixel wider: the foreground cuts them to size."""
    wide = expand_labels(labels, 1.5)
    rows, columns = (((np.arange(n) + 0.5) * m / n).astype(np.intp) for n, m in zip(shape, labels.shape, strict=True))
    return np.ascontiguousarray(wide[np.ix_(rows, columns)], np.int32)


def _decode_band(maps: Maps, values: Mapping[str, float]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return labels 1…N of one band and the row of each centre."""
    cells = above(maps[0], values["outline"])
    depth = np.where(cells, ndi.gaussian_filter(maps[1].astype(np.float32), SMOOTHING), np.float32(0))
    labels: NDArray[np.int32] = watershed(-depth, _hills(depth, values["split"]), mask=cells).astype(np.int32)
    keep_largest_pieces(labels)
    close_holes(labels)
    return labels, _middle_rows(labels)


def _hills(depth: NDArray[np.float32], split: float) -> NDArray[np.int32]:
    """Return one label per hill whose saddles to higher ones lie under a share of its top, from 1/4 to all of it."""
    share = np.float32(0.25 + 0.75 * split)
    levelled = reconstruction(depth * share, depth) if share < 1 else depth
    tops = local_maxima(levelled, connectivity=2) & (depth > LOWEST_TOP * share)
    return np.asarray(connected_components(tops, connectivity=2), np.int32)


def _middle_rows(labels: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the mean row of each id 1…N; of an id without pixels, -1: no band has it."""
    where = np.flatnonzero(labels)
    own, rows = labels.reshape(-1)[where], where // labels.shape[1]
    count = np.bincount(own, minlength=1)[1:]
    total = np.bincount(own, rows, minlength=1)[1:]
    return np.where(count > 0, total / np.maximum(count, 1), -1).astype(np.float32)
