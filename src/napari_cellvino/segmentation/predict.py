"""One plane through the network and its head: the template every run follows."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import psutil
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import Plane
from napari_cellvino.core.progress import Progress, Stage
from napari_cellvino.core.stage_log import log_stage
from napari_cellvino.engines.engine import Engine, EngineTileError
from napari_cellvino.model_package import ModelSpec, Takes
from napari_cellvino.segmentation.crops import check_middle, into_middle
from napari_cellvino.segmentation.heads import Decoded, head_for
from napari_cellvino.segmentation.normalise import IntensityRange, normalise_into, range_for
from napari_cellvino.segmentation.raw_maps import RawMaps, allocate_maps
from napari_cellvino.segmentation.refine import CellMasks
from napari_cellvino.segmentation.rescale import resize_pixels, resized_shape, zoom_for
from napari_cellvino.segmentation.stitch_z.slices import Slices
from napari_cellvino.segmentation.test_time_augmentation import infer_views
from napari_cellvino.segmentation.tiling import Stitcher, TilePlan, choose_tile, cut_tile, plan_tiles
from napari_cellvino.segmentation.volume import StackMaps

_logger = logging.getLogger(__name__)

SMALLEST_TILE = 128
FREE_SHARE = 0.5  # of the free memory that one tile may take


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was found in a plane; ``values`` holds every parameter it was decoded with.

    ``masks`` are those of the cells where a second model outlined what the first one found. Of a stack joined in 3D,
    ``plane`` is the maximum projection and ``slices`` are what was found plane by plane.
    """

    plane: Plane
    raw: RawMaps | StackMaps
    decoded: Decoded
    values: dict[str, float]
    masks: CellMasks | None = None
    slices: Slices | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will cost: tiles of ``tile`` px, and bytes of memory beyond the image."""

    tile: int
    tiles: int
    bytes: int


def infer_maps(
    plane: Plane,
    spec: ModelSpec,
    engine: Engine,
    *,
    diameter_px: float | None = None,
    ranges: Sequence[IntensityRange] | None = None,
) -> Generator[Progress, None, RawMaps]:
    """Yield progress after every tile and return the stitched maps for ``plane``, as the model's head keeps them.

    Parameters
    ----------
    plane : Plane
        Its ``inputs`` (K, Y, X) may be of any real dtype; K must be what the model takes, or 1.
    spec : ModelSpec
        What the model needs.
    engine : Engine
        Runs the network. If it cannot run a tile, smaller tiles are tried, and a notice says so.
    diameter_px : float, optional
        Typical object diameter in the plane, which is resized so that it becomes the model's own; by default the
        diameter that the model assumes.
    ranges : sequence of IntensityRange, optional
        What becomes 0 and 1 in each channel; by default those of the plane alone.

    Raises
    ------
    ImageValueError
        If the plane has the wrong number of channels, or is larger than the one crop that a model of masks takes.
    InferenceError
        If the network cannot be run even on the smallest tile.
    """
    head = head_for(spec)
    _check_inputs(plane.inputs, spec)
    ranges = ranges or [range_for(channel, spec.normalise) for channel in plane.inputs]
    pixels = resize_pixels(plane.inputs, resized_shape(plane.shape, zoom_for(spec, diameter_px)))
    work = _infer_middle if spec.takes is Takes.CROP else _infer_tiled
    started = time.perf_counter()
    raw = yield from work(pixels, ranges, spec, engine)
    if _logger.isEnabledFor(logging.DEBUG):
        facts = f"{raw.tiles} tile(s) of {raw.tile} px, {spec.name} on {raw.facts.device} {raw.facts.number_type}"
        log_stage(_logger, "infer", plane.origin.name, time.perf_counter() - started, facts)
    return head.keep(replace(raw, shape=plane.shape))


def decode(raw: RawMaps, spec: ModelSpec, values: Mapping[str, float]) -> Decoded:
    """Return what kept maps hold; no network is touched. ``values`` has every parameter of the head."""
    return head_for(spec).decode(raw, values)


def estimate(shape: tuple[int, int], spec: ModelSpec, *, diameter_px: float | None = None) -> Estimate:
    """Return what a run on a plane of ``shape`` will take."""
    height, width = resized_shape(shape, zoom_for(spec, diameter_px))
    if spec.takes is Takes.CROP:
        check_middle((height, width), spec)
        height = width = spec.tile
    tile = spec.tile if spec.takes is Takes.CROP else _largest_tile(spec, (height, width))
    plan = _plan(height, width, spec, tile)
    maps = 2 * len(spec.maps) * (height // spec.stride) * (width // spec.stride)
    decoding = 24 * min(shape[0] * shape[1], 16_000_000) // spec.stride**2
    return Estimate(tile, len(plan), spec.bytes_fixed + tile**2 * spec.bytes_per_pixel + maps + decoding)


def for_stack(one: Estimate, spec: ModelSpec, shape: tuple[int, int, int]) -> Estimate:
    """Return what a run on all planes of ``shape`` (Z, Y, X) will take, where one takes this much; maps are kept."""
    planes, height, width = shape
    kept = 2 * (len(spec.maps) + 1) + 2 * 4  # maps and pixels in float16; labels in planes, and joined
    return Estimate(one.tile, one.tiles * planes, one.bytes + kept * planes * height * width)


def _check_inputs(inputs: NDArray[np.generic], spec: ModelSpec) -> None:
    if inputs.ndim != 3 or len(inputs) not in {1, spec.input_channels}:
        raise ImageValueError(
            f"model {spec.name} takes {spec.input_channels} channel(s), not pixels of shape {inputs.shape}"
        )


def _infer_middle(
    pixels: NDArray[np.generic], ranges: Sequence[IntensityRange], spec: ModelSpec, engine: Engine
) -> Generator[Progress, None, RawMaps]:
    """Run the one crop that an image in its middle makes."""
    check_middle(pixels.shape, spec)
    crop, (y, x) = into_middle(pixels, spec.tile)
    raw = yield from _run_tiles(crop, ranges, spec, engine, spec.tile)
    height, width = pixels.shape[1:]
    return replace(raw, maps=raw.maps[:, y : y + height, x : x + width], seen=(height, width))


def _infer_tiled(
    pixels: NDArray[np.generic], ranges: Sequence[IntensityRange], spec: ModelSpec, engine: Engine
) -> Generator[Progress, None, RawMaps]:
    notices: tuple[str, ...] = ()
    tile = first = _largest_tile(spec, pixels.shape)
    while True:
        try:
            raw = yield from _run_tiles(pixels, ranges, spec, engine, tile)
            return replace(raw, notices=notices)
        except (EngineTileError, MemoryError) as error:
            if tile <= SMALLEST_TILE:
                raise
            tile = max(SMALLEST_TILE, tile // 2 // 16 * 16)
            _logger.warning("%s: tiles of %d px did not run (%s); trying %d px", spec.name, first, error, tile)
            notices = (f"Tiles of {first} px did not run ({str(error) or 'out of memory'}); went on with {tile} px",)


def _largest_tile(spec: ModelSpec, shape: tuple[int, ...]) -> int:
    free = FREE_SHARE * psutil.virtual_memory().available - spec.bytes_fixed
    largest = spec.tile
    while largest > SMALLEST_TILE and largest**2 * spec.bytes_per_pixel > free:
        largest = max(SMALLEST_TILE, largest // 2 // 16 * 16)
    return choose_tile(shape[-2], shape[-1], largest=largest, halo=spec.halo)


def _plan(height: int, width: int, spec: ModelSpec, tile: int) -> TilePlan:
    """Return the tiles of an image in map pixels."""
    s = spec.stride
    return plan_tiles(-(-height // s), -(-width // s), tile=tile // s, halo=min(spec.halo, tile // 4) // s)


def _run_tiles(
    pixels: NDArray[np.generic], ranges: Sequence[IntensityRange], spec: ModelSpec, engine: Engine, tile: int
) -> Generator[Progress, None, RawMaps]:
    facts = engine.load(tile)
    height, width = pixels.shape[1:]
    plan = _plan(height, width, spec, tile)
    maps = allocate_maps(len(spec.maps), -(-height // spec.stride), -(-width // spec.stride))
    stitcher = Stitcher(plan, maps)
    for index, tile_maps in enumerate(infer_views(engine, _tiles(pixels, ranges, spec, plan, tile), spec)):
        stitcher.add(index, tile_maps)
        yield Progress("tiles", index + 1, len(plan), Stage.INFERENCE)
    return RawMaps(maps, facts, tile, len(plan), (height, width), (height, width))


def _tiles(
    pixels: NDArray[np.generic], ranges: Sequence[IntensityRange], spec: ModelSpec, plan: TilePlan, tile: int
) -> Iterator[NDArray[np.float32]]:
    """Yield the normalised batch (1, C, tile, tile) of each tile; one array for all."""
    batch = np.zeros((1, spec.input_channels, tile, tile), np.float32)
    for row, column in plan:
        normalise_into(batch[0], cut_tile(pixels, row, column, spec.stride), ranges)
        yield batch
