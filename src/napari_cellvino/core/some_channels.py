"""An image of some channels of another one, where the rest is not there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import PlaneReader, Stack


@dataclass(frozen=True, slots=True)
class ChannelPlanes:
    """The planes of some channels (from 0) of an image, in the order of ``channels``."""

    planes: PlaneReader
    channels: tuple[int, ...]

    def plane(self, *, t: int, c: int, z: int) -> NDArray[np.generic]:
        """Return one plane (Y, X)."""
        if not 0 <= c < len(self.channels):
            raise ImageValueError(f"there is no channel {c + 1}; {len(self.channels)} are there")
        return self.planes.plane(t=t, c=self.channels[c], z=z)


def select_stack_channels(stack: Stack, channels: Sequence[int], warning: str) -> Stack:
    """Return a stack of some of its channels (from 0), which keep their numbers; ``warning`` is the reason."""
    kept = tuple(channels)
    return replace(
        stack,
        planes=ChannelPlanes(stack.planes, kept),
        shape=stack.shape._replace(c=len(kept)),
        channels=tuple(stack.channels[c] for c in kept),
        hints=tuple(stack.hints[c] for c in kept) if stack.hints else (),
        numbers=tuple(stack.channel_numbers[c] for c in kept),
        absent=tuple(name for c, name in enumerate(stack.channels) if c not in kept),
        rgb=False,
        warnings=(*stack.warnings, warning),
    )
