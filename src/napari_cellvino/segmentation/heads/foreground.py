"""Instances from a foreground map and an optional boundary map: the output of converted U-Nets.

The depth of a pixel is its distance to the background or to a boundary. Each maximum of depth is a cell. Two maxima are
one cell if the saddle between them is nearly as deep as the lower maximum; the limit is a share of that maximum, so it
is the same for large and small cells. Pixels are assigned by a watershed.

References
----------
Vincent 1993, "Morphological grayscale reconstruction in image analysis" (maxima not separated by a saddle).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.measure import label as connected_components
from skimage.morphology import local_maxima, reconstruction
from skimage.segmentation import watershed

from napari_cellvino.model_package import ModelSpec
from napari_cellvino.segmentation.heads.bands import above, decode_in_bands
from napari_cellvino.segmentation.heads.connected_components import close_holes, keep_largest_pieces
from napari_cellvino.segmentation.heads.head import Decoded, check_fit, instance_parameters
from napari_cellvino.segmentation.raw_maps import RawMaps
from napari_cellvino.segmentation.rescale import resize_maps

BOUNDARY = 0.5  # probability from which a pixel lies on a boundary
SMOOTHING = 1.0  # px: pixel steps of an outline are no waists

Maps = NDArray[np.float16]


class ForegroundHead:
    """Decodes foreground probability, and boundary probability where the model has it, to labels."""

    name = "foreground"
    parameters = instance_parameters(confidence=0.55, split=0.7)

    @classmethod
    def for_spec(cls, spec: ModelSpec) -> ForegroundHead:
        """Return the head for a model; `ModelPackageError` if the model has other maps."""
        check_fit(spec, task="instances", maps=("foreground", "boundary")[: max(1, len(spec.maps))], stride=1)
        return cls()

    def keep(self, raw: RawMaps) -> RawMaps:
        """Return the maps at the size of the plane."""
        if raw.maps.shape[1:] == raw.shape:
            return raw
        return raw.with_plane_maps(resize_maps(raw.maps, raw.shape))

    def decode(self, raw: RawMaps, values: Mapping[str, float]) -> Decoded:
        """Return labels and objects for maps (1 or 2, Y, X)."""
        return decode_in_bands(raw.maps, values, _decode_band)


def _decode_band(maps: Maps, values: Mapping[str, float]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return labels 1…N of one band and the mean row of each object (N,)."""
    cells = above(maps[0], values["outline"])
    inside = cells if len(maps) == 1 else cells & ~above(maps[1], BOUNDARY)
    depth = _depth(inside)
    labels: NDArray[np.int32] = watershed(-depth, _markers(depth, values["split"]), mask=cells).astype(np.int32)
    keep_largest_pieces(labels)
    close_holes(labels)
    return labels, _mean_rows(labels)


def _depth(inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the smoothed distance (px) of each pixel to the nearest pixel outside; 0 outside."""
    framed = np.pad(inside, 1)  # beyond the image counts as outside: else an image of foreground only has no depth
    depth = ndi.gaussian_filter(ndi.distance_transform_edt(framed)[1:-1, 1:-1].astype(np.float32), SMOOTHING)
    return np.where(inside, depth, np.float32(0))


def _markers(depth: NDArray[np.float32], split: float) -> NDArray[np.int32]:
    """Return one marker per maximum whose saddles to higher maxima lie below a share (1/2 to 1) of its depth."""
    share = np.float32(0.5 + 0.5 * split)
    levelled = reconstruction(depth * share, depth) if share < 1 else depth
    tops = local_maxima(levelled, connectivity=2) & (depth > 0)
    return np.asarray(connected_components(tops, connectivity=2), np.int32)


def _mean_rows(labels: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the mean row of each id 1…N; -1 for an id without pixels, which lies in no band."""
    where = np.flatnonzero(labels)
    own, rows = labels.reshape(-1)[where], where // labels.shape[1]
    count = np.bincount(own, minlength=1)[1:]
    total = np.bincount(own, rows, minlength=1)[1:]
    return np.where(count > 0, total / np.maximum(count, 1), -1).astype(np.float32)
