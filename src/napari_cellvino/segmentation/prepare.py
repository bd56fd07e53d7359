"""The one plane of a stack that goes into a network, read plane by plane."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.dyes import Dye, dye_named
from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import LUMINANCE, Plane, Stack, ZChoice, ZMode, channel_index
from napari_cellvino.core.progress import Progress
from napari_cellvino.core.stage_log import timed_stage
from napari_cellvino.core.threads import together
from napari_cellvino.segmentation.dye_light import light_through
from napari_cellvino.segmentation.lost_planes import PlaneSieve
from napari_cellvino.segmentation.plane_reading import read_ahead
from napari_cellvino.segmentation.z_projection import MaximumProjection, Projection, SharpestPlane, make_projection
from napari_cellvino.storage.large_arrays import allocate, copied

_logger = logging.getLogger(__name__)

InputChannel = int | Dye | None
"""A channel from 0, a dye of an image in colour, or None: all channels, or the luminance of the colours."""

LOOKED_AT_PX = 2**24  # pixels that are searched for infinite ones at once
CONVERTED_PX = 2**18  # pixels of which the luminance is worked out at once: what the processor's cache holds


def project(
    stack: Stack,
    *,
    channel: str = "",
    z: ZChoice | None = None,
    frame: int = 1,
    inputs: int = 1,
    on_plane: Callable[[NDArray[np.generic]], object] = lambda inputs: None,
) -> Generator[Progress, None, Plane]:
    """Yield progress after every plane read and return the plane, in the stack's dtype; a mean is float32.

    All channels are projected, since all are measured; the selected one says which plane is the sharpest. Dropped and
    burnt planes are left out. Memory holds a few planes of each channel, for any number of planes. For RGB without a
    selected channel, a network of 3 ``inputs`` gets the colours, another one the luminance (ITU-R BT.601) as float32.
    ``on_plane`` is called with what a network would see (K, Y, X) of each plane that is not left out.

    Raises
    ------
    ImageValueError
        If the channel, plane or frame does not exist, the pixels are not real numbers, or none is finite.
    """
    chosen = z or ZChoice()
    index = input_channel(stack, channel, inputs)
    planes = planes_of(stack, chosen)
    check_usable(stack, frame)
    projection, sieve = make_projection(chosen.way, None if isinstance(index, Dye) else index), PlaneSieve()

    def take(in_order: Iterable[tuple[int, NDArray[np.generic]]]) -> None:
        for z, pixels in in_order:
            on_plane(network_inputs(pixels, index, inputs))
            projection.add(z, pixels)

    with timed_stage(_logger, "read", stack.origin_of(frame).name, f"{len(planes)} plane(s)"):
        highest = isinstance(projection, MaximumProjection) and len(planes) > 1  # of colours beside each other as fast
        for done, pixels in enumerate(read_ahead(stack, frame - 1, planes, as_stored=highest), 1):
            take(sieve.add(pixels) if len(planes) > 1 else [(0, pixels)])
            yield Progress("planes", done, len(planes))
        take(sieve.rest())
    plane = make_plane(stack, projection, channel=channel, z=chosen, frame=frame, inputs=inputs)
    return replace(plane, lost=tuple(sorted(sieve.lost)))


def check_usable(stack: Stack, frame: int) -> None:
    """Raise ImageValueError unless a stack has the time point (from 1) and pixels of a real number type."""
    if not 1 <= frame <= stack.shape.t:
        raise ImageValueError(f"{stack.origin.name} has no time point {frame}; it holds 1 to {stack.shape.t}")
    if stack.dtype.kind not in "biuf":
        raise ImageValueError(f"{stack.origin.name} holds {stack.dtype} pixels; only real numbers can be used")


def make_plane(stack: Stack, projection: Projection, *, channel: str, z: ZChoice, frame: int, inputs: int) -> Plane:
    """Return the projection of a stack's planes with its metadata.

    Raises
    ------
    ImageValueError
        If there is no such channel, no finite pixel in it, or it was skipped at a time point: microscopes that take a
        channel less often than others store black planes between.
    """
    pixels = projection.result()
    seen = network_inputs(pixels, input_channel(stack, channel, inputs), inputs)
    if seen.dtype.kind == "f" and np.isnan(seen).all():
        raise ImageValueError(f"{stack.origin.name} holds no finite pixel (all NaN or infinite)")
    named = channel_name(stack, channel, inputs)
    if stack.shape.t > 1 and seen.dtype.kind == "u" and not seen.any() and pixels.any():
        raise ImageValueError(
            f"{named} was skipped at time point {frame} of {stack.origin.name}: every pixel is 0, and other channels "
            "hold an image; it is not counted there"
        )
    sharpest = projection.number if isinstance(projection, SharpestPlane) else None
    words = describe_plane(stack, channel=channel, z=z, frame=frame, inputs=inputs, sharpest=sharpest)
    return Plane(pixels, seen, stack.spacing, stack.origin_of(frame), stack.channels, words, named, sharpest)


def channel_name(stack: Stack, channel: str, inputs: int) -> str:
    """Return the name of what a network sees: a channel's, those of all, or of RGB ``colour``, ``grey`` or a dye."""
    index = input_channel(stack, channel, inputs)
    if index is not None:
        return index.value if isinstance(index, Dye) else stack.channels[index]
    return ("colour" if inputs == 3 else "grey") if stack.rgb else " + ".join(stack.channels)


