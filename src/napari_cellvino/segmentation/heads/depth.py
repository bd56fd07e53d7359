"""Instances of any shape from a foreground map and a map of depth: how far from the own cell's edge a pixel lies.

Depth is 1 along the ridge of a cell and 0 at its edge, also where cells touch, whatever their size. Hills of depth are
cells; two hills are one where the saddle between them is nearly as deep as the lower top. Pixels of the foreground go
to the hill that water would flow to.

References
----------
Naylor et al. 2019, "Segmentation of nuclei in histopathology images by deep regression of the distance map".
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_cellvino.model_package import ModelSpec
from napari_cellvino.segmentation.heads.bands import Band, DecodeBand, above, band_of
from napari_cellvino.segmentation.heads.head import Decoded, Steps, check_fit, instance_parameters
from napari_cellvino.segmentation.heads.hills import flooded, hills
from napari_cellvino.segmentation.heads.resized import decode_resized
from napari_cellvino.segmentation.raw_maps import RawMaps

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

    @property
    def decode_band(self) -> DecodeBand:
        """What decodes a band of rows of maps."""
        return _decode_band

    def only_leaves_out(self, raw: RawMaps) -> bool:
        """Return whether the labels are not enlarged after some are left out."""
        return raw.input_shape == raw.shape

    def decode(self, raw: RawMaps, values: Mapping[str, float], _: Steps | None = None) -> Decoded:
        """Return labels and objects, in px of the plane, for maps (3, Y, X) at the size that the network saw."""
        return decode_resized(raw, values, _decode_band)


def _decode_band(maps: Maps, values: Mapping[str, float]) -> Band:
    """Return the runs of labels 1…N of one band, and N."""
    cells = above(maps[0], values["outline"])
    depth = np.where(cells, scipy.ndimage.gaussian_filter(maps[1].astype(np.float32), SMOOTHING), np.float32(0))
    share = 0.25 + 0.75 * values["split"]
    tops = hills(depth, share, LOWEST_TOP * share)
    return band_of(flooded(depth, tops, cells))
