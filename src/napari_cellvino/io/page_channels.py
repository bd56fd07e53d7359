"""Channels of a file that does not say what its pages are, told by the pages themselves.

Planes of one channel change little from one to the next. Where every second (third, fourth) page looks alike and those
between do not, the pages are planes of as many channels in turn; where pages change at once at each half (third,
quarter) of the file and hardly elsewhere, the channels lie one after the other. Measured over 33 real stacks of
nuclei and one film, pages next to each other differ at most 1.1 times as much as those two, three or four apart;
channels in turn 14 times and more. In 19,421 parts of real stacks of one channel (every first to sixth plane, 6 to 40
of them), no change in their half or third was 3 times as large as any other; 50 were 1.5 times as large.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.io.axes import AxisLayout
from napari_cellvino.io.tiff_blocks import ContiguousBlocks, TiffBlocks

CHANNELS = (2, 3, 4)
FEWEST_PLANES = 3  # of each channel, that tell anything
MOST_PAGES, MOST_PIXELS = 64, 64_000_000  # looked at
BINS = 32  # along each side, of light that is compared
ROWS = 256  # of a page, that are looked at
MORE = 4.0  # times as different, that pages of several channels are, and
APART = 0.15  # at least
BLOCKS_APART = 0.4  # at a change from one channel to the next in one that lies behind
MORE_THAN_ANY = 3.0  # times any other change, that there is then
LEAST = 0.01  # difference that noise makes
NOISE = 4.0  # times its noise, that light of a page stands out by to count by half


@dataclass(frozen=True, slots=True)
class PageOrder:
    """How many channels pages are of, and whether these take turns or lie one after the other."""

    channels: int
    in_turn: bool


def told_by_pages(layout: AxisLayout, blocks: TiffBlocks) -> tuple[AxisLayout, TiffBlocks, str] | None:
    """Return the layout of a file whose pages, taken as planes, are of several channels, and what to say; else None.

    Only files are looked at that have nothing but pages, each of which is one plane.
    """
    pages = layout.shape.z
    plain = layout.roles[: layout.plane_start].strip("Z") == "" and layout.roles[layout.plane_start :] == "YX"
    if not plain or blocks.start != layout.plane_start or pages < FEWEST_PLANES * CHANNELS[0]:
        return None
    height, width = layout.shape.y, layout.shape.x
    if isinstance(blocks, ContiguousBlocks):  # of which some rows can be read
        rows = {0: slice(None, None, max(1, height // ROWS))}
        order = order_of_pages(lambda number: blocks.part(number, rows), pages, MOST_PIXELS // (ROWS * width))
    else:
        order = order_of_pages(blocks.block, pages, MOST_PIXELS // (height * width))
    if order is None:
        return None
    planes = pages // order.channels
    sizes, letters = ((planes, order.channels), "ZC") if order.in_turn else ((order.channels, planes), "CZ")
    kept = layout.plane_start
    told = AxisLayout(
        letters + layout.letters[kept:], letters + layout.roles[kept:], sizes + layout.stored[kept:],
        sizes + layout.shown[kept:],
    )  # fmt: skip
    how = "take turns" if order.in_turn else "lie one after the other"
    said = (
        f"the file does not say what its {pages} pages are: they look like {order.channels} channels of {planes} "
        f"planes, which {how}, and are taken as such"
    )
    if kept == 1:
        said += f"; if they are {pages} planes, give axes ZYX"
    return told, replace(blocks, start=2), said


def order_of_pages(page: Callable[[int], NDArray[np.generic]], count: int, most: int = MOST_PAGES) -> PageOrder | None:
    """Return the channels that pages are of, None where they are planes of one.

    ``page`` reads one (Y, X), or some of its rows; ``most`` of them are looked at.
    """
    some = min(count, most, MOST_PAGES)
    if some < FEWEST_PLANES * CHANNELS[0]:
        return None
    looks = [_Look.of(page(number)) for number in range(some)]
    next_to = _steps(looks, 1)
    for channels in CHANNELS:
        if count % channels == 0 and some >= FEWEST_PLANES * channels and _take_turns(looks, next_to, channels):
            return PageOrder(channels, in_turn=True)
    for channels in CHANNELS:
        if count % channels == 0 and some == count >= FEWEST_PLANES * channels and _follow(next_to, channels):
            return PageOrder(channels, in_turn=False)
    return None


def _take_turns(looks: Sequence[_Look], next_to: NDArray[np.float64], channels: int) -> bool:
    """Return whether at least two of the changes within each turn are far larger than those from turn to turn."""
    alike = max(float(np.median(_steps(looks, channels))), LEAST)
    changes = sorted((float(np.median(next_to[n::channels])) for n in range(channels)), reverse=True)
    return changes[1] > max(MORE * alike, APART)


def _follow(next_to: NDArray[np.float64], channels: int) -> bool:
    """Return whether pages change at once where one channel would end, and hardly elsewhere."""
    planes = (len(next_to) + 1) // channels
    ends = np.arange(1, channels) * planes - 1
    least = max(BLOCKS_APART, MORE_THAN_ANY * float(np.delete(next_to, ends).max()))
    return bool((next_to[ends] > least).all())


def _steps(looks: Sequence[_Look], apart: int) -> NDArray[np.float64]:
    return np.array([before.distance(after) for before, after in zip(looks, looks[apart:], strict=False)])


@dataclass(frozen=True, slots=True)
class _Look:
    """What a page looks like.

    ``levels`` (4,) are logarithms of brightness, contrast, highest light and noise, ``light`` (32, 32) its light in
    bins, and ``noise`` what noise makes of the sum of the squares of that.
    """

    levels: NDArray[np.float64]
    light: NDArray[np.float64]
    noise: float

    @classmethod
    def of(cls, page: NDArray[np.generic]) -> _Look:
        rows = np.asarray(page[:: max(1, page.shape[0] // ROWS)], np.float32)
        some = rows[:, :: max(1, rows.shape[1] // ROWS)]
        low, middle, high, highest = np.quantile(some, (0.05, 0.5, 0.95, 0.999))
        noise = float(np.median(np.abs(np.diff(rows, axis=1)))) + 0.3
        levels = np.log(np.maximum([middle, high - low, highest - middle, noise], 0.5))
        side = [max(1, n // BINS) for n in rows.shape]
        cut = rows[: side[0] * (rows.shape[0] // side[0]), : side[1] * (rows.shape[1] // side[1])]
        bins = cut.reshape(cut.shape[0] // side[0], side[0], -1, side[1]).mean((1, 3))
        return cls(levels, bins - bins.mean(), noise**2 * bins.size / (side[0] * side[1]))

    def distance(self, other: _Look) -> float:
        """Return how far two pages lie apart, in which light counts as far as it stands out of the noise."""
        both = sum(float((look.light**2).sum()) + NOISE * look.noise for look in (self, other))
        return float(np.linalg.norm(self.levels - other.levels)) + float(((self.light - other.light) ** 2).sum()) / both
