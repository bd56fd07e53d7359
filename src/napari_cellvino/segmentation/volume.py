"""A stack as what results in 3D belong to, and what the network said of its planes."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.image import Plane, Stack, ZChoice, ZWay
from napari_cellvino.core.progress import Progress
from napari_cellvino.core.stage_log import timed_stage
from napari_cellvino.engines.engine import EngineInfo
from napari_cellvino.segmentation.plane_reading import read_ahead
from napari_cellvino.segmentation.prepare import as_plane, check_usable
from napari_cellvino.segmentation.raw_maps import RawMaps
from napari_cellvino.segmentation.z_projection import Maximum

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Volume:
    """The planes of a stack at ``frame`` (from 1), read again where they are measured, and a hash of their pixels."""

    stack: Stack
    frame: int
    sha256: str


def read_volume(
    stack: Stack,
    *,
    channel: str = "",
    frame: int = 1,
    inputs: int = 1,
    look: Callable[[NDArray[np.generic]], object] = lambda pixels: None,
) -> Generator[Progress, None, tuple[Plane, Volume]]:
    """Yield progress after every plane read and return the maximum projection of a stack, and the stack as a volume.

    Each plane is read once; ``look`` is shown all its channels (C, Y, X). ``channel`` and ``inputs`` say what of the
    projection a network, or a person, sees.

    Raises
    ------
    ImageValueError
        If the channel or frame does not exist, or the pixels are no real numbers, or none is finite.
    """
    check_usable(stack, frame)
    count, blend = stack.shape.z, Maximum()
    digest = hashlib.sha256(f"{stack.dtype.str}{stack.shape}{frame}".encode())
    with timed_stage(_logger, "read", stack.origin_of(frame).name, f"{count} planes"):
        for done, pixels in enumerate(read_ahead(stack, frame - 1, range(count)), 1):
            digest.update(np.ascontiguousarray(pixels).data)
            look(pixels)
            blend.add(pixels)
            yield Progress("planes", done, count)
    plane = as_plane(stack, blend, channel=channel, z=ZChoice(ZWay.JOINED), frame=frame, inputs=inputs)
    return plane, Volume(stack, frame, digest.hexdigest())


@dataclass(frozen=True, slots=True)
class StackMaps:
    """What the network said of each plane, and the normalised pixels (Z, Y, X) float16 that brightness comes from.

    Where nothing is to be decoded again, the maps and the pixels are empty.
    """

    planes: tuple[RawMaps, ...]
    seen: NDArray[np.float16]
    volume: Volume

    @property
    def facts(self) -> EngineInfo:
        """What it ran on."""
        return self.planes[0].facts

    @property
    def tiles(self) -> int:
        """Tiles of all planes."""
        return sum(raw.tiles for raw in self.planes)

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences for the user, each once."""
        return tuple(dict.fromkeys(notice for raw in self.planes for notice in raw.notices))


def cell_map(raw: RawMaps | StackMaps, names: tuple[str, ...], z: int | None = None) -> NDArray[np.float16] | None:
    """Return the probability of a cell (Y, X) that the network gave, or None where it has no such map.

    ``names`` are those of the model's maps; ``z`` (from 0) is the plane of a stack.
    """
    if "foreground" not in names:
        return None
    of_plane = raw if isinstance(raw, RawMaps) else raw.planes[z] if z is not None else None
    if of_plane is None or of_plane.maps.shape[1:] != of_plane.shape:
        return None
    found: NDArray[np.float16] = of_plane.maps[names.index("foreground")]
    return found
