"""Instances from a foreground map and an optional boundary map: the output of converted U-Nets.

The depth of a pixel is its distance to the background or to a boundary. Each maximum of depth is a cell. Two maxima are
one cell if the saddle between them is nearly as deep as the lower maximum; the limit is a share of that maximum, so it
is the same for large and small cells. Pixels are assigned by a watershed.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.model_package import ModelSpec
from napari_cellvino.segmentation.heads.bands import Band, DecodeBand, above, band_of, decode_in_bands
from napari_cellvino.segmentation.heads.head import Decoded, Steps, check_fit, instance_parameters
from napari_cellvino.segmentation.heads.hills import depth_inside, flooded, hills
from napari_cellvino.segmentation.raw_maps import RawMaps
from napari_cellvino.segmentation.rescale import resize_maps

BOUNDARY = 0.5  # probability from which a pixel lies on a boundary

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

    @property
    def decode_band(self) -> DecodeBand:
        """What decodes a band of rows of maps."""
        return _decode_band

    def only_leaves_out(self, _: RawMaps) -> bool:
        """Return True: nothing is done to objects once they are filtered."""
        return True

    def decode(self, raw: RawMaps, values: Mapping[str, float], _: Steps | None = None) -> Decoded:
        """Return labels and objects for maps (1 or 2, Y, X)."""
        return decode_in_bands(raw.maps, values, _decode_band)


def _decode_band(maps: Maps, values: Mapping[str, float]) -> Band:
    """Return the runs of labels 1…N of one band, and N."""
    cells = above(maps[0], values["outline"])
    inside = cells if len(maps) == 1 else cells & ~above(maps[1], BOUNDARY)
    depth = depth_inside(inside)
    tops = hills(depth, 0.5 + 0.5 * values["split"])
    return band_of(flooded(depth, tops, cells))
