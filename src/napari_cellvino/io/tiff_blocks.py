"""Read the pixels of a TIFF a block at a time, where a block is as little as the file allows: one plane, or one page.

No file stays open between planes: an open handle blocks deleting and renaming on Windows, is one more thing to close
for whoever holds a `Stack`, and shares its position between threads. Opening costs some 20 µs against milliseconds
for a plane. What stays is the parsed directory, in memory.

Pixels that lie in one piece, as cameras and ImageJ write them, are read from the file straight into the plane, by any
number of threads at once. Pages that are compressed or scattered are decoded by tifffile, one at a time per source
(its handles are not thread-safe; it decodes the tiles of a page in threads of its own). tifffile's zarr store was ruled
out: measured against this it takes 0.9 to 1.1 times the time for compressed planes, 1.5 to 4 times for plain ones and
27 times for the colours of a compressed page, and its file stays open.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffFrame, TiffPage, TiffPageSeries

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.io.axes import AxisLayout
from napari_cellvino.io.block_planes import Blocks, Window, cut
from napari_cellvino.io.checks import check_extent, check_memory, check_ratio, list_names, parse_errors, truncated_error
from napari_cellvino.io.tiff_part import decode_part
from napari_cellvino.storage.large_arrays import allocate


@dataclass(frozen=True, slots=True)
class ContiguousBlocks:
    """Blocks that lie one after the other in a file from byte ``offset``, of ``dtype`` in the file's byte order."""

    path: Path
    offset: int
    dtype: np.dtype[np.generic]
    start: int
    sizes: tuple[int, ...]

    def block(self, number: int) -> NDArray[np.generic]:
        """Return one block.

        Raises
        ------
        ImageReadError
            If the file ends before it, or it does not fit in memory.
        """
        nbytes = math.prod(self.sizes) * self.dtype.itemsize
        begin = self.offset + number * nbytes
        with parse_errors(self.path), self.path.open("rb") as file:
            check_extent(self.path, begin + nbytes, file.seek(0, 2))
            check_memory(self.path, nbytes)
            pixels: NDArray[np.generic] = allocate(self.sizes, self.dtype)
            file.seek(begin)
            if file.readinto(pixels.reshape(-1).view(np.uint8).data) != nbytes:
                raise truncated_error(self.path, "its last pixels are missing")
        return pixels.astype(self.dtype.newbyteorder("="), copy=False)

    def part(self, number: int, window: Window) -> NDArray[np.generic]:
        """Return rows and columns of one block; errors as `block`."""
        nbytes = math.prod(self.sizes) * self.dtype.itemsize
        begin = self.offset + number * nbytes
        with parse_errors(self.path), self.path.open("rb") as file:
            check_extent(self.path, begin + nbytes, file.seek(0, 2))
            whole = np.memmap(file, self.dtype, "r", begin, self.sizes)
            return cut(whole, window).astype(self.dtype.newbyteorder("="), copy=False)


@dataclass(frozen=True, slots=True)
class PagedBlocks:
    """Blocks of one page each, or of several, decoded by tifffile; a page is None where the file lacks it."""

    path: Path
    pages: tuple[TiffPage | TiffFrame | None, ...]
    start: int
    sizes: tuple[int, ...]
    page_size: int
    lock: Lock  # of the source: all positions of a file share its handle
    missing: tuple[str, ...] = ()

    def _where_it_was(self) -> str:
        if self.missing:
            return f"it lies in {list_names(self.missing)}, which must be copied beside it"
        return "the file is cut short, or one of a set of files that must be kept together"

    def block(self, number: int) -> NDArray[np.generic]:
        """Return one block.

        Raises
        ------
        ImageReadError
            If a page is missing, cut short or damaged, or does not fit in memory.
        """
        count = math.prod(self.sizes) // self.page_size
        if count == 1:
            return self._page(number).reshape(self.sizes)
        first = number * count
        return np.stack([self._page(n) for n in range(first, first + count)]).reshape(self.sizes)

    def part(self, number: int, window: Window) -> NDArray[np.generic]:
        """Return rows and columns of one block, whose tiles or strips alone are decoded; errors as `block`."""
        page = next((page for page in self.pages if page is not None), None)
        if page is None or len(self.sizes) < len(page.shape) or not self._fits(page, window):
            return cut(self.block(number), window)
        rows, columns = window.values()
        count = math.prod(self.sizes) // self.page_size
        pages = [self._page(n, (rows, columns)) for n in range(number * count, (number + 1) * count)]
        cut_sizes = [len(range(n)[window.get(d, slice(None))]) for d, n in enumerate(self.sizes)]
        return np.stack(pages).reshape(cut_sizes)

    def _fits(self, page: TiffPage | TiffFrame, window: Window) -> bool:
        """Return whether the rows and columns that are asked for are those of pages."""
        before = len(self.sizes) - len(page.shape)
        places = [before + page.axes.find(axis) for axis in "YX"]
        return self.sizes[before:] == page.shape and list(window) == places and "Z" not in page.axes

    def has(self, number: int) -> bool:
        """Return whether all pages of a block are there."""
        count = math.prod(self.sizes) // self.page_size
        held = self.pages[number * count : (number + 1) * count]
        return len(held) == count and all(page is not None for page in held)

    def _page(self, number: int, part: tuple[slice, slice] | None = None) -> NDArray[np.generic]:
        page = self.pages[number] if number < len(self.pages) else None
        if page is None:
            raise ImageReadError(f"{self.path.name}: page {number + 1} is missing; {self._where_it_was()}")
        path = Path(page.parent.filehandle.path)  # one of several files in an OME-TIFF set
        with self.lock, parse_errors(path):
            return _decoded(path, page, part)


