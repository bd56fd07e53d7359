"""The volume that a result in 3D belongs to, and the network's output for its planes."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.image import Plane, Stack, ZChoice, ZMode
from napari_cellvino.core.progress import Progress
from napari_cellvino.core.stage_log import timed_stage
from napari_cellvino.engines.engine import EngineInfo
from napari_cellvino.segmentation.lost_planes import PlaneSieve, describe_lost
from napari_cellvino.segmentation.plane_reading import read_ahead
from napari_cellvino.segmentation.prepare import check_usable, make_plane
from napari_cellvino.segmentation.raw_maps import RawMaps
from napari_cellvino.segmentation.z_projection import MaximumProjection

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Volume:
    """A stack at ``frame`` (from 1), whose planes are read again for measuring, and the hash of its pixels.

    ``lost`` are dropped or burnt planes, from 0, with the planes before and after; at an end both are the one beside.
    """

    stack: Stack
    frame: int
    sha256: str
    lost: Mapping[int, tuple[int, int]] = field(default_factory=dict)

    def planes(self) -> Iterator[NDArray[np.generic]]:
        """Yield the planes (C, Y, X) one by one; lost ones are NaN."""
        for z, pixels in enumerate(read_ahead(self.stack, self.frame - 1, range(self.stack.shape.z))):
            yield np.full(pixels.shape, np.nan, np.float32) if z in self.lost else pixels


def read_volume(
    stack: Stack,
    *,
    channel: str = "",
    frame: int = 1,
    inputs: int = 1,
    on_plane: Callable[[NDArray[np.generic]], object] = lambda pixels: None,
) -> Generator[Progress, None, tuple[Plane, Volume]]:
    """Yield progress after every plane read and return the maximum projection of a stack, and its volume.

    Each plane is read once; ``on_plane`` is called with all channels (C, Y, X) of each that is not lost. ``channel``
    and ``inputs`` are as in `project`.

    Raises
    ------
    ImageValueError
        If the channel or frame does not exist, the pixels are not real numbers, or none is finite.
    """
    check_usable(stack, frame)
    count, projection, sieve = stack.shape.z, MaximumProjection(), PlaneSieve()
    digest = hashlib.sha256(f"{stack.dtype.str}{stack.shape}{frame}".encode())

    def take(in_order: Iterable[tuple[int, NDArray[np.generic]]]) -> None:
        for z, pixels in in_order:
            on_plane(pixels)
            projection.add(z, pixels)

    with timed_stage(_logger, "read", stack.origin_of(frame).name, f"{count} planes"):
        for done, pixels in enumerate(read_ahead(stack, frame - 1, range(count)), 1):
            digest.update(np.ascontiguousarray(pixels).data)
            take(sieve.add(pixels))
            yield Progress("planes", done, count)
        take(sieve.rest())
    plane = make_plane(stack, projection, channel=channel, z=ZChoice(ZMode.JOINED), frame=frame, inputs=inputs)
    return replace(plane, lost=tuple(sorted(sieve.lost))), Volume(stack, frame, digest.hexdigest(), sieve.lost)


@dataclass(frozen=True, slots=True)
class StackMaps:
    """The network's output for each plane, and the normalised pixels (Z, Y, X) float16 for the brightness of objects.

    Where maps are not kept, both are empty.
    """

    planes: tuple[RawMaps, ...]
    normalised: NDArray[np.float16]
    volume: Volume

    @property
    def engine_info(self) -> EngineInfo:
        """The engine of the run."""
        return self.planes[0].engine_info

    @property
    def tiles(self) -> int:
        """Number of tiles of all planes."""
        return sum(raw.tiles for raw in self.planes)

    @property
    def smaller_tile(self) -> int:
        """The smallest size in px of tiles that were smaller than planned; else 0."""
        return min((raw.smaller_tile for raw in self.planes if raw.smaller_tile), default=0)

    @property
    def notices(self) -> tuple[str, ...]:
        """Notices for the user, each once."""
        found = dict.fromkeys(notice for raw in self.planes for notice in raw.notices)
        return (*describe_lost(self.volume.lost, bridged=True), *found)


def cell_map(raw: RawMaps | StackMaps, names: tuple[str, ...], z: int | None = None) -> NDArray[np.float16] | None:
    """Return the foreground probability (Y, X) float16, or None where the network has no such map at full size.

    ``names`` are those of the model's maps; ``z`` (from 0) is the plane of a stack.
    """
    if "foreground" not in names:
        return None
    of_plane = raw if isinstance(raw, RawMaps) else raw.planes[z] if z is not None else None
    if of_plane is None or of_plane.maps.shape[1:] != of_plane.shape:
        return None
    found: NDArray[np.float16] = of_plane.maps[names.index("foreground")]
    return found
