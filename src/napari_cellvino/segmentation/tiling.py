"""Fixed-size tiles over an image of any size, and their blending without seams.

Along one axis, tiles of length T start at the image's first pixel and end at its last, evenly spaced; neighbours
overlap by at least two halos. The cut lies in the middle of the overlap; within ``blend`` pixels on both sides of it
the two tiles fade into each other, so that no pixel nearer than ``halo - blend`` to a tile's inner edge is used::

    |<------------ T ------------>|
    [ core of tile 0     ][~~|~~]·····|                 ~ blend, | cut, · halo: computed, not used
                 |·····[~~|~~][ core of tile 1     ]
    cores:  [-------------)[---------------------]      every pixel in exactly one core

An image shorter than a tile is one tile, mirrored at its end as training crops are: zeros there cost 0.005 of F1.

Where a network gives one map pixel for a square of ``stride`` image pixels, all this is counted in map pixels: tiles
then start at multiples of the stride, and the last of them is mirrored where the image ends inside a square.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, product
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.half_floats import as_singles

TILE_OVERHEAD_PX = 20_000  # fixed cost of a tile, in pixels that take the same time


class Pixels(Protocol):
    """Pixels (C, Y, X) of which parts can be cut out: an array, or what makes parts when they are asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Their size."""
        ...

    def __getitem__(self, part: tuple[slice, slice, slice], /) -> NDArray[np.generic]:
        """Return a part."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """One tile along one axis, in map pixels: ``start`` to ``stop``, with its core ``core_start`` to ``core_stop``."""

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
    """Return square tiles of ``tile`` px that cover maps (height, width), with ``halo`` px of context at inner edges.

    Raises
    ------
    ImageValueError
        If the image is empty or the halo leaves no core of the tile.
    """
    if min(height, width) < 1:
        raise ImageValueError(f"an image of {width} × {height} px has no pixels")
    if not 0 <= 2 * halo < tile:
        raise ImageValueError(f"a halo of {halo} px leaves nothing of tiles of {tile} px; use at most {tile // 2 - 1}")
    rows, columns = _spans(height, tile, halo), _spans(width, tile, halo)
    longest = min(halo, *(span.core_stop - span.core_start for span in (*rows, *columns))) // 2
    blend = 1 << longest.bit_length() >> 1  # a power of two: weights are exact binary fractions
    return TilePlan(rows, columns, tile, blend)


@lru_cache(maxsize=64)
def choose_tile(height: int, width: int, *, largest: int, halo: int) -> int:
    """Return the fastest tile size for an image: 256, 320, 384, … up to ``largest`` px.

    Steps of 64 px limit the number of sizes; each is compiled once and then cached.
    """

    def cost(size: int) -> int:
        count = len(plan_tiles(height, width, tile=size, halo=min(halo, size // 4)))
        return count * (size * size + TILE_OVERHEAD_PX)

    return int(min([*range(256, largest + 1, 64)] or [largest], key=cost))


def _spans(length: int, tile: int, halo: int) -> tuple[Span, ...]:
    if length <= tile:
        return (Span(0, length, 0, length),)
    count = -(-(length - tile) // (tile - 2 * halo)) + 1
    starts = [round(i * (length - tile) / (count - 1)) for i in range(count)]
    cuts = [0, *((left + tile + right) // 2 for left, right in pairwise(starts)), length]
    return tuple(Span(s, s + tile, *core) for s, core in zip(starts, pairwise(cuts), strict=True))


def cut_tile(pixels: Pixels, row: Span, column: Span, stride: int = 1) -> NDArray[np.generic]:
    """Return a view of the pixels (C, y, x) of one tile, not padded; ``stride`` image px are one map px."""
    y, x = (slice(span.start * stride, span.stop * stride) for span in (row, column))
    return pixels[slice(None), y, x]


class Stitcher:
    """Blends tile outputs, given in raster order, into maps (M, Y, X) float16.

    Tiles are blended along x, and rows of tiles along y: what lies over the row above is kept apart until the row is
    whole. Weights are exact binary fractions, so where tiles agree the result equals them bit by bit.
    """

    def __init__(self, plan: TilePlan, out: NDArray[np.float16]) -> None:
        self.plan, self.out = plan, out
        self.rows = 0
        """So many rows of the maps, from the first, are as they stay."""
        self._over = np.zeros((len(out), 2 * plan.blend * (len(plan.rows) > 1), out.shape[2]), np.float16)

    def add(self, index: int, tile_maps: NDArray[np.floating]) -> None:
        """Add the maps (M, tile, tile) of tile ``index``."""
        rows, columns, blend = self.plan.rows, self.plan.columns, self.plan.blend
        i, j = divmod(index, len(columns))
        top, bottom = _extent(rows, i, blend)
        left, right = _extent(columns, j, blend)
        y, x = rows[i].start, columns[j].start
        part = tile_maps[:, top - y : bottom - y, left - x : right - x]
        beside, over = 2 * blend * (j > 0), 2 * blend * (i > 0)
        _fade_in(self._over[:, :over, left:right], part[:, :over], beside, axis=2)
        _fade_in(self.out[:, top + over : bottom, left:right], part[:, over:], beside, axis=2)
        if j == len(columns) - 1:
            _fade_in(self.out[:, top : top + over], self._over[:, :over], over, axis=1)
            self.rows = bottom - 2 * blend * (i < len(rows) - 1)


def _extent(spans: Sequence[Span], index: int, blend: int) -> tuple[int, int]:
    """Return start and stop of the pixels that a span contributes to: its core and half of each blend zone."""
    span = spans[index]
    return span.core_start - blend * (index > 0), span.core_stop + blend * (index < len(spans) - 1)


def _fade_in(target: NDArray[np.float16], part: NDArray[np.floating], width: int, *, axis: int) -> None:
    """Write ``part`` over ``target``, blended linearly over the first ``width`` pixels along ``axis``."""
    faded, rest = ((slice(None),) * axis + (part_of,) for part_of in (slice(0, width), slice(width, None)))
    ramp = (np.arange(width, dtype=np.float32) + 0.5) / np.float32(max(1, width))
    ramp = ramp.reshape(-1, *(1,) * (2 - axis))
    mixed = as_singles(target[faded]) * (1 - ramp)
    mixed += as_singles(part[faded]) * ramp
    target[faded] = mixed
    target[rest] = part[rest]
