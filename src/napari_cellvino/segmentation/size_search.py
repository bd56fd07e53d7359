"""How large the cells of a plane are, where nobody says: a model that knows depth is asked at several zooms.

At each zoom the network sees one window of the plane. The zoom counts at which the cells that it finds have the size
that the model knows best and reach deepest: too far out cells melt into one, too far in their parts look like cells.
What the network says of the diameter is not asked: it learns the usual size of its crops long before it learns to see.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.progress import Progress
from napari_cellvino.engines.engine import Engine
from napari_cellvino.model_package import ModelSpec
from napari_cellvino.segmentation.heads import head_for
from napari_cellvino.segmentation.normalise import IntensityRange, normalise_into
from napari_cellvino.segmentation.raw_maps import RawMaps
from napari_cellvino.segmentation.rescale import resize_pixels, resized_shape

WINDOW = 384  # px of the network
GRID = 4  # windows are looked for at so many places along each axis
FOREGROUND = 0.5
LEAST_SHARE = 0.004  # of a window that cells must fill
OCTAVE_COST = 0.5  # what cells an octave off the model's own size cost, in units of depth
FINER_COST = 0.03  # what a zoom an octave finer costs: of two that fit alike, the coarser shows whole cells


@dataclass(frozen=True, slots=True)
class SizeGuess:
    """What the network says at one ``zoom``: diameter in px of the plane, and a score, higher where it fits better."""

    zoom: float
    diameter_px: float
    score: float


def find_diameter(
    inputs: NDArray[np.generic], ranges: Sequence[IntensityRange], spec: ModelSpec, engine: Engine
) -> Generator[Progress, None, float | None]:
    """Yield progress and return the typical cell diameter in px of a plane (K, Y, X); None where no cells are seen."""
    facts, head = engine.load(WINDOW), head_for(spec)
    values = {p.name: spec.head.parameters.get(p.name, p.default) for p in head.parameters} | {"smallest": 1.0}
    zooms = spec.diameter_px.search or ()
    guesses: list[SizeGuess] = []
    for number, zoom in enumerate(zooms, 1):
        maps = _seen_at(zoom, inputs, ranges, spec, engine)
        shape = (maps.shape[1], maps.shape[2])
        labels = head.decode(RawMaps(maps, facts, WINDOW, 1, shape, shape), values).label_image()
        guess = size_guess(maps, labels, zoom, spec.diameter_px.reference)
        guesses += [guess] if guess else []
        yield Progress("sizes", number, len(zooms))
    return best_diameter(guesses)


def best_diameter(guesses: Sequence[SizeGuess]) -> float | None:
    """Return the diameter of the guess with the best score, in px; None without any."""
    return max(guesses, key=lambda guess: guess.score).diameter_px if guesses else None


def size_guess(
    maps: NDArray[np.floating], labels: NDArray[np.integer], zoom: float, reference: float
) -> SizeGuess | None:
    """Return what a window's maps (foreground and depth first; M, Y, X) and labels say; None with next to no cell."""
    cells = maps[0].astype(np.float32) > FOREGROUND
    areas = np.bincount(labels.reshape(-1))[1:]
    areas = areas[areas > 0]
    if cells.mean() < LEAST_SHARE or len(areas) == 0:
        return None
    size = float(np.sqrt(4 / np.pi * np.median(areas)))
    ridge = float(np.percentile(maps[1][cells].astype(np.float32), 90))
    score = ridge - OCTAVE_COST * abs(float(np.log2(size / reference))) - FINER_COST * float(np.log2(zoom))
    return SizeGuess(zoom, size / zoom, score)


def _seen_at(
    zoom: float, inputs: NDArray[np.generic], ranges: Sequence[IntensityRange], spec: ModelSpec, engine: Engine
) -> NDArray[np.float16]:
    """Return the maps of the window with most contrast that fits the network at a zoom."""
    height, width = inputs.shape[1:]
    part = _window(inputs, min(height, round(WINDOW / zoom)), min(width, round(WINDOW / zoom)))
    shape = resized_shape(part.shape, zoom)
    pixels = resize_pixels(part, (min(WINDOW, shape[0]), min(WINDOW, shape[1])))
    batch = np.zeros((1, spec.input_channels, WINDOW, WINDOW), np.float32)
    normalise_into(batch[0], pixels, ranges)
    maps: NDArray[np.float16] = engine.infer(batch)[0][:, : pixels.shape[1], : pixels.shape[2]]
    return np.ascontiguousarray(maps)


def _window(inputs: NDArray[np.generic], height: int, width: int) -> NDArray[np.generic]:
    """Return the part (K, height, width) that varies most, of a few spread over the image."""
    tops = np.unique(np.linspace(0, inputs.shape[1] - height, GRID).astype(int)).tolist()
    lefts = np.unique(np.linspace(0, inputs.shape[2] - width, GRID).astype(int)).tolist()
    parts = [inputs[:, y : y + height, x : x + width] for y in tops for x in lefts]
    return max(parts, key=lambda part: float(np.nanstd(part[:, ::4, ::4].astype(np.float32))))
