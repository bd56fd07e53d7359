"""Inference on every plane of a stack, and stitching of the 2D objects to objects in 3D.

Planes are normalised by the range of the whole stack: else the noise of planes out of focus is stretched and looks like
cells. Where planes lie close together relative to the cells, the stack is first smoothed along z: that lifts the cells
of dim stacks from the noise (F1 at IoU 0.5 from 0.69 to 0.73 on 9 stacks of mouse embryos).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageValueError, OptionError
from napari_cellvino.core.image import Plane, Spacing, Stack
from napari_cellvino.core.objects import Objects
from napari_cellvino.core.progress import Progress, Stage
from napari_cellvino.core.spread import spread_over
from napari_cellvino.engines.engine import Engine
from napari_cellvino.model_package import ModelOutput, ModelSpec
from napari_cellvino.segmentation.contrast import counted_samples
from napari_cellvino.segmentation.heads import head_parameters
from napari_cellvino.segmentation.lost_planes import bridge
from napari_cellvino.segmentation.normalise import SAMPLES, IntensityRange, range_of_samples
from napari_cellvino.segmentation.plane_reading import read_ahead, smooth_along_z
from napari_cellvino.segmentation.predict import Prediction, decode, infer_maps
from napari_cellvino.segmentation.prepare import InputChannel, input_channel, network_inputs
from napari_cellvino.segmentation.raw_maps import RawMaps
from napari_cellvino.segmentation.seen_size import CommonSize, describe_common_size
from napari_cellvino.segmentation.signal_test import Emptiness, SignalWatch
from napari_cellvino.segmentation.size_search import ZoomSearch, common_size, search_where_needed
from napari_cellvino.segmentation.stitch_z import Slices, stitch_slices
from napari_cellvino.segmentation.stitch_z.slices import mean_brightness
from napari_cellvino.segmentation.volume import StackMaps, Volume, read_volume
from napari_cellvino.storage.large_arrays import allocate

Z_SIGMA_DIAMETERS = 0.13  # sigma of the smoothing along z, in cell diameters; at most one plane
MIN_Z_SIGMA = 0.3  # planes: below that a neighbour has no weight
PLANES_LOOKED_AT = 5  # for the size of cells
SAMPLES_PER_PLANE = 4_000  # at least, for the intensity range of a stack

Pixels = NDArray[np.generic]


def predict_stack(
    stack: Stack,
    spec: ModelSpec,
    engine: Engine,
    values: Mapping[str, float],
    *,
    channel: str = "",
    frame: int = 1,
    diameter_px: float | None = None,
    keep_maps: bool = True,
) -> Generator[Progress, None, Prediction]:
    """Yield progress and return the prediction for all planes of a stack, stitched in 3D.

    The stack is read twice, plane by plane: once for intensity range and maximum projection, once for the network.
    ``values`` has every parameter, z-stitching included; without ``keep_maps`` it cannot be decoded again.

    Raises
    ------
    ImageValueError
        If the stack has only one plane, no such channel or frame, or no finite pixel.
    OptionError
        If the model gives no outlines.
    """
    _check(stack, spec)
    plane, volume, ranges, emptiness = yield from _read_statistics(stack, spec, channel, frame)
    maps: list[RawMaps] = []
    slices = _SliceCollector(stack, spec, values)
    normalised = allocate((stack.shape.z if keep_maps else 0, stack.shape.y, stack.shape.x), np.float16)
    sought: float | None = None
    said: tuple[str, ...] = ()
    if diameter_px is None and spec.diameter_px.search:
        size = yield from _size_of_cells(volume, ranges, spec, engine, channel)
        diameter_px = sought = spec.diameter_px.reference if size is None else size.diameter_px
        said = () if size is None else describe_common_size(size, spec, "all planes")
    diameter = diameter_px or spec.diameter_px.assumed or spec.diameter_px.reference
    sigma = 0.0 if spec.taught else z_sigma(stack.spacing, diameter)  # strokes lie on planes as they are
    for z, inputs in enumerate(smooth_along_z(_inputs(volume, spec, channel), sigma)):
        running = infer_maps(replace(plane, inputs=inputs), spec, engine, diameter_px=diameter_px, ranges=ranges)
        raw = yield from _with_plane_progress(running, z + 1, stack.shape.z)
        bright = _brightness(inputs, ranges)
        slices.add(raw, bright)
        if keep_maps:
            normalised[z] = bright
        raw = replace(raw, notices=(*said, *raw.notices), diameter_px=sought)
        maps.append(raw if keep_maps else replace(raw, maps=raw.maps[:, :0, :0].copy()))
        yield Progress("planes run", z + 1, stack.shape.z, Stage.INFERENCE)
    found = slices.result()
    kept = StackMaps(tuple(maps), normalised, volume)
    return Prediction(plane, kept, stitch_slices(found, values), dict(values), slices=found, emptiness=emptiness)


def decode_stack(before: Prediction, maps: StackMaps, spec: ModelSpec, values: Mapping[str, float]) -> Prediction:
    """Return a prediction decoded with other values; where those of the head are equal, only stitching is repeated."""
    slices = before.slices
    if slices is None or any(before.values.get(p.name) != values.get(p.name) for p in head_parameters(spec)):
        collecting = _SliceCollector(maps.volume.stack, spec, values)
        for raw, bright in zip(maps.planes, maps.normalised, strict=True):
            collecting.add(raw, bright)
        slices = collecting.result()
    return replace(before, decoded=stitch_slices(slices, values), values=dict(values), slices=slices)


def z_sigma(spacing: Spacing, diameter_px: float) -> float:
    """Return the sigma in planes of the smoothing along z for a cell diameter; unknown spacing counts as isotropic.

    Planes far apart show other parts of a cell, or other cells: then it is 0.
    """
    ratio = spacing.x / spacing.z if spacing.x and spacing.z else 1.0
    sigma = min(1.0, Z_SIGMA_DIAMETERS * diameter_px * ratio)
    return sigma if sigma >= MIN_Z_SIGMA else 0.0


class _SliceCollector:
    """Decodes the planes of a stack one by one and collects them as slices."""

    def __init__(self, stack: Stack, spec: ModelSpec, values: Mapping[str, float]) -> None:
        self._spec, self._values = spec, values
        self._labels = allocate((stack.shape.z, stack.shape.y, stack.shape.x), np.int32)
        self._found: list[Objects] = []
        self._brightness: list[NDArray[np.float32]] = []
        self._cut_px = 0.0

    def add(self, raw: RawMaps, bright: NDArray[np.floating]) -> None:
        """Decode the next plane; ``bright`` are its normalised pixels (Y, X)."""
        decoded = decode(raw, self._spec, self._values)
        self._labels[len(self._found)] = decoded.label_image()
        self._found.append(decoded.objects)
        self._brightness.append(mean_brightness(decoded, bright))
        self._cut_px = max(self._cut_px, decoded.cut_px)

    def result(self) -> Slices:
        """Return the slices."""
        return Slices.from_objects(self._labels, self._found, self._brightness, self._cut_px)


def _check(stack: Stack, spec: ModelSpec) -> None:
    if stack.shape.z == 1:
        raise ImageValueError(
            f"{stack.origin.name} has one plane, nothing to join in 3D; use another way along z (mip)"
        )
    if spec.gives is not ModelOutput.OUTLINES:
        raise OptionError(
            f"model {spec.name} gives {spec.describe_task()}, which cannot be joined in 3D; "
            "choose a model that outlines cells, or another way along z (mip)"
        )


def _read_statistics(
    stack: Stack, spec: ModelSpec, channel: str, frame: int
) -> Generator[Progress, None, tuple[Plane, Volume, list[IntensityRange], Emptiness | None]]:
    """Return the maximum projection, the volume with its hash, the range of each input channel, and why it is empty.

    All planes are read once.
    """
    index, count = input_channel(stack, channel, spec.input_channels), max(SAMPLES_PER_PLANE, SAMPLES // stack.shape.z)
    samples: list[list[NDArray[np.floating]]] = []
    watch = SignalWatch()

    def on_plane(pixels: Pixels) -> None:
        inputs = network_inputs(pixels, index, spec.input_channels)
        samples.append([counted_samples(c, spec.normalise, samples=count) for c in inputs])
        watch.add(inputs)

    reading = read_volume(stack, channel=channel, frame=frame, inputs=spec.input_channels, on_plane=on_plane)
    plane, volume = yield from reading
    ranges = [range_of_samples(np.concatenate(values), spec.normalise) for values in zip(*samples, strict=True)]
    return plane, volume, ranges, watch.emptiness


def _size_of_cells(
    volume: Volume, ranges: Sequence[IntensityRange], spec: ModelSpec, engine: Engine, channel: str
) -> Generator[Progress, None, CommonSize | None]:
    """Return the size at which all planes are seen: planes at sizes of their own could not be joined.

    A few of the planes that are not lost are looked at; None where none shows a cell.
    """
    stack = volume.stack
    wanted, index = _channels(stack, spec, channel)
    whole = [z for z in range(stack.shape.z) if z not in volume.lost]
    searches: list[ZoomSearch] = []
    for z in (whole[place] for place in spread_over(len(whole), PLANES_LOOKED_AT)):
        pixels = np.stack([stack.plane(t=volume.frame - 1, c=c, z=z) for c in wanted])
        inputs = network_inputs(pixels, index, spec.input_channels)
        searches.append((yield from search_where_needed(inputs, ranges, spec, engine)))
    return common_size(searches, spec)


def _channels(stack: Stack, spec: ModelSpec, channel: str) -> tuple[Sequence[int], InputChannel]:
    """Return the channels that are read for the network, and which of them it gets, as of `input_channel`."""
    index = input_channel(stack, channel, spec.input_channels)
    return ((index,), 0) if isinstance(index, int) else (range(stack.shape.c), index)


def _inputs(volume: Volume, spec: ModelSpec, channel: str) -> Generator[Pixels, None, None]:
    """Yield the network's input channels (K, Y, X) of each plane, lost ones bridged; other channels are not read."""
    stack, frame = volume.stack, volume.frame - 1
    wanted, index = _channels(stack, spec, channel)
    seen: Pixels = np.zeros(0)
    last = seen
    for z, pixels in enumerate(read_ahead(stack, frame, range(stack.shape.z), wanted)):
        if z in volume.lost:
            after = np.stack([stack.plane(t=frame, c=c, z=volume.lost[z][1]) for c in wanted])
            seen = bridge(z, volume.lost[z], last if last.size else after, after)
        else:
            seen = last = pixels
        yield network_inputs(seen, index, spec.input_channels)


def _with_plane_progress(
    running: Generator[Progress, None, RawMaps], number: int, total: int
) -> Generator[Progress, None, RawMaps]:
    """Yield the current plane after every tile, so that a run can be stopped between tiles; return the maps."""
    while True:
        try:
            next(running)
        except StopIteration as finished:
            raw: RawMaps = finished.value
            return raw
        yield Progress("planes run", number, total, Stage.INFERENCE)


def _brightness(inputs: Pixels, ranges: Sequence[IntensityRange]) -> NDArray[np.float32]:
    """Return the normalised pixels (Y, X) of a plane, float32, the mean over channels; finite but not clipped."""
    parts = []
    for channel, values in zip(inputs, ranges, strict=True):
        width = values.high - values.low
        parts.append((channel.astype(np.float32) - values.low) / (width if width > 0 else 1))
    return np.asarray(np.nan_to_num(np.mean(parts, axis=0), nan=0.0, posinf=0.0, neginf=0.0), np.float32)
