"""Decode maps at the size that the network saw, where cells have the model's own size, and enlarge the labels.

That is fast for large cells. Enlarged labels are cut to the enlarged foreground, so that outlines are as fine as those
of maps that were enlarged first.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import skimage
from numpy.typing import NDArray

from napari_cellvino.segmentation.heads.bands import DecodeBand, above, decode_in_bands, filter_objects
from napari_cellvino.segmentation.heads.connected_components import keep_largest_pieces
from napari_cellvino.segmentation.heads.head import FRAGMENTS, Decoded
from napari_cellvino.segmentation.raw_maps import RawMaps
from napari_cellvino.segmentation.rescale import resize_map


def decode_resized(raw: RawMaps, values: Mapping[str, float], decode_band: DecodeBand) -> Decoded:
    """Return labels and objects, in px of the plane, for maps (M, Y, X), the foreground first, of the network's size.

    ``values`` has the parameters of heads of instances; the smallest area is in px² of the plane.
    """
    if raw.input_shape == raw.shape:
        return decode_in_bands(raw.maps, values, decode_band)
    zoom_y, zoom_x = raw.zoom
    seen = {**values, "smallest": values["smallest"] / (zoom_y * zoom_x), FRAGMENTS: 0.0}  # told once, at the end
    found = decode_in_bands(raw.maps, seen, decode_band)
    foreground = resize_map(raw.maps[0], raw.shape)
    labels = _enlarged(found.label_image(), raw.shape)
    labels[~above(foreground, values["outline"])] = 0
    keep_largest_pieces(labels)
    return filter_objects(labels, len(found.objects), foreground, values, cut_px=found.cut_px * zoom_y)


def _enlarged(labels: NDArray[np.int32], shape: tuple[int, int]) -> NDArray[np.int32]:
    """Return labels at another height and width, each a pixel wider: the foreground cuts them to size."""
    wide = skimage.segmentation.expand_labels(labels, 1.5)
    rows, columns = (((np.arange(n) + 0.5) * m / n).astype(np.intp) for n, m in zip(shape, labels.shape, strict=True))
    return np.ascontiguousarray(wide[np.ix_(rows, columns)], np.int32)
