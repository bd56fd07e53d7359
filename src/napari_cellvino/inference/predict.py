"""One plane through the network and its head: the template every run follows."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass

import numpy as np
import psutil
from numpy.typing import NDArray
from skimage.transform import resize

from napari_cellvino.errors import ImageValueError, OptionError
from napari_cellvino.image import Plane
from napari_cellvino.inference.engine import Engine, EngineTileError
from napari_cellvino.inference.heads import Decoded, head_for
from napari_cellvino.inference.maps import RawMaps, allocate_maps
from napari_cellvino.inference.normalise import IntensityRange, intensity_range
from napari_cellvino.inference.progress import Progress
from napari_cellvino.inference.tiling import Stitcher, TilePlan, choose_tile, cut_tile, plan_tiles
from napari_cellvino.package import ModelSpec

SMALLEST_TILE = 128
LARGEST_ZOOM = 16.0
FREE_SHARE = 0.5  # of the free memory that one tile may take


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model makes of a plane; ``values`` holds every parameter it was decoded with."""

    plane: Plane
    raw: RawMaps
    decoded: Decoded
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will cost: tiles of ``tile`` px, and bytes of memory beyond the image."""

    tile: int
    tiles: int
    bytes: int


def infer_maps(
    plane: Plane, spec: ModelSpec, engine: Engine, *, diameter_px: float | None = None
) -> Generator[Progress, None, RawMaps]:
    """Yield progress after every tile and return the stitched maps at the size of ``plane``.

    Parameters
    ----------
    plane : Plane
        Its ``inputs`` (K, Y, X) may be of any real dtype; K must be what the model takes.
    spec : ModelSpec
        What the model needs.
    engine : Engine
        Runs the network. If it cannot run a tile, smaller tiles are tried, and a notice says so.
    diameter_px : float, optional
        Typical object diameter in the plane; the plane is resized so that it becomes the model's own.

    Raises
    ------
    ImageValueError
        If the plane has the wrong number of channels or no finite pixel.
    InferenceError
        If the network cannot be run even on the smallest tile.
    """
    pixels, ranges = _checked(plane, spec)
    height, width = plane.shape
    if diameter_px is not None:
        pixels = _resized(pixels, _zoom(spec, diameter_px))
    notices: tuple[str, ...] = ()
    tile = first = _largest_tile(spec, pixels.shape)
    while True:
        try:
            raw = yield from _run_tiles(pixels, ranges, spec, engine, tile)
            break
        except (EngineTileError, MemoryError) as error:
            if tile <= SMALLEST_TILE:
                raise
            tile = max(SMALLEST_TILE, tile // 2 // 16 * 16)
            notices = (f"Tiles of {first} px did not run ({str(error) or 'out of memory'}); went on with {tile} px",)
    maps = raw.maps
    if maps.shape[1:] != (height, width):
        maps = head_for(spec).resample(maps, height, width)
    return RawMaps(maps, raw.facts, raw.tile, raw.tiles, notices)


def decode(raw: RawMaps, spec: ModelSpec, values: Mapping[str, float]) -> Decoded:
    """Return labels and objects for kept maps; no network is touched. ``values`` has every parameter of the head."""
    return head_for(spec).decode(raw.maps, values)


def estimate(shape: tuple[int, int], spec: ModelSpec, *, diameter_px: float | None = None) -> Estimate:
    """Return what a run on a plane of ``shape`` will take."""
    factor = _zoom(spec, diameter_px) if diameter_px else 1.0
    height, width = (max(1, round(n * factor)) for n in shape)
    plan = _plan(height, width, spec, _largest_tile(spec, (1, height, width)))
    maps = 2 * len(spec.maps) * height * width
    decoding = 24 * min(height * width, 16_000_000)
    return Estimate(plan.tile, len(plan), spec.bytes_fixed + plan.tile**2 * spec.bytes_per_pixel + maps + decoding)


def _checked(plane: Plane, spec: ModelSpec) -> tuple[NDArray[np.generic], list[IntensityRange]]:
    pixels = plane.inputs
    if pixels.ndim != 3 or len(pixels) != spec.input_channels:
        raise ImageValueError(
            f"model {spec.name} takes {spec.input_channels} channel(s), not pixels of shape {pixels.shape}"
        )
    ranges = [intensity_range(channel, spec.normalise.low, spec.normalise.high) for channel in pixels]
    return pixels, ranges


def _zoom(spec: ModelSpec, diameter_px: float) -> float:
    """Return the factor that makes objects of a diameter as large as the model knows them best."""
    factor = spec.diameter_px.reference / diameter_px
    if not 1 / LARGEST_ZOOM <= factor <= LARGEST_ZOOM:
        low, high = (spec.diameter_px.reference / f for f in (LARGEST_ZOOM, 1 / LARGEST_ZOOM))
        raise OptionError(
            f"a cell diameter of {diameter_px:g} px is too far from the model's; give {low:g} to {high:g} px"
        )
    return factor


def _resized(pixels: NDArray[np.generic], factor: float) -> NDArray[np.float32]:
    height, width = (max(1, round(n * factor)) for n in pixels.shape[1:])
    finite = np.nan_to_num(pixels.astype(np.float32), posinf=0.0, neginf=0.0)
    return np.stack([resize(c, (height, width), order=1, anti_aliasing=factor < 1) for c in finite]).astype(np.float32)


def _largest_tile(spec: ModelSpec, shape: tuple[int, ...]) -> int:
    free = FREE_SHARE * psutil.virtual_memory().available - spec.bytes_fixed
    largest = spec.tile
    while largest > SMALLEST_TILE and largest**2 * spec.bytes_per_pixel > free:
        largest //= 2
    return choose_tile(shape[-2], shape[-1], largest=largest, halo=spec.halo)


def _plan(height: int, width: int, spec: ModelSpec, tile: int) -> TilePlan:
    return plan_tiles(height, width, tile=tile, halo=min(spec.halo, tile // 4))


def _run_tiles(
    pixels: NDArray[np.generic], ranges: list[IntensityRange], spec: ModelSpec, engine: Engine, tile: int
) -> Generator[Progress, None, RawMaps]:
    facts = engine.load(tile)
    height, width = pixels.shape[1:]
    plan = _plan(height, width, spec, tile)
    maps = allocate_maps(len(spec.maps), height, width)
    stitcher = Stitcher(plan, maps)
    batch = np.zeros((1, len(pixels), tile, tile), np.float32)
    for index, (row, column) in enumerate(plan):
        _fill(batch[0], cut_tile(pixels, row, column), ranges)
        stitcher.add(index, engine.infer(batch)[0])
        yield Progress("tiles", index + 1, len(plan))
    return RawMaps(maps, facts, tile, len(plan))


def _fill(batch: NDArray[np.float32], part: NDArray[np.generic], ranges: list[IntensityRange]) -> None:
    """Write normalised pixels (C, y, x) into ``batch`` (C, tile, tile), mirrored beyond the image; NaN becomes 0."""
    height, width = part.shape[1:]
    tile = batch.shape[1]
    for channel, (pixels, values) in enumerate(zip(part, ranges, strict=True)):
        normalised = values.apply(pixels)
        if pixels.dtype.kind == "f":
            np.nan_to_num(normalised, copy=False, nan=0.0)
        if (height, width) != (tile, tile):
            normalised = np.pad(normalised, ((0, tile - height), (0, tile - width)), mode="symmetric")
        batch[channel] = normalised
