"""From a stack to the one plane a network sees, reading plane by plane."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import LUMINANCE, Plane, Stack, ZChoice, ZWay, channel_index
from napari_cellvino.core.progress import Progress
from napari_cellvino.segmentation.plane_reading import read_ahead
from napari_cellvino.segmentation.z_projection import Blend, Sharpest, make_blend


def project(
    stack: Stack, *, channel: str = "", z: ZChoice | None = None, frame: int = 1, inputs: int = 1
) -> Generator[Progress, None, Plane]:
    """Yield progress after every plane read and return the plane (1, Y, X): in the stack's dtype, a mean in float32.

    All channels are projected, since all are measured, and the sharpest plane is that of the channel chosen. The next
    plane is read while one is worked on; memory stays at a few planes of each channel for any number of planes. Of RGB
    without a chosen channel, a network that takes 3 ``inputs`` sees the colours, another one the luminance (ITU-R
    BT.601), which is float32.

    Raises
    ------
    ImageValueError
        If the channel, plane or frame does not exist, or the pixels are no real numbers, or none is finite.
    """
    chosen = z or ZChoice()
    index = channel_index(stack, channel)
    planes = _planes_of(stack, chosen)
    check_usable(stack, frame)
    blend = make_blend(chosen.way, index)
    for done, pixels in enumerate(read_ahead(stack, frame - 1, planes), 1):
        blend.add(pixels)
        yield Progress("planes", done, len(planes))
    return as_plane(stack, blend, channel=channel, z=chosen, frame=frame, inputs=inputs)


def check_usable(stack: Stack, frame: int) -> None:
    """Raise ImageValueError unless a stack has that time point (from 1) and pixels that are real numbers."""
    if not 1 <= frame <= stack.shape.t:
        raise ImageValueError(f"{stack.origin.name} has no time point {frame}; it holds 1 to {stack.shape.t}")
    if stack.dtype.kind not in "biuf":
        raise ImageValueError(f"{stack.origin.name} holds {stack.dtype} pixels; only real numbers can be used")


def as_plane(stack: Stack, blend: Blend, *, channel: str, z: ZChoice, frame: int, inputs: int) -> Plane:
    """Return what was made of a stack's planes, with all that is known of it.

    Raises
    ------
    ImageValueError
        If there is no such channel, or no finite pixel in it.
    """
    pixels = blend.result()
    seen = seen_of(pixels, channel_index(stack, channel), inputs)
    if seen.dtype.kind == "f" and not np.isfinite(seen).any():
        raise ImageValueError(f"{stack.origin.name} holds no finite pixel (all NaN or infinite)")
    sharpest = blend.number if isinstance(blend, Sharpest) else None
    words = describe_plane(stack, channel=channel, z=z, frame=frame, inputs=inputs, sharpest=sharpest)
    named = channel_name(stack, channel, inputs)
    return Plane(pixels, seen, stack.spacing, stack.origin_of(frame), stack.channels, words, named, sharpest)


def channel_name(stack: Stack, channel: str, inputs: int) -> str:
    """Return the name of what a network sees: a channel's, or ``colour`` or ``grey`` of RGB."""
    index = channel_index(stack, channel)
    return ("colour" if inputs == 3 else "grey") if index is None else stack.channels[index]


def seen_of(pixels: NDArray[np.generic], index: int | None, inputs: int) -> NDArray[np.generic]:
    """Return what a network sees of pixels (C, Y, X): one channel, or of RGB (None) the colours or the luminance."""
    return pixels[index : index + 1] if index is not None else pixels if inputs == 3 else _luminance(pixels)


def describe_plane(
    stack: Stack, *, channel: str, z: ZChoice, frame: int, inputs: int = 1, sharpest: int | None = None
) -> str:
    """Return in words how a plane is made: ``DNA, maximum projection of 24 planes``.

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
        ZWay.MIP: f"maximum projection of {count} planes",
        ZWay.MEAN: f"mean of {count} planes",
        ZWay.FOCUS: f"sharpest of {count} planes" + (f" (plane {sharpest})" if sharpest else ""),
        ZWay.PLANE: f"plane {z.plane}",
        ZWay.JOINED: f"{count} planes joined in 3D",
    }[z.way]


def _planes_of(stack: Stack, choice: ZChoice) -> range:
    if choice.plane is None:
        return range(stack.shape.z)
    if choice.plane > stack.shape.z:
        raise ImageValueError(
            f"{stack.origin.name} has no plane {choice.plane}; it holds {stack.shape.z} plane(s), counted from 1"
        )
    return range(choice.plane - 1, choice.plane)


def _luminance(rgb: NDArray[np.generic]) -> NDArray[np.float32]:
    return np.tensordot(np.asarray(LUMINANCE, np.float32), rgb.astype(np.float32), 1)[None]