TiffBlocks = ContiguousBlocks | PagedBlocks


def _decoded(path: Path, page: TiffPage | TiffFrame, part: tuple[slice, slice] | None) -> NDArray[np.generic]:
    """Return the pixels of a page, or its rows and columns of a part; its file is open only meanwhile."""
    file = page.parent.filehandle
    file.open()
    try:
        _check_page(path, page, path.stat().st_size)
        if part is not None:
            return decode_part(page, *part)
        check_memory(path, page.nbytes)
        pixels: NDArray[np.generic] = page.asarray(out=allocate(page.shape, np.dtype(page.dtype)))
        return pixels
    finally:
        file.close()


def _check_page(path: Path, page: TiffPage | TiffFrame, size: int) -> None:
    if page.is_contiguous and page.dataoffsets[0] > 0:
        check_extent(path, page.dataoffsets[0] + page.nbytes, size)
        return
    stored = [(o, n) for o, n in zip(page.dataoffsets, page.databytecounts, strict=False) if o > 0 and n > 0]
    if not stored:
        raise ImageReadError(f"{path.name}: page {page.index + 1} has no pixels; it was never written to its end")
    check_extent(path, max(o + n for o, n in stored), size)
    if len(page.dataoffsets) < math.prod(page.chunked):
        raise truncated_error(
            path, f"page {page.index + 1} has {len(page.dataoffsets)} of {math.prod(page.chunked)} pieces"
        )
    check_ratio(path, page.nbytes, sum(n for _, n in stored))


def cut_warning(blocks: Blocks, count: int) -> tuple[str, ...]:
    """Return what to say of a file that ends before the last of its ``count`` blocks of one plane or more."""
    if not isinstance(blocks, ContiguousBlocks) or count < 2:
        return ()
    nbytes = math.prod(blocks.sizes) * blocks.dtype.itemsize
    there = max(blocks.path.stat().st_size - blocks.offset, 0) // nbytes
    said = f"the file is cut short: {there} of its {count} planes are there; copy it again from where it was made"
    return (said,) if there < count else ()


def present_channels(layout: AxisLayout, blocks: Blocks, position: int) -> tuple[int, ...]:
    """Return the channels (from 0) of a position of which no page is missing."""
    shape = layout.shape
    if not isinstance(blocks, PagedBlocks) or all(page is not None for page in blocks.pages):
        return tuple(range(shape.c))
    return tuple(c for c in range(shape.c) if _whole(layout, blocks, position, c))


def _whole(layout: AxisLayout, blocks: PagedBlocks, position: int, c: int) -> bool:
    places = product(range(layout.shape.t), range(layout.shape.z))
    roles = ({"T": t, "C": c, "Z": z, "P": position} for t, z in places)
    return all(blocks.has(layout.locate(blocks.start, role)[0]) for role in roles)


def plan_blocks(
    path: Path, series: TiffPageSeries, layout: AxisLayout, lock: Lock, missing: tuple[str, ...] = ()
) -> TiffBlocks:
    """Return the cheapest way to read the array of ``series``, whose file is open; ``lock`` is one per source.

    ``missing`` are the names of files of its set that are not there.
    """
    offset = None if series.is_multifile else series.dataoffset
    if offset:
        start = layout.plane_start
        dtype = series.dtype.newbyteorder(series.keyframe.parent.byteorder)
        own = Path(series.keyframe.parent.filehandle.path)  # of a set, an image may lie whole in another file
        return ContiguousBlocks(own, offset, dtype, start, layout.stored[start:])
    page_size = math.prod(series.keyframe.shape)
    start = layout.block_start(page_size)
    sizes = layout.stored[start:]
    if math.prod(sizes) % page_size:
        raise ImageReadError(f"{path.name} is damaged: its pages do not add up to {layout.stored}")
    return PagedBlocks(path, tuple(series), start, sizes, page_size, lock, missing)
