"""Instances from a foreground map and offsets to centres: each pixel votes for where its cell's centre is.

Votes are summed per pixel and smoothed; peaks become seeds; seeds much closer together than their cells are large are
one cell whose votes spread, and are joined; each pixel follows its vote to the nearest seed. Watershed was ruled out:
in scikit-image it costs more than the network. All steps run over foreground pixels and vote cells only, and every
decision is local, so that wide images are decoded in bands of rows with the same result.

References
----------
Cheng et al. 2020, "Panoptic-DeepLab"; Neven et al. 2019, "Instance segmentation by jointly optimizing spatial
embeddings and clustering bandwidth".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_cellvino.inference.heads.head import Decoded, Parameter
from napari_cellvino.inference.heads.pieces import close_holes, collect_objects, keep_largest_pieces
from napari_cellvino.inference.heads.votes import find_centres

BAND_PX = 12_000_000  # pixels decoded at once
RELABELLED_ROWS = 256  # rows numbered anew at once
BAND_OVERLAP = 512  # rows decoded beyond a band: no cell may be taller than half of this


class CentreOffsetHead:
    """Foreground probability, offset y and x (px) to labels."""

    name = "centre_offset"
    maps = ("foreground", "offset_y", "offset_x")
    parameters = (
        Parameter(
            "confidence", "Confidence", 0.55, 0.0, 1.0, 0.01, help="Cells whose mean probability is lower are left out"
        ),
        Parameter("smallest", "Smallest", 16.0, 0.0, 2000.0, 1.0, "px²", "Cells of a smaller area are left out"),
        Parameter(
            "outline", "Outline", 0.5, 0.05, 0.95, 0.01, help="Lower makes cells larger, higher makes them smaller"
        ),
        Parameter(
            "split", "Split", 0.5, 0.0, 1.0, 0.01, help="Higher splits more: cells that touch, but also long cells"
        ),
    )

    def decode(self, maps: NDArray[np.float16], values: Mapping[str, float]) -> Decoded:
        """Return labels and objects for maps (3, Y, X)."""
        height, width = maps.shape[1:]
        edges = _band_edges(height, width)
        if len(edges) == 2:
            labels, centre_y = _decode_band(maps, values)
            return _drop_unlikely(labels, len(centre_y), maps[0], values)
        labels = np.zeros((height, width), np.int32)
        count = 0
        for top, bottom in pairwise(edges):
            first, last = max(0, top - BAND_OVERLAP), min(height, bottom + BAND_OVERLAP)
            band, centre_y = _decode_band(maps[:, first:last], values)
            own = (centre_y + first >= top) & (centre_y + first < bottom)
            _paste(labels[first:last], band, own, count)
            count += int(own.sum())
        return _drop_unlikely(labels, count, maps[0], values)

    def resample(self, maps: NDArray[np.float16], height: int, width: int) -> NDArray[np.float16]:
        """Return maps for another image size: foreground interpolated, offsets taken from the nearest pixel."""
        factors = height / maps.shape[1], width / maps.shape[2]
        out = np.empty((3, height, width), np.float16)
        smooth = ndi.zoom(maps[0].astype(np.float32), factors, order=1, mode="nearest", grid_mode=True)
        rows = np.minimum((np.arange(height) + 0.5) / factors[0], maps.shape[1] - 1).astype(np.intp)
        columns = np.minimum((np.arange(width) + 0.5) / factors[1], maps.shape[2] - 1).astype(np.intp)
        out[0] = smooth[:height, :width]
        for axis, factor in enumerate(factors, 1):
            out[axis] = maps[axis][rows[:, None], columns] * np.float16(factor)
        return out


def _band_edges(height: int, width: int) -> list[int]:
    rows = max(BAND_OVERLAP, BAND_PX // width)
    return [*range(0, height, rows), height]


def _decode_band(
    maps: NDArray[np.float16], values: Mapping[str, float]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return labels 1…N of one band and the row of each centre."""
    height, width = maps.shape[1:]
    labels = np.zeros((height, width), np.int32)
    where = np.flatnonzero(_above(maps[0], values["outline"]))
    votes = [
        np.clip(at + np.rint(offset.reshape(-1)[where].astype(np.float32)).astype(np.intp), 0, size - 1)
        for at, offset, size in zip(np.divmod(where, width), maps[1:], (height, width), strict=True)
    ]
    centres = find_centres(votes[0], votes[1], (height, width), values["split"])
    labels.reshape(-1)[where] = centres.of_vote + 1
    keep_largest_pieces(labels)
    close_holes(labels)
    return labels, centres.yx[:, 0]


def _above(foreground: NDArray[np.float16], level: float) -> NDArray[np.bool_]:
    """Return where a float16 map exceeds a positive level; as int16, numbers of that type keep their order."""
    return np.ascontiguousarray(foreground).view(np.int16) > int(np.float16(level).view(np.int16))


def _paste(labels: NDArray[np.int32], band: NDArray[np.int32], own: NDArray[np.bool_], count: int) -> None:
    """Write the objects of a band that are its own into ``labels``, numbered from ``count + 1``."""
    lookup = np.zeros(len(own) + 1, np.int32)
    lookup[1:][own] = np.arange(count + 1, count + 1 + own.sum())
    ids = lookup[band]
    np.copyto(labels, ids, where=ids > 0)


def _drop_unlikely(
    labels: NDArray[np.int32], count: int, foreground: NDArray[np.float16], values: Mapping[str, float]
) -> Decoded:
    """Return what is left after the limits on score and area, numbered from top to bottom."""
    found = collect_objects(labels, count, foreground)
    likely = np.flatnonzero((found.score >= values["confidence"]) & (found.area_px >= max(1.0, values["smallest"])))
    order = likely[np.lexsort((found.centroid[likely, 1], found.centroid[likely, 0]))]
    lookup = np.zeros(count + 1, np.int32)
    lookup[found.id[order]] = np.arange(1, len(order) + 1)
    kept = found.select(order)
    for top in range(0, len(labels), RELABELLED_ROWS):  # in place: a second image of this size may not fit
        rows = labels[top : top + RELABELLED_ROWS]
        rows[...] = lookup[rows]
    return Decoded(labels, replace(kept, id=np.arange(1, len(order) + 1, dtype=np.int32)))
