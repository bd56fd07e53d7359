"""Inference on one plane: resize, tile, infer, stitch, decode. Every run follows these steps."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np
import psutil
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import Plane, Shape
from napari_cellvino.core.progress import Progress, Stage
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.core.spots import Spots
from napari_cellvino.core.stage_log import log_stage
from napari_cellvino.core.threads import begin
from napari_cellvino.engines.engine import Engine, EngineTileError
from napari_cellvino.model_package import ModelInput, ModelSpec
from napari_cellvino.segmentation.burnt_in import Bar
from napari_cellvino.segmentation.contrast import Contrast, contrast_of
from napari_cellvino.segmentation.crops import centre_in_tile, check_fits_tile
from napari_cellvino.segmentation.decode_ahead import DecodingAhead
from napari_cellvino.segmentation.heads import Decoded, Steps, check_parameters, head_for
from napari_cellvino.segmentation.known_sizes import UnknownSize, unusual_size
from napari_cellvino.segmentation.mask_test import describe_mask
from napari_cellvino.segmentation.missing_pixels import describe_missing
from napari_cellvino.segmentation.normalise import IntensityRange, normalise_into
from napari_cellvino.segmentation.raw_maps import RawMaps, allocate_maps
from napari_cellvino.segmentation.refine import CellMasks
from napari_cellvino.segmentation.rescale import BAND_PX, ResizedPlane, resize_pixels, resized_shape, zoom_for
from napari_cellvino.segmentation.samples import Samples
from napari_cellvino.segmentation.seen_size import describe_own_size
from napari_cellvino.segmentation.signal_test import Emptiness
from napari_cellvino.segmentation.size_search import find_diameter
from napari_cellvino.segmentation.stitch_z.slices import Slices
from napari_cellvino.segmentation.test_time_augmentation import infer_augmented
from napari_cellvino.segmentation.tiling import Pixels, Stitcher, TilePlan, choose_tile, cut_tile, plan_tiles
from napari_cellvino.segmentation.volume import StackMaps
from napari_cellvino.storage.large_arrays import give_back_pages

_logger = logging.getLogger(__name__)

SMALLEST_TILE = 128
TILES_HELD = 32  # whose pages may stay in memory, of arrays that lie in files
MEMORY_SHARE = 0.5  # of the free memory that one tile may take


@dataclass(frozen=True, slots=True)
class Prediction:
    """The objects in a plane, the network's maps, and ``values``: every parameter used for decoding.

    ``masks`` are the masks of the cells where a second model outlined them. For a stack stitched in 3D, ``plane`` is
    the maximum projection and ``slices`` are the objects of each plane. ``emptiness`` says why the field looks empty,
    and ``disbelieved`` how many objects are not counted for that; ``bars`` are scale bars that were drawn into the
    plane, and ``on_bars`` how many objects are not counted for those. ``cell_channel`` is the name of the channel that
    whole cells are grown over, where they are; ``spots`` are those of the field, where they were sought; ``warnings``
    are those of its image. ``unknown_size`` is the size of the cells where it is none that the model knows.
    """

    plane: Plane
    raw: RawMaps | StackMaps
    decoded: Decoded
    values: dict[str, float]
    masks: CellMasks | None = None
    slices: Slices | None = None
    emptiness: Emptiness | None = None
    disbelieved: int = 0
    bars: tuple[Bar, ...] = ()
    on_bars: int = 0
    cell_channel: str = ""
    spots: Spots | None = None
    warnings: tuple[str, ...] = ()
    unknown_size: UnknownSize | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """Cost of a run: tile size in px, number of tiles, and bytes of memory beyond the image."""

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
    samples: Sequence[Samples] = (),
    ahead: DecodingAhead | None = None,
) -> Generator[Progress, None, RawMaps]:
    """Yield progress after every tile and return the stitched maps of ``plane``, as the model's head keeps them.

    Parameters
    ----------
    plane : Plane
        Its ``inputs`` (K, Y, X) may have any real dtype; K must be the model's number of channels, or 1.
    spec : ModelSpec
        Describes the model's input and output.
    engine : Engine
        Runs the network. If a tile cannot be run, smaller tiles are tried, and a notice is added.
    diameter_px : float, optional
        Typical object diameter in the plane. The plane is resized so that it becomes the model's reference diameter.
        By default the diameter that the model assumes, or seeks.
    ranges : sequence of IntensityRange, optional
        Intensities that become 0 and 1 in each channel; by default from the plane itself.
    samples : sequence of Samples, optional
        Those of each channel of the inputs, where they are known already.
    ahead : DecodingAhead, optional
        Decodes the upper rows while the lower ones are made, unless the plane is resized.

    Raises
    ------
    ImageValueError
        If the plane has the wrong number of channels, or is larger than the one crop of a mask model.
    InferenceError
        If the network cannot be run even on the smallest tile.
    """
    _check_inputs(plane.inputs, spec)
    seen = Contrast(plane.inputs, tuple(ranges)) if ranges else contrast_of(plane.inputs, spec.normalise, samples)
    notices, found = (*seen.notices, *describe_mask(plane.inputs), *describe_missing(plane.inputs)), None
    seen_px = None
    if diameter_px is None and spec.diameter_px.always_sought:
        diameter_px = found = yield from find_diameter(seen.pixels, seen.ranges, spec, engine)
    raw = yield from _infer_at(diameter_px, plane, seen, spec, engine, ahead)
    if diameter_px is None and spec.diameter_px.sought_outside is not None:
        seen_px = unusual_size(_found(raw, spec, ahead).objects, raw.shape, spec)
    if seen_px is not None:
        found = yield from find_diameter(seen.pixels, seen.ranges, spec, engine, seen_px)
        if zoom_for(spec, found) != 1:
            raw = yield from _infer_at(found, plane, seen, spec, engine, None)
            if ahead is not None:
                ahead.keep(None)
    notices += describe_own_size(found, spec) if found else ()
    return replace(raw, notices=(*notices, *raw.notices), diameter_px=found)


def _infer_at(
    diameter_px: float | None,
    plane: Plane,
    seen: Contrast,
    spec: ModelSpec,
    engine: Engine,
    ahead: DecodingAhead | None,
) -> Generator[Progress, None, RawMaps]:
    """Return the maps of a plane whose cells have a diameter, as the model's head keeps them."""
    shape = resized_shape(plane.shape, zoom_for(spec, diameter_px))
    started = time.perf_counter()
    if spec.takes is ModelInput.CROP:
        raw = yield from _infer_centred(resize_pixels(seen.pixels, shape), seen.ranges, spec, engine)
    else:
        own = ahead if shape == plane.shape else None
        raw = yield from _infer_tiled(ResizedPlane(seen.pixels, shape), seen.ranges, spec, engine, own)
    if _logger.isEnabledFor(logging.DEBUG):
        info = raw.engine_info
        details = f"{raw.tiles} tile(s) of {raw.tile} px, {spec.name} on {info.device} {info.number_type}"
        log_stage(_logger, "infer", plane.origin.name, time.perf_counter() - started, details)
    return head_for(spec).keep(replace(raw, shape=plane.shape))


