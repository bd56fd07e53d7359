"""Show a stack as image layers: lazy where it has several planes, one layer per channel, with its true scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import napari
import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.image import Shape, Spacing, Stack

_STAINS = (
    ("bop blue", ("dna", "dapi", "hoechst", "405")),
    ("green", ("gfp", "fitc", "488", "egfp")),
    ("magenta", ("rfp", "mcherry", "tritc", "cy3", "561")),
    ("red", ("cy5", "647", "far red")),
)
_OTHERS = ("yellow", "cyan", "bop orange", "bop purple")
_PERCENTILES = (0.5, 99.9)


@dataclass(frozen=True, slots=True)
class LayerRecipe:
    """What one image layer is made of: its array and the arguments of `napari.layers.Image`."""

    data: Any
    arguments: dict[str, Any]


def prepare_layers(stack: Stack) -> tuple[LayerRecipe, ...]:
    """Return one layer per channel (one for RGB); reads one plane of each, so call it from a thread."""
    channels: tuple[int | None, ...] = (None,) if stack.rgb else tuple(range(stack.shape.c))
    return tuple(_layer(stack, channel) for channel in channels)


def layer_space(stack: Stack) -> dict[str, Any]:
    """Return scale, units and axis labels of a stack's layers."""
    axes = shown_axes(stack.shape)
    spacing = stack.spacing if stack.spacing.known else Spacing()
    sizes = [getattr(spacing, axis.lower(), None) for axis in axes]
    return {
        "scale": [1.0 if size is None else size for size in sizes],
        "units": ["pixel" if size is None else "micrometer" for size in sizes],
        "axis_labels": [axis.lower() for axis in axes],
    }


def units_differ(viewer: napari.Viewer) -> bool:
    """Return whether layers are in units that do not mix, as µm and pixels: napari uses none of them then."""
    return len(viewer.layers) > 0 and viewer.layers.extent.units is None


def shown_axes(shape: Shape) -> str:
    """Return the axes a layer has: T and Z where there are several."""
    return "".join(axis for axis, n in (("T", shape.t), ("Z", shape.z)) if n > 1) + "YX"


def layer_name(stack: Stack, channel: int | None) -> str:
    """Return the name of the layer of a channel."""
    several = channel is not None and stack.shape.c > 1
    return f"{stack.origin.name}: {stack.channels[channel]}" if several and channel is not None else stack.origin.name


def _layer(stack: Stack, channel: int | None) -> LayerRecipe:
    middle = _pixels(stack, channel, 0, stack.shape.z // 2)
    lazy = stack.shape.t * stack.shape.z > 1
    arguments = {"name": layer_name(stack, channel), "rgb": stack.rgb, **layer_space(stack)}
    if not stack.rgb:
        arguments |= {"contrast_limits": contrast_limits(middle), "colormap": _colour(stack, channel or 0)}
    if not stack.rgb and stack.shape.c > 1:
        arguments["blending"] = "additive"
    return LayerRecipe(_lazy(stack, channel, middle) if lazy else middle, arguments)


def _lazy(stack: Stack, channel: int | None, example: NDArray[np.generic]) -> object:
    """Return a dask array with a chunk per plane, read when it is shown."""
    import dask.array

    axes = shown_axes(stack.shape)[:-2]

    def read(block_id: tuple[int, ...]) -> NDArray[np.generic]:
        where = dict(zip(axes, block_id, strict=False))
        return _pixels(stack, channel, where.get("T", 0), where.get("Z", 0))[(None,) * len(axes)]

    before = tuple((1,) * getattr(stack.shape, axis.lower()) for axis in axes)
    chunks = (*before, *((n,) for n in example.shape))
    meta = np.empty((0,) * len(chunks), example.dtype)
    map_blocks: Callable[..., object] = dask.array.map_blocks
    return map_blocks(read, chunks=chunks, dtype=example.dtype, meta=meta, name=False)


def _pixels(stack: Stack, channel: int | None, t: int, z: int) -> NDArray[np.generic]:
    """Return a plane (Y, X), or (Y, X, 3) of an RGB stack."""
    if channel is not None:
        return stack.plane(t=t, c=channel, z=z)
    colours = np.stack([stack.plane(t=t, c=c, z=z) for c in range(3)], -1)
    if colours.dtype == np.uint8 or colours.dtype.kind == "f":
        return colours
    top = 256**colours.dtype.itemsize - 1
    shown: NDArray[np.generic] = (colours.astype(np.float32) * (255 / top)).astype(np.uint8)
    return shown


def contrast_limits(plane: NDArray[np.generic]) -> tuple[float, float]:
    """Return the contrast limits from a sample of the pixels."""
    step = max(1, int((plane.size / 1e6) ** 0.5))
    sample = plane[::step, ::step].astype(np.float64)
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return 0.0, 1.0
    low, high = np.percentile(sample, _PERCENTILES)
    return float(low), float(max(high, low + 1e-6 * max(1.0, abs(low)) if plane.dtype.kind == "f" else low + 1))


def _colour(stack: Stack, channel: int) -> str:
    if stack.shape.c == 1:
        return "gray"
    name = stack.channels[channel].casefold()
    known = next((colour for colour, stains in _STAINS if any(stain in name for stain in stains)), None)
    return known or _OTHERS[channel % len(_OTHERS)]
