"""The features of the pixels of a plane: run in tiles, sampled where strokes are, or kept to be read out again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from napari_cellvino.core.recipe import Precision
from napari_cellvino.engines.openvino import compile_network, resolve_device
from napari_cellvino.model_package import ModelPackage
from napari_cellvino.segmentation.contrast import Contrast
from napari_cellvino.segmentation.normalise import normalise_into
from napari_cellvino.segmentation.rescale import ResizedPlane, resized_shape
from napari_cellvino.segmentation.tiling import Span, TilePlan, choose_tile, cut_tile, plan_tiles
from napari_cellvino.training.teach.feature_graph import feature_graph
from napari_cellvino.training.teach.learner import Features
from napari_cellvino.training.teach.viewed_part import Box

KEPT_BYTES = 550_000_000  # of 1.5 GB that teaching may take
TILE, HALO = 640, 64  # px, as the shipped networks have them
MODES = {Precision.FAST: "PERFORMANCE", Precision.EXACT: "ACCURACY", Precision.INT8: "PERFORMANCE"}

Maps = NDArray[np.float32]
Part = tuple[slice, slice]  # rows and columns


class FeatureEngine:
    """Runs the feature graph of some base models on tiles; compiled once per tile size."""

    def __init__(
        self,
        bases: Sequence[ModelPackage],
        channels: int,
        *,
        device: str = "AUTO",
        precision: Precision = Precision.FAST,
    ) -> None:
        self.graph = feature_graph(bases, channels)
        self.channels = channels
        self._device, self._precision = resolve_device(device), precision
        self._requests: dict[int, ov.InferRequest] = {}

    def tile(self, batch: NDArray[np.float32], row: Span, column: Span) -> FeatureTile:
        """Return the features of a tile (1, C, tile, tile), of its core and one pixel of the coarsest map round it."""
        request, strides = self._request(batch.shape[-1]), self.graph.strides
        request.infer({0: batch})
        outputs = [request.get_output_tensor(n).data[0] for n in range(len(strides))]
        rows, columns = _round_core(row, strides[-1]), _round_core(column, strides[-1])
        places = [np.s_[:, _within(rows, row, s), _within(columns, column, s)] for s in strides]
        return FeatureTile(rows, columns, tuple(np.array(o[at]) for o, at in zip(outputs, places, strict=True)))

    def _request(self, tile: int) -> ov.InferRequest:
        if tile not in self._requests:
            graph = self.graph.network.clone()
            graph.reshape([1, self.channels, tile, tile])
            options = {"PERFORMANCE_HINT": "LATENCY", "EXECUTION_MODE_HINT": MODES[self._precision]}
            self._requests[tile] = compile_network(graph, self._device, options).create_infer_request()
        return self._requests[tile]


@dataclass(frozen=True, slots=True, eq=False)
class FeatureTile:
    """The features of one tile of a resized plane: its spans, and one array (F, y, x) per stride."""

    row: Span
    column: Span
    maps: tuple[Maps, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of its features."""
        return sum(maps.nbytes for maps in self.maps)


