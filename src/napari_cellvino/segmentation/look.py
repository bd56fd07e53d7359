"""One look of a model at a window of a plane, at any zoom: what estimates need, before a whole field is run.

All windows are tiles of one size, so that no network is compiled twice. Test-time augmentation is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.engines.engine import Engine
from napari_cellvino.model_package import ModelSpec
from napari_cellvino.segmentation.normalise import IntensityRange, normalise_into
from napari_cellvino.segmentation.raw_maps import RawMaps
from napari_cellvino.segmentation.rescale import resize_pixels, resized_shape

WINDOW = 384  # px of the network
GRID = 4  # windows are looked for at so many places along each axis

Box = tuple[int, int, int, int]  # (y0, x0, y1, x1) in px, half-open


def look_at(
    part: NDArray[np.generic], ranges: Sequence[IntensityRange], spec: ModelSpec, engine: Engine, *, zoom: float = 1.0
) -> RawMaps:
    """Return the maps of a part (K, y, x) of a plane that, at ``zoom``, fits a window."""
    tile = min(WINDOW, spec.tile)
    info = engine.load(tile)
    shape = resized_shape(part.shape, zoom)
    pixels = resize_pixels(part, (min(tile, shape[0]), min(tile, shape[1])))
    batch = np.zeros((1, spec.input_channels, tile, tile), np.float32)
    normalise_into(batch[0], pixels, ranges)
    height, width = pixels.shape[1:]
    rows, columns = -(-height // spec.stride), -(-width // spec.stride)
    maps = np.ascontiguousarray(engine.infer(batch)[0][:, :rows, :columns])
    return RawMaps(maps, info, tile, 1, (part.shape[1], part.shape[2]), (height, width))


def liveliest_window(inputs: NDArray[np.generic], side: int, ranges: Sequence[IntensityRange]) -> Box:
    """Return the square of ``side`` px (or less, in a smaller image) that varies most, of a few spread over a plane.

    What outshines the range of a channel does not count: it is no cell.
    """
    height, width = min(inputs.shape[1], side), min(inputs.shape[2], side)
    tops = np.unique(np.linspace(0, inputs.shape[1] - height, GRID).astype(int)).tolist()
    lefts = np.unique(np.linspace(0, inputs.shape[2] - width, GRID).astype(int)).tolist()
    boxes = [(y, x, y + height, x + width) for y in tops for x in lefts]
    return max(boxes, key=lambda box: _variation(cut(inputs, box), ranges))


def window_within(inputs: NDArray[np.generic], outer: Box, side: int, ranges: Sequence[IntensityRange]) -> Box:
    """Return the liveliest square of ``side`` px (or less) within a box of a plane (K, Y, X)."""
    y0, x0, y1, x1 = liveliest_window(cut(inputs, outer), side, ranges)
    return y0 + outer[0], x0 + outer[1], y1 + outer[0], x1 + outer[1]


def cut(pixels: NDArray[np.generic], box: Box) -> NDArray[np.generic]:
    """Return the part (K, y, x) of pixels (K, Y, X) in a box."""
    y0, x0, y1, x1 = box
    return pixels[:, y0:y1, x0:x1]


def _variation(part: NDArray[np.generic], ranges: Sequence[IntensityRange]) -> float:
    """Return the standard deviation of normalised pixels (K, y, x), of every fourth one."""
    seen = [(r.apply(channel), r.clip[1]) for r, channel in zip(ranges, part[:, ::4, ::4], strict=True)]
    counted = np.concatenate([values[np.isfinite(values) & (values < most)] for values, most in seen])
    return float(counted.std()) if counted.size else 0.0
