"""Decode a part of a TIFF page: the tiles or strips that it touches, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffFrame, TiffPage

from napari_cellvino.io.instrument import Foreign
from napari_cellvino.storage.large_arrays import allocate

_JPEG = (6, 7, 34892, 33007)  # compressions whose tables stand once for all tiles of a page


def decode_part(page: TiffPage | TiffFrame, rows: slice, columns: slice) -> NDArray[np.generic]:
    """Return rows and columns of a page of one plane, whose file is open.

    Returns
    -------
    pixels
        Array with the axes of the page, in the byte order of this machine.
    """
    key: Foreign = page.keyframe
    separate, _, _, _, samples = key.shaped
    height, width = rows.stop - rows.start, columns.stop - columns.start
    out = allocate((separate, height, width, samples), np.dtype(key.dtype))
    file, numbers = page.parent.filehandle, list(_touched(key, rows, columns))
    offsets, counts = ([values[n] for n in numbers] for values in (page.dataoffsets, page.databytecounts))
    said: dict[str, Any] = {"_fullsize": False}
    if key.compression in _JPEG:
        said |= {"jpegtables": page.jpegtables, "jpegheader": key.jpegheader}
    for stored, number in file.read_segments(offsets, counts, numbers):
        pixels, (sample, _, y, x, _), (_, tall, wide, _) = key.decode(stored, number, **said)
        y0, y1 = max(y, rows.start), min(y + tall, rows.stop)
        x0, x1 = max(x, columns.start), min(x + wide, columns.stop)
        inside = key.nodata if pixels is None else pixels[0, y0 - y : y1 - y, x0 - x : x1 - x]
        out[sample, y0 - rows.start : y1 - rows.start, x0 - columns.start : x1 - columns.start] = inside
    sizes = {"S": page.shape[page.axes.index("S")] if "S" in page.axes else 1, "Y": height, "X": width}
    return out.reshape([sizes[axis] for axis in page.axes])


def _touched(key: Foreign, rows: slice, columns: slice) -> Iterator[int]:
    """Yield the numbers of the tiles or strips of a page that rows and columns lie in."""
    separate, _, length, width, _ = key.shaped
    tall, wide = (key.tilelength, key.tilewidth) if key.is_tiled else (key.rowsperstrip, width)
    down, across = -(-length // tall), -(-width // wide)
    ys = range(rows.start // tall, -(-rows.stop // tall))
    xs = range(columns.start // wide, -(-columns.stop // wide))
    for sample, y, x in product(range(separate), ys, xs):
        yield (sample * down + y) * across + x
