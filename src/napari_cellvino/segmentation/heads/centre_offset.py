"""Instances from a foreground map and offsets to centres: each pixel votes for the centre of its cell.

Votes are summed per pixel and smoothed; peaks become seeds; seeds much closer together than their cells are large are
one cell whose votes spread, and are joined; each pixel follows its vote to the nearest seed. Watershed was ruled out:
in scikit-image it costs more than the network. All steps run over foreground pixels and vote cells only, and every
decision is local, so that large images are decoded in bands of rows with the same result.

References
----------
Cheng et al. 2020, "Panoptic-DeepLab"; Neven et al. 2019, "Instance segmentation by jointly optimizing spatial
embeddings and clustering bandwidth".
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.model_package import ModelSpec
from napari_cellvino.segmentation.heads.bands import Band, above, decode_in_bands
from napari_cellvino.segmentation.heads.head import Decoded, check_fit, instance_parameters
from napari_cellvino.segmentation.heads.votes import find_centres
from napari_cellvino.segmentation.raw_maps import RawMaps
from napari_cellvino.segmentation.rescale import resize_map_into
from napari_cellvino.storage.large_arrays import allocate, in_bands

RESAMPLED_ROWS = 256  # rows of maps resampled at once


class CentreOffsetHead:
    """Decodes foreground probability and the offsets y and x (px) to labels."""

    name = "centre_offset"
    parameters = instance_parameters(confidence=0.55, split=0.5)

    @classmethod
    def for_spec(cls, spec: ModelSpec) -> CentreOffsetHead:
        """Return the head for a model; `ModelPackageError` if the model has other maps."""
        check_fit(spec, task="instances", maps=("foreground", "offset_y", "offset_x"), stride=1)
        return cls()

    def keep(self, raw: RawMaps) -> RawMaps:
        """Return the maps at the size of the plane."""
        return raw if raw.maps.shape[1:] == raw.shape else raw.with_plane_maps(_resampled(raw.maps, *raw.shape))

    def only_leaves_out(self, _: RawMaps) -> bool:
        """Return True: nothing is done to objects once they are filtered."""
        return True

    def decode(self, raw: RawMaps, values: Mapping[str, float]) -> Decoded:
        """Return labels and objects for maps (3, Y, X)."""
        return decode_in_bands(raw.maps, values, _decode_band)


def _resampled(maps: NDArray[np.float16], height: int, width: int) -> NDArray[np.float16]:
    """Return maps at another image size: foreground interpolated, offsets of the nearest pixel."""
    factors = height / maps.shape[1], width / maps.shape[2]
    out = allocate((3, height, width), np.float16)
    rows = np.minimum((np.arange(height) + 0.5) / factors[0], maps.shape[1] - 1).astype(np.intp)
    columns = np.minimum((np.arange(width) + 0.5) / factors[1], maps.shape[2] - 1).astype(np.intp)
    resize_map_into(out[0], maps[0])
    for part in in_bands(out[0], RESAMPLED_ROWS):
        for top in range(part.start, min(part.stop, height), RESAMPLED_ROWS):
            own = rows[top : top + RESAMPLED_ROWS, None]
            for axis, factor in enumerate(factors, 1):
                out[axis, top : top + RESAMPLED_ROWS] = maps[axis][own, columns] * np.float16(factor)
    return out


def _decode_band(maps: NDArray[np.float16], values: Mapping[str, float]) -> Band:
    """Return labels 1…N of one band, and N."""
    height, width = maps.shape[1:]
    labels = np.zeros((height, width), np.int32)
    where = np.flatnonzero(above(maps[0], values["outline"]))
    votes = [
        np.clip(at + np.rint(offset.reshape(-1)[where].astype(np.float32)).astype(np.intp), 0, size - 1)
        for at, offset, size in zip(np.divmod(where, width), maps[1:], (height, width), strict=True)
    ]
    of_vote, count = find_centres(votes[0], votes[1], (height, width), values["split"])
    labels.reshape(-1)[where] = of_vote + 1
    return labels, count
