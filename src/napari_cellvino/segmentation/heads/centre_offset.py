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

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.compiled import compiled
from napari_cellvino.core.half_floats import as_rounded, rounded_halves
from napari_cellvino.core.threads import together
from napari_cellvino.model_package import ModelSpec
from napari_cellvino.segmentation.heads.bands import Band, DecodeBand, above, at_once, decode_in_bands, decode_runs
from napari_cellvino.segmentation.heads.head import Decoded, Steps, check_fit, instance_parameters
from napari_cellvino.segmentation.heads.touching_runs import RunGraph, TouchingRuns
from napari_cellvino.segmentation.heads.votes import REACH, Seeds, Votes, find_seeds, padded
from napari_cellvino.segmentation.raw_maps import RawMaps
from napari_cellvino.segmentation.rescale import resize_map_into
from napari_cellvino.storage.large_arrays import allocate, in_bands

RESAMPLED_ROWS = 256  # rows of maps resampled at once
VOTING_PX = 2**20  # pixels whose votes are found together: threads for fewer only wait for each other

Maps = NDArray[np.float16]


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

    @property
    def decode_band(self) -> DecodeBand:
        """What decodes a band of rows of maps."""
        return _decode_band

    def only_leaves_out(self, _: RawMaps) -> bool:
        """Return True: nothing is done to objects once they are filtered."""
        return True

    def decode(self, raw: RawMaps, values: Mapping[str, float], steps: Steps | None = None) -> Decoded:
        """Return labels and objects for maps (3, Y, X); ``steps`` may hold what these maps were decoded to before."""
        maps, outline = raw.maps, values["outline"]
        if not at_once(maps):
            return decode_in_bands(maps, values, _decode_band)
        find = partial(_Pieces.find, maps, outline)
        found = find() if steps is None else steps.get(maps, outline, find)
        return decode_runs(*found.joined(values["split"]), maps[0], values)


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


@dataclass(frozen=True, slots=True, eq=False)
class _Pieces:
    """Runs above an outline, each of pixels whose votes are nearest to one seed: the same for any split."""

    seeds: Seeds
    graph: RunGraph
    seed: NDArray[np.int32]  # of each run, -1 of the background

    @classmethod
    def find(cls, maps: Maps, outline: float) -> _Pieces:
        where, seeds, seed = _voted(maps, outline)
        begin, of_run = _runs_of(where, seed, (maps.shape[1], maps.shape[2]))
        return cls(seeds, RunGraph(begin, (maps.shape[1], maps.shape[2])), of_run)

    def joined(self, split: float) -> Band:
        """Return the runs with the label of the centre that each seed belongs to, and how many centres there are."""
        centres, count = self.seeds.joined(split)
        label = np.append(centres + np.int32(1), np.int32(0))  # the last one is that of -1
        return TouchingRuns(self.graph, label[self.seed]), count


def _runs_of(
    where: NDArray[np.intp], seed: NDArray[np.int32], shape: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """Return where runs begin that cover an image, of pixels (P,) of one seed each and of background, and the seeds."""
    height, width = shape
    if (loops := compiled()) is not None:
        begin = np.empty(2 * len(where) + height, np.intp)
        of_run = np.empty(len(begin), np.int32)
        found = loops.runs_of_pixels(where, seed, height, width, begin, of_run)
        return begin[:found].copy(), of_run[:found].copy()
    rows = np.arange(0, height * width, width)
    new = np.ones(len(where) + 1, bool)
    new[1:-1] = (np.diff(where) != 1) | (seed[1:] != seed[:-1])
    new[np.searchsorted(where, rows)] = True  # the first of a row, if it has any
    first = np.flatnonzero(new[:-1])
    own, end = where[first], where[np.append(first[1:], len(where))[: len(first)] - 1] + 1
    begin = np.sort(np.concatenate([own, end[end < height * width], rows]), kind="stable")  # of sorted parts
    begin = begin[np.diff(begin, prepend=-1) > 0]
    of_run = np.full(len(begin), -1, np.int32)
    of_run[np.searchsorted(begin, own)] = seed[first]
    return begin, of_run


def _decode_band(maps: Maps, values: Mapping[str, float]) -> Band:
    """Return the runs of labels 1…N of one band, and N."""
    return _Pieces.find(maps, values["outline"]).joined(values["split"])


def _voted(maps: Maps, outline: float) -> tuple[NDArray[np.intp], Seeds, NDArray[np.int32]]:
    """Return the flat indices of the pixels (P,) above an outline, the seeds of their votes, and the seed of each."""
    height, width = maps.shape[1:]
    rows = max(1, VOTING_PX // max(width, 1))
    parts = [slice(top, min(top + rows, height)) for top in range(0, height, rows)]
    found = together(partial(_votes_of_rows, maps, outline), parts)
    where = np.concatenate([own for own, _ in found])
    return where, *find_seeds([votes for _, votes in found], maps.shape[1:])


def _votes_of_rows(maps: Maps, outline: float, rows: slice) -> tuple[NDArray[np.intp], Votes]:
    """Return the flat indices of the pixels above an outline in some rows, and where they vote in the padded image."""
    height, width = maps.shape[1:]
    around = padded((height, width))
    kind = np.int32 if math.prod(around) < 2**31 else np.int64
    loops = compiled(*maps[:, rows])
    if loops is not None and kind is np.int32:
        foreground, level = maps[0, rows].view(np.int16), np.float16(outline).view(np.int16)
        down, right = (offset.view(np.uint16) for offset in maps[1:, rows])
        inside, votes = np.empty(foreground.size, np.intp), np.empty(foreground.size, np.int32)
        found = loops.votes_of_rows(
            foreground, level, down, right, rounded_halves(), rows.start, height, REACH, inside, votes
        )
        for array in (inside, votes):
            array.resize(found, refcheck=False)  # gives back the rest: there are many such parts of a large image
        return inside, votes
    where = np.flatnonzero(above(maps[0, rows], outline))
    flat = where.astype(np.int32)
    y = flat // np.int32(width)  # which divides by one number in a fifth of the time of `divmod`
    x = flat - y * np.int32(width)
    y += np.int32(rows.start)
    for at, offset, size in zip((y, x), maps[1:, rows], (height, width), strict=True):
        at += as_rounded(offset.reshape(-1)[where])
        np.clip(at, 0, size - 1, out=at)
    return where + rows.start * width, (y + REACH) * kind(around[1]) + (x + REACH)