def _found(raw: RawMaps, spec: ModelSpec, ahead: DecodingAhead | None) -> Decoded:
    """Return what a model finds in maps with its defaults, whatever those of the run are: zooms depend on no slider."""
    usual = check_parameters(spec, {})
    if ahead is None or any(ahead.values.get(name) != value for name, value in usual.items()):
        return decode(raw, spec, usual)
    found = ahead.result() or decode(raw, spec, usual)
    ahead.keep(found)
    return found


def load_ahead(shape: tuple[int, int], spec: ModelSpec, engine: Engine, *, diameter_px: float | None = None) -> None:
    """Begin to compile the network for a plane of ``shape`` (Y, X) that is not read yet, where its tile is known."""
    if spec.takes is ModelInput.CROP or (diameter_px is None and spec.diameter_px.always_sought):
        return
    resized = resized_shape(shape, zoom_for(spec, diameter_px))
    begin(lambda: engine.load(_planned_tile(spec, resized, _affordable_tile(spec))))


def decode(raw: RawMaps, spec: ModelSpec, values: Mapping[str, float], steps: Steps | None = None) -> Decoded:
    """Return the objects decoded from kept maps, without the network; ``values`` has every parameter of the head.

    ``steps`` keep what the next decoding of these maps need not find again.
    """
    return head_for(spec).decode(raw, values, steps)


