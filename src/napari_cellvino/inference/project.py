"""From a stack to the one plane a network sees, reading plane by plane."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.errors import ImageValueError
from napari_cellvino.image import LUMINANCE, Plane, Stack, ZChoice, channel_index
from napari_cellvino.inference.progress import Progress


def project(
    stack: Stack, *, channel: str = "", z: ZChoice | None = None, frame: int = 1, inputs: int = 1
) -> Generator[Progress, None, Plane]:
    """Yield progress after every plane read and return the plane (1, Y, X) in the stack's dtype.

    All channels are projected, since all are measured; memory stays at three planes of each for any number of planes.
    Of RGB without a chosen channel, a network that takes 3 ``inputs`` sees the colours, another one the luminance
    (ITU-R BT.601), which is float32.

    Raises
    ------
    ImageValueError
        If the channel, plane or frame does not exist, or the pixels are no real numbers, or none is finite.
    """
    chosen = z or ZChoice()
    index = channel_index(stack, channel)
    planes = _planes_of(stack, chosen)
    if not 1 <= frame <= stack.shape.t:
        raise ImageValueError(f"{stack.origin.name} has no time point {frame}; it holds 1 to {stack.shape.t}")
    if stack.dtype.kind not in "biuf":
        raise ImageValueError(f"{stack.origin.name} holds {stack.dtype} pixels; only real numbers can be used")
    pixels = _read(stack, frame - 1, planes[0])
    yield Progress("planes", 1, len(planes))
    higher = np.fmax if pixels.dtype.kind == "f" else np.maximum  # a NaN gives way to a number in another plane
    for done, number in enumerate(planes[1:], 2):
        higher(pixels, _read(stack, frame - 1, number), out=pixels)
        yield Progress("planes", done, len(planes))
    seen = pixels[index : index + 1] if index is not None else pixels if inputs == 3 else _luminance(pixels)
    if seen.dtype.kind == "f" and not np.isfinite(seen).any():
        raise ImageValueError(f"{stack.origin.name} holds no finite pixel (all NaN or infinite)")
    words = describe_plane(stack, channel=channel, z=chosen, frame=frame, inputs=inputs)
    return Plane(pixels, seen, stack.spacing, stack.origin, stack.channels, words)


def describe_plane(stack: Stack, *, channel: str, z: ZChoice, frame: int, inputs: int = 1) -> str:
    """Return in words how a plane is made: ``DNA, maximum projection of 24 planes``.

    Raises
    ------
    ImageValueError
        If there is no such channel.
    """
    index = channel_index(stack, channel)
    colours = "colour" if inputs == 3 else "grey"
    parts = [colours if index is None else stack.channels[index]]
    if stack.shape.z > 1:
        parts.append(f"maximum projection of {stack.shape.z} planes" if z.plane is None else f"plane {z.plane}")
    if stack.shape.t > 1:
        parts.append(f"time point {frame} of {stack.shape.t}")
    return ", ".join(parts)


def _planes_of(stack: Stack, choice: ZChoice) -> range:
    if choice.plane is None:
        return range(stack.shape.z)
    if choice.plane > stack.shape.z:
        raise ImageValueError(
            f"{stack.origin.name} has no plane {choice.plane}; it holds {stack.shape.z} plane(s), counted from 1"
        )
    return range(choice.plane - 1, choice.plane)


def _read(stack: Stack, t: int, z: int) -> NDArray[np.generic]:
    """Return all channels (C, Y, X) of one plane; truth values become 0 and 1."""
    pixels = np.stack([stack.plane(t=t, c=c, z=z) for c in range(stack.shape.c)])
    return pixels.astype(np.uint8) if pixels.dtype == bool else pixels


def _luminance(rgb: NDArray[np.generic]) -> NDArray[np.float32]:
    return np.tensordot(np.asarray(LUMINANCE, np.float32), rgb.astype(np.float32), 1)[None]