def input_channel(stack: Stack, channel: str, inputs: int) -> InputChannel:
    """Return the channel (from 0) that a network of ``inputs`` channels gets; None: all of them, or RGB's luminance.

    A network of several channels gets all of an image that has so many, unless one is named. A `Dye` of an RGB image
    is a channel, too.

    Raises
    ------
    ImageValueError
        If there is no such channel, or all channels are asked for and the network takes another number.
    """
    every = not channel and inputs == stack.shape.c > 1
    index = None if every else channel_index(stack, channel)
    if index is None and stack.rgb and (dye := dye_named(channel)) is not None:
        return dye
    if index is None and inputs != stack.shape.c and not (stack.rgb and inputs == 1):
        raise ImageValueError(
            f"{stack.origin.name} has {stack.shape.c} channel(s), and the model takes {inputs} at once; "
            "choose an image like those it was made for, or another model"
        )
    return index


def network_inputs(pixels: NDArray[np.generic], index: InputChannel, inputs: int) -> NDArray[np.generic]:
    """Return the network's inputs (K, Y, X) from pixels (C, Y, X): one channel, or (None) all, or RGB's luminance.

    A dye is the light (1, Y, X) that it alone would let through. What is infinite is NaN in the others.
    """
    if isinstance(index, Dye):
        return light_through(pixels, index)
    seen = pixels[index : index + 1] if index is not None else pixels if inputs == len(pixels) else _luminance(pixels)
    return _without_infinite(seen) if seen.dtype.kind == "f" else seen


def describe_plane(
    stack: Stack, *, channel: str, z: ZChoice, frame: int, inputs: int = 1, sharpest: int | None = None
) -> str:
    """Return a description of a plane: ``DNA, maximum projection of 24 planes``.

    Raises
    ------
    ImageValueError
        If there is no such channel.
    """
    parts = [channel_name(stack, channel, inputs)]
    if stack.shape.z > 1:
        parts.append(_format_z(z, stack.shape.z, sharpest))
    if stack.shape.t > 1:
        parts.append(f"time point {frame} of {stack.shape.t}")
    return ", ".join(parts)


def _format_z(z: ZChoice, count: int, sharpest: int | None) -> str:
    return {
        ZMode.MIP: f"maximum projection of {count} planes",
        ZMode.MEAN: f"mean of {count} planes",
        ZMode.FOCUS: f"sharpest of {count} planes" + (f" (plane {sharpest})" if sharpest else ""),
        ZMode.PLANE: f"plane {z.plane}",
        ZMode.JOINED: f"{count} planes joined in 3D",
    }[z.way]


def planes_of(stack: Stack, choice: ZChoice) -> range:
    """Return the planes (from 0) that a choice along z takes; `ImageValueError` if the stack has no such plane."""
    if choice.plane is None:
        return range(stack.shape.z)
    if choice.plane > stack.shape.z:
        raise ImageValueError(
            f"{stack.origin.name} has no plane {choice.plane}; it holds {stack.shape.z} plane(s), counted from 1"
        )
    return range(choice.plane - 1, choice.plane)


def _without_infinite(seen: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return floats (K, Y, X) with NaN for what is infinite: what a division by 0 gives is no bright cell."""
    rows = max(1, LOOKED_AT_PX // seen.shape[2])
    bands = [slice(top, top + rows) for top in range(0, seen.shape[1], rows)]
    if not any(np.isinf(seen[:, band]).any() for band in bands):
        return seen
    known = copied(seen, seen.dtype)
    for band in bands:
        known[:, band][np.isinf(seen[:, band])] = np.nan
    return known


def _luminance(rgb: NDArray[np.generic]) -> NDArray[np.float32]:
    grey, weights = allocate((1, *rgb.shape[1:]), np.float32, zeros=False), np.asarray(LUMINANCE, np.float32)
    rows = max(1, CONVERTED_PX // rgb.shape[2])

    def convert(top: int) -> None:
        part = slice(top, top + rows)
        grey[0, part] = np.einsum("c,cyx->yx", weights, rgb[:, part].astype(np.float32))  # see `UnevenLight.over`

    together(convert, range(0, rgb.shape[1], rows))
    return grey