def estimate(shape: tuple[int, int], spec: ModelSpec, *, diameter_px: float | None = None) -> Estimate:
    """Return the cost of a run on a plane of ``shape`` (Y, X)."""
    height, width = resized_shape(shape, zoom_for(spec, diameter_px))
    if spec.takes is ModelInput.CROP:
        check_fits_tile((height, width), spec)
        height = width = spec.tile
    tile = spec.tile if spec.takes is ModelInput.CROP else _planned_tile(spec, (height, width), _affordable_tile(spec))
    plan = _plan(height, width, spec, tile)
    maps = 2 * len(spec.maps) * (height // spec.stride) * (width // spec.stride)
    pixels = shape[0] * shape[1]
    decoding = 24 * min(pixels, 16_000_000) // spec.stride**2
    resized = 0 if (height, width) == tuple(shape) else 2 * len(spec.maps) * pixels + 32 * min(pixels, BAND_PX)
    return Estimate(tile, len(plan), spec.bytes_fixed + tile**2 * spec.bytes_per_pixel + maps + decoding + resized)


def estimate_stack(one: Estimate, spec: ModelSpec, shape: tuple[int, int, int]) -> Estimate:
    """Return the cost of a run on a stack of ``shape`` (Z, Y, X), given that of one plane; maps are kept in memory."""
    planes, height, width = shape
    kept = 2 * (len(spec.maps) + 1) + 2 * 4  # maps and pixels in float16; labels int32 of planes and of the stack
    return Estimate(one.tile, one.tiles * planes, one.bytes + kept * planes * height * width)


def estimate_run(shape: Shape, spec: ModelSpec, recipe: Recipe) -> Estimate:
    """Return the cost of a run of a recipe on an image, of its plane or of all planes."""
    one = estimate((shape.y, shape.x), spec, diameter_px=recipe.diameter_px)
    return estimate_stack(one, spec, (shape.z, shape.y, shape.x)) if recipe.z_choice.joined else one


def _check_inputs(inputs: NDArray[np.generic], spec: ModelSpec) -> None:
    fits = {spec.input_channels} if spec.taught else {1, spec.input_channels}
    if inputs.ndim != 3 or len(inputs) not in fits:
        raise ImageValueError(
            f"model {spec.name} takes {spec.input_channels} channel(s), not pixels of shape {inputs.shape}"
        )


def _infer_centred(
    pixels: NDArray[np.generic], ranges: Sequence[IntensityRange], spec: ModelSpec, engine: Engine
) -> Generator[Progress, None, RawMaps]:
    """Run one crop with the image at its centre."""
    check_fits_tile(pixels.shape, spec)
    crop, (y, x) = centre_in_tile(pixels, spec.tile)
    raw = yield from _run_tiles(crop, ranges, spec, engine, spec.tile)
    height, width = pixels.shape[1:]
    return replace(raw, maps=raw.maps[:, y : y + height, x : x + width], input_shape=(height, width))


def _infer_tiled(
    pixels: ResizedPlane,
    ranges: Sequence[IntensityRange],
    spec: ModelSpec,
    engine: Engine,
    ahead: DecodingAhead | None,
) -> Generator[Progress, None, RawMaps]:
    planned = _planned_tile(spec, pixels.shape, spec.tile)
    tile = _planned_tile(spec, pixels.shape, _affordable_tile(spec))
    why = "" if tile == planned else "memory is short"
    while True:
        try:
            raw = yield from _run_tiles(pixels, ranges, spec, engine, tile, ahead)
        except (EngineTileError, MemoryError) as error:
            if tile <= SMALLEST_TILE:
                raise
            tile = max(SMALLEST_TILE, tile // 2 // 16 * 16)
            _logger.warning("%s: tiles of %d px did not run (%s); trying %d px", spec.name, planned, error, tile)
            why = str(error) or "out of memory"
        else:
            return _on_smaller(raw, planned, why) if why else raw


def _on_smaller(raw: RawMaps, planned: int, why: str) -> RawMaps:
    return replace(raw, notices=(*raw.notices, _describe_smaller(planned, raw.tile, why)), smaller_tile=raw.tile)


def _describe_smaller(planned: int, tile: int, why: str) -> str:
    return (
        f"Tiles of {planned} px did not run ({why}); went on with {tile} px, which may change single cells. "
        "The next run with more free memory does it again"
    )


def _affordable_tile(spec: ModelSpec) -> int:
    """Return the largest size of tiles that the free memory allows; what a model plans does not depend on it."""
    free = MEMORY_SHARE * psutil.virtual_memory().available - spec.bytes_fixed
    largest = spec.tile
    while largest > SMALLEST_TILE and largest**2 * spec.bytes_per_pixel > free:
        largest = max(SMALLEST_TILE, largest // 2 // 16 * 16)
    return largest


def _planned_tile(spec: ModelSpec, shape: tuple[int, ...], largest: int) -> int:
    return choose_tile(shape[-2], shape[-1], largest=largest, halo=spec.halo)


def _plan(height: int, width: int, spec: ModelSpec, tile: int) -> TilePlan:
    """Return the tiles of an image, in map pixels."""
    s = spec.stride
    return plan_tiles(-(-height // s), -(-width // s), tile=tile // s, halo=min(spec.halo, tile // 4) // s)


def _run_tiles(
    pixels: Pixels,
    ranges: Sequence[IntensityRange],
    spec: ModelSpec,
    engine: Engine,
    tile: int,
    ahead: DecodingAhead | None = None,
) -> Generator[Progress, None, RawMaps]:
    began = engine.load(tile)
    height, width = pixels.shape[1:]
    plan = _plan(height, width, spec, tile)
    size = -(-height // spec.stride), -(-width // spec.stride)
    made = infer_augmented(engine, _tiles(pixels, ranges, spec, plan, tile), spec)
    if len(plan) == 1:
        (whole,) = made
        maps = np.require(whole[:, : size[0], : size[1]], np.float16, ["C", "W"])
        yield Progress("tiles", 1, 1, Stage.INFERENCE)
    else:
        maps = yield from _stitched(made, plan, allocate_maps(len(spec.maps), *size), ahead)
    info = engine.load(tile)  # an engine may have had to go on elsewhere
    notices = () if info == began else (f"Begun on {began.device}, ended on {info.device}",)
    return RawMaps(maps, info, tile, len(plan), (height, width), (height, width), notices=notices)


def _stitched(
    made: Iterator[NDArray[np.floating]], plan: TilePlan, maps: NDArray[np.float16], ahead: DecodingAhead | None
) -> Generator[Progress, None, NDArray[np.float16]]:
    """Yield progress and return the maps with the tiles in them."""
    stitcher = Stitcher(plan, maps)
    with nullcontext(lambda _: None) if ahead is None else ahead.growing(maps) as reach:
        for index, tile_maps in enumerate(made):
            stitcher.add(index, tile_maps)
            reach(stitcher.rows)
            if index % TILES_HELD == TILES_HELD - 1:
                give_back_pages()
            yield Progress("tiles", index + 1, len(plan), Stage.INFERENCE)
    return maps


def _tiles(
    pixels: Pixels, ranges: Sequence[IntensityRange], spec: ModelSpec, plan: TilePlan, tile: int
) -> Iterator[NDArray[np.float32]]:
    """Yield the normalised batch (1, C, tile, tile) of each tile; the array is reused."""
    batch = np.empty((1, spec.input_channels, tile, tile), np.float32)
    for row, column in plan:
        normalise_into(batch[0], cut_tile(pixels, row, column, spec.stride), ranges)
        yield batch
