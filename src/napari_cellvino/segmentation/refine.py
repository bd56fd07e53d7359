"""The second stage: outlines of the cells that a detection model found, each from a crop of its own.

A crop is cut and resized so that the cell's box becomes as large as the model knows cells best: small and large cells
are outlined with the same care. González and Evans 2019 cut 200 px round each, at one magnification.

What the network says of a crop is kept by the centre it was cut round, so that sliders of either model only cost what
was not asked before. Crops run one by one: batches were measured and gain nothing here.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.image import Plane
from napari_cellvino.core.objects import Objects
from napari_cellvino.core.progress import Progress, Stage
from napari_cellvino.engines.engine import Engine, EngineInfo
from napari_cellvino.model_package import Gives, ModelPackage, ModelSpec
from napari_cellvino.segmentation.crops import crop_round
from napari_cellvino.segmentation.heads.head import Decoded
from napari_cellvino.segmentation.heads.mask import MaskHead
from napari_cellvino.segmentation.heads.paste_masks import CellMask, paste_masks
from napari_cellvino.segmentation.normalise import normalise_into, range_for
from napari_cellvino.segmentation.rescale import resize_map, resize_pixels

RANGE_SAMPLES = 12_000  # neighbourhoods that a crop's percentiles are taken from
LEAST = MaskHead.parameters[0].low  # no outline is drawn at a lower probability

Centre = tuple[float, float]  # (y, x) in px of the plane


@dataclass(frozen=True, slots=True)
class MaskRefiner:
    """A model of masks and the engine that runs it."""

    package: ModelPackage
    engine: Engine


@dataclass(frozen=True, slots=True, eq=False)
class CellMasks:
    """What the network said of each cell, by the centre it was found at, and what ran."""

    of: Mapping[Centre, CellMask]
    facts: EngineInfo


def check_refiner(spec: ModelSpec, outline: ModelSpec) -> None:
    """Raise OptionError unless ``outline`` is a model of masks and ``spec`` one that finds cells without outlines."""
    if spec.gives is not Gives.BOXES:
        raise OptionError(f"model {spec.name} gives outlines itself; leave --outline {outline.name} out")
    if outline.gives is not Gives.MASK:
        raise OptionError(f"model {outline.name} outlines no single cells: it gives {outline.gives}, not a mask")


def infer_masks(
    plane: Plane,
    found: Objects,
    refiner: MaskRefiner,
    *,
    known: CellMasks | None = None,
) -> Generator[Progress, None, CellMasks]:
    """Yield progress after every cell and return the masks of all cells found, those already ``known`` as they are.

    Raises
    ------
    EngineTileError
        If the network does not run on its crops.
    """
    spec = refiner.package.spec
    masks = dict(known.of) if known is not None else {}
    sides = crop_sides(found.box, spec)
    missing = [(c, n) for c, n in zip(_centres(found), sides.tolist(), strict=True) if c not in masks]
    if known is not None and not missing:
        return known
    facts = refiner.engine.load(spec.tile)
    answers = refiner.engine.infer_all(_crops(plane, missing, spec))
    for done, ((centre, side), maps) in enumerate(zip(missing, answers, strict=True), 1):
        y, x = (round(position) for position in centre)
        probability = resize_map(maps[0, 0], (side, side))
        masks[centre] = _trimmed(probability, y - side // 2, x - side // 2, plane.shape)
        yield Progress("cells", done, len(missing), Stage.INFERENCE)
    return CellMasks(masks, facts)


def _crops(plane: Plane, cells: Sequence[tuple[Centre, int]], spec: ModelSpec) -> Iterator[NDArray[np.float32]]:
    """Yield the batch (1, C, tile, tile) of each cell: its crop, resized and normalised; one array for all."""
    batch = np.zeros((1, spec.input_channels, spec.tile, spec.tile), np.float32)
    for (y, x), side in cells:
        _fill(batch[0], crop_round(plane.inputs, round(y), round(x), side), spec)
        yield batch


def crop_sides(boxes: NDArray[np.number], spec: ModelSpec) -> NDArray[np.int64]:
    """Return the sides in px (N,) of the square crops for boxes (N, 4) y0, x0, y1, x1.

    The mean side of a box becomes the diameter that the model knows best.
    """
    mean_side = (boxes[:, 2:] - boxes[:, :2]).astype(np.float64).mean(1)
    sides: NDArray[np.float64] = np.rint(spec.tile * mean_side / spec.diameter_px.reference)
    return np.maximum(1, sides).astype(np.int64)


def outline_cells(found: Decoded, masks: CellMasks, shape: tuple[int, int], level: float) -> Decoded:
    """Return what was found with outlines; class and score stay those of the model that found it.

    Cells of which nothing exceeds ``level`` are left out, and counted in ``left_out``.
    """
    pasted = paste_masks([masks.of[centre] for centre in _centres(found.objects)], shape, level)
    before = found.objects.select(pasted.source)
    objects = replace(pasted.objects, class_index=before.class_index, score=before.score)
    return Decoded(pasted.labels, objects, len(found.objects) - len(objects))


def _centres(found: Objects) -> list[Centre]:
    return [(y, x) for y, x in found.centroid.tolist()]


def _fill(batch: NDArray[np.float32], crop: NDArray[np.generic], spec: ModelSpec) -> None:
    ranges = [range_for(channel, spec.normalise, samples=RANGE_SAMPLES) for channel in crop]
    normalise_into(batch, resize_pixels(crop, (spec.tile, spec.tile)), ranges)


def _trimmed(probability: NDArray[np.float16], top: int, left: int, shape: tuple[int, int]) -> CellMask:
    """Return the part of a square crop, cut at (top, left), that lies in the plane and can be of the cell."""
    side = len(probability)
    y0, x0 = max(0, -top), max(0, -left)
    inside = probability[y0 : shape[0] - top, x0 : shape[1] - left]
    kept = inside >= np.float16(LEAST)
    rows, columns = (np.flatnonzero(kept.any(axis)) for axis in (1, 0))
    if len(rows) == 0:
        return CellMask(0, 0, np.zeros((1, 1), np.float16))
    y, x = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    middle = side // 2 - y0 - float(rows[0]), side // 2 - x0 - float(columns[0])
    return CellMask(top + y0 + int(rows[0]), left + x0 + int(columns[0]), inside[y, x].copy(), middle)