def _round_core(span: Span, stride: int) -> Span:
    """Return the part of a span that holds its core, and a pixel of maps of a ``stride`` to either side."""
    first = max(0, (span.core_start - span.start) // stride - 1) * stride
    last = (-(-(span.core_stop - span.start) // stride) + 1) * stride
    return replace(span, start=span.start + first, stop=span.start + last)


def _within(part: Span, span: Span, stride: int) -> slice:
    return slice((part.start - span.start) // stride, (part.stop - span.start) // stride)


class KeptTiles:
    """Features of tiles by any key, up to so many bytes; what was not used for longest goes first."""

    def __init__(self, most_bytes: int = KEPT_BYTES) -> None:
        self._most, self._bytes = most_bytes, 0
        self._tiles: OrderedDict[Hashable, FeatureTile] = OrderedDict()

    def find(self, key: Hashable, make: Callable[[], FeatureTile]) -> FeatureTile:
        """Return the tile of a key, made where it is not there."""
        if key not in self._tiles:
            self._tiles[key] = make()
            self._bytes += self._tiles[key].nbytes
        self._tiles.move_to_end(key)
        while self._bytes > self._most and len(self._tiles) > 1:
            self._bytes -= self._tiles.popitem(last=False)[1].nbytes
        return self._tiles[key]


@dataclass(frozen=True, slots=True, eq=False)
class TiledPlane:
    """A plane as the networks see it: resized by ``zoom``, normalised, and cut in tiles.

    Where ``kept`` is given, the features of its tiles are kept there, under the plane's ``name``.
    """

    seen: Contrast
    zoom: float
    name: Hashable = ""
    kept: KeptTiles | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the resized plane."""
        return resized_shape(self.seen.pixels.shape, self.zoom)

    def plan(self) -> TilePlan:
        """Return the tiles."""
        tile = choose_tile(*self.shape, largest=TILE, halo=HALO)
        return plan_tiles(*self.shape, tile=tile, halo=min(HALO, tile // 4))

    def tiles(self, engine: FeatureEngine, wanted: NDArray[np.bool_] | None = None) -> Iterator[FeatureTile]:
        """Yield the features of all tiles, or of those whose core holds a pixel (N, 2) that is ``wanted``."""
        plan, pixels = self.plan(), ResizedPlane(self.seen.pixels, self.shape)

        def make(row: Span, column: Span) -> FeatureTile:
            batch = np.zeros((1, engine.channels, plan.tile, plan.tile), np.float32)
            normalise_into(batch[0], cut_tile(pixels, row, column), self.seen.ranges)
            return engine.tile(batch, row, column)

        for row, column in plan:
            core = np.s_[row.core_start : row.core_stop, column.core_start : column.core_stop]
            if wanted is not None and not wanted[core].any():
                continue
            if self.kept is None:
                yield make(row, column)
            else:
                yield self.kept.find((self.name, self.zoom, row, column), partial(make, row, column))

    def part(self, box: Box) -> Part:
        """Return the rows and columns of the resized plane that show a part of the plane."""
        (height, width), (y0, x0, y1, x1) = self.shape, box
        factor_y, factor_x = height / self.seen.pixels.shape[1], width / self.seen.pixels.shape[2]
        top, left = int(y0 * factor_y), int(x0 * factor_x)
        bottom, right = max(top + 1, round(y1 * factor_y)), max(left + 1, round(x1 * factor_x))
        return slice(top, min(height, bottom)), slice(left, min(width, right))

    def tiles_of(self, part: Part, engine: FeatureEngine) -> Iterator[FeatureTile]:
        """Yield the features of the tiles whose core lies in rows and columns of the resized plane."""
        wanted = np.zeros(self.shape, bool)
        wanted[part] = True
        return self.tiles(engine, wanted)

    def sample(self, yx: NDArray[np.integer], engine: FeatureEngine) -> Features:
        """Return the features (N, F) at pixels (N, 2) of the plane."""
        at = self.resized(yx)
        nearest = np.clip(np.rint(at).astype(np.intp), 0, np.array(self.shape) - 1)
        wanted = np.zeros(self.shape, bool)
        wanted[tuple(nearest.T)] = True
        found: Features | None = None
        for tile in self.tiles(engine, wanted):
            held = _inside(nearest, tile)
            sampled = sample_tile(tile, engine.graph.strides, at[held])
            if found is None:
                found = np.zeros((len(yx), sampled.shape[1]), np.float32)
            found[held] = sampled
        return np.zeros((0, 0), np.float32) if found is None else found

    def resized(self, yx: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return where pixels (N, 2) of the plane lie in the resized plane."""
        factor = np.array(self.shape) / np.array(self.seen.pixels.shape[1:])
        return np.asarray((yx + 0.5) * factor - 0.5)


def _inside(nearest: NDArray[np.intp], tile: FeatureTile) -> NDArray[np.bool_]:
    y, x = nearest.T
    rows = (y >= tile.row.core_start) & (y < tile.row.core_stop)
    return np.asarray(rows & (x >= tile.column.core_start) & (x < tile.column.core_stop))


def sample_tile(tile: FeatureTile, strides: Sequence[int], at: NDArray[np.float64]) -> Features:
    """Return the features (N, F) at places (N, 2) of the resized plane that lie in a tile, interpolated linearly."""
    local = at - np.array([tile.row.start, tile.column.start])
    return np.concatenate([_sample(maps, local, s) for maps, s in zip(tile.maps, strides, strict=True)], 1)


def _sample(maps: Maps, at: NDArray[np.float64], stride: int) -> Features:
    last = np.array(maps.shape[1:]) - 1
    place = np.clip((at + 0.5) / stride - 0.5, 0, last)
    low = np.floor(place).astype(np.intp)
    high = np.minimum(low + 1, last)
    (fy, fx), (y0, x0), (y1, x1) = (place - low).astype(np.float32).T, low.T, high.T
    top = maps[:, y0, x0] * (1 - fx) + maps[:, y0, x1] * fx
    bottom = maps[:, y1, x0] * (1 - fx) + maps[:, y1, x1] * fx
    return np.ascontiguousarray((top * (1 - fy) + bottom * fy).T, np.float32)
