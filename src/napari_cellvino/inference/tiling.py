"""Fixed-size tiles over an image of any size, and their blending without seams.

Along one axis, tiles of length T start at the image's first pixel and end at its last, evenly spaced; neighbours
overlap by at least two halos. The cut lies in the middle of the overlap; within ``blend`` pixels on both sides of it
the two tiles fade into each other, so that no pixel nearer than ``halo - blend`` to a tile's inner edge is used::

    |<------------ T ------------>|
    [ core of tile 0     ][~~|~~]·····|                 ~ blend, | cut, · halo: computed, not used
                 |·····[~~|~~][ core of tile 1     ]
    cores:  [-------------)[---------------------]      every pixel in exactly one core

An image shorter than a tile is one tile, padded at its end with zeros, which is what convolutions see at the border
of training crops.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.errors import ImageValueError


@dataclass(frozen=True, slots=True)
class Span:
    """One tile along one axis, in image pixels: read ``start`` to ``stop``; own ``core_start`` to ``core_stop``."""

    start: int
    stop: int
    core_start: int
    core_stop: int


@dataclass(frozen=True, slots=True)
class TilePlan:
    """Tiles in raster order: every combination of a row span and a column span, each padded to ``tile``."""

    rows: tuple[Span, ...]
    columns: tuple[Span, ...]
    tile: int
    blend: int

    def __len__(self) -> int:
        return len(self.rows) * len(self.columns)

    def __iter__(self) -> Iterator[tuple[Span, Span]]:
        return iter(product(self.rows, self.columns))


def plan_tiles(height: int, width: int, *, tile: int, halo: int) -> TilePlan:
    """Return square tiles of ``tile`` px that cover an image with ``halo`` px of context at inner edges.

    Raises
    ------
    ImageValueError
        If the image is empty or the halo leaves nothing of the tile.
    """
    if min(height, width) < 1:
        raise ImageValueError(f"an image of {width} × {height} px has no pixels")
    if not 0 <= 2 * halo < tile:
        raise ImageValueError(f"a halo of {halo} px leaves nothing of tiles of {tile} px; use at most {tile // 2 - 1}")
    rows, columns = _spans(height, tile, halo), _spans(width, tile, halo)
    room = min(halo, *(span.core_stop - span.core_start for span in (*rows, *columns))) // 2
    blend = 1 << room.bit_length() >> 1  # a power of two: weights are exact binary fractions
    return TilePlan(rows, columns, tile, blend)


def choose_tile(height: int, width: int, *, largest: int, halo: int) -> int:
    """Return the tile size (256, 384, 512, … up to ``largest``) that computes the fewest pixels for an image."""
    sizes = [size for size in (256, 384, 512, 768, 1024) if size <= largest] or [largest]

    def cost(size: int) -> tuple[int, int]:
        count = len(plan_tiles(height, width, tile=size, halo=min(halo, size // 4)))
        return count * size**2, count

    return min(sizes, key=cost)


def _spans(length: int, tile: int, halo: int) -> tuple[Span, ...]:
    if length <= tile:
        return (Span(0, length, 0, length),)
    count = -(-(length - tile) // (tile - 2 * halo)) + 1
    starts = [round(i * (length - tile) / (count - 1)) for i in range(count)]
    cuts = [0, *((left + tile + right) // 2 for left, right in pairwise(starts)), length]
    return tuple(Span(s, s + tile, *core) for s, core in zip(starts, pairwise(cuts), strict=True))


def cut_tile(pixels: NDArray[np.generic], row: Span, column: Span) -> NDArray[np.generic]:
    """Return the pixels (C, y, x) of one tile, a view, not yet padded."""
    return pixels[:, row.start : row.stop, column.start : column.stop]


class Stitcher:
    """Joins tile outputs, given in raster order, to maps (M, Y, X) float16.

    Holds one row of tiles in float32; fades tiles along x into that row, then rows along y into the maps.
    """

    def __init__(self, plan: TilePlan, out: NDArray[np.float16]) -> None:
        self.plan, self.out = plan, out
        self._row = np.zeros((len(out), plan.tile, out.shape[2]), np.float32)
        self._carry: NDArray[np.float32] | None = None
        self._columns = fade_weights(plan.columns, plan.blend)
        self._rows = fade_weights(plan.rows, plan.blend)

    def add(self, index: int, tile_maps: NDArray[np.float32]) -> None:
        """Take the output (M, tile, tile) of tile number ``index``."""
        row, column = divmod(index, len(self.plan.columns))
        span, (first, weights) = self.plan.columns[column], self._columns[column]
        local = first - span.start
        part = tile_maps[:, :, local : local + len(weights)]
        target = self._row[:, :, first : first + len(weights)]
        if len(self.plan.columns) == 1:
            target[...] = part
        else:
            target += part * weights
        if column == len(self.plan.columns) - 1:
            self._finish_row(row)

    def _finish_row(self, row: int) -> None:
        span, (first, weights) = self.plan.rows[row], self._rows[row]
        rows = self._row[:, first - span.start : first - span.start + len(weights)]
        rows = rows * weights[:, None]
        if self._carry is not None:
            rows[:, : self._carry.shape[1]] += self._carry
        last = row == len(self.plan.rows) - 1
        keep = len(weights) if last else len(weights) - 2 * self.plan.blend
        self.out[:, first : first + keep] = rows[:, :keep]
        self._carry = None if last else rows[:, keep:].copy()
        self._row[...] = 0


def fade_weights(spans: Sequence[Span], blend: int) -> list[tuple[int, NDArray[np.float32]]]:
    """Return for each span the first pixel it contributes to, and its weights; over all spans they sum to 1."""
    ramp = (np.arange(2 * blend, dtype=np.float32) + 0.5) / np.float32(max(1, 2 * blend))
    found = []
    for i, span in enumerate(spans):
        fades_in, fades_out = i > 0, i < len(spans) - 1
        first = span.core_start - blend * fades_in
        weights = np.ones(span.core_stop + blend * fades_out - first, np.float32)
        if fades_in:
            weights[: 2 * blend] = ramp
        if fades_out:
            weights[len(weights) - 2 * blend :] = ramp[::-1]
        found.append((first, weights))
    return found
