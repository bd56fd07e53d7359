"""The second stage: outlines of the cells found by a detection model, each from its own crop.

A crop is resized so that the cell's box gets the model's reference diameter: small and large cells are outlined equally
well. González and Evans 2019 used crops of 200 px at one magnification.

The network's output for a crop is cached by the crop's centre, so that moving the sliders of either model only infers
new crops. Crops run one by one: batches were measured and gain nothing here.
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
from napari_cellvino.model_package import ModelOutput, ModelPackage, ModelSpec
from napari_cellvino.segmentation.crops import crop_around
from napari_cellvino.segmentation.heads.head import Decoded
from napari_cellvino.segmentation.heads.mask import MaskHead
from napari_cellvino.segmentation.heads.paste_masks import CellMask, paste_masks
from napari_cellvino.segmentation.normalise import normalise_into, plane_range
from napari_cellvino.segmentation.prepare import network_inputs
from napari_cellvino.segmentation.rescale import resize_map_where, resize_pixels

RANGE_SAMPLES = 12_000  # neighbourhoods sampled for a crop's percentiles
MIN_PROBABILITY = MaskHead.parameters[0].low  # lower probabilities are never inside an outline

Centre = tuple[float, float]  # (y, x) in px of the plane


@dataclass(frozen=True, slots=True)
class MaskRefiner:
    """A mask model and the engine that runs it."""

    package: ModelPackage
    engine: Engine


@dataclass(frozen=True, slots=True, eq=False)
class CellMasks:
    """The mask of each cell by the cell's centre, and the engine that computed them."""

    by_centre: Mapping[Centre, CellMask]
    engine_info: EngineInfo


def check_refiner(spec: ModelSpec, outline: ModelSpec) -> None:
    """Raise OptionError unless ``outline`` is a mask model and ``spec`` a model that gives boxes."""
    if spec.gives is not ModelOutput.BOXES:
        raise OptionError(f"model {spec.name} gives outlines itself; leave --outline {outline.name} out")
    if outline.gives is not ModelOutput.MASK:
        raise OptionError(f"model {outline.name} outlines no single cells: it gives {outline.gives}, not a mask")


def infer_masks(
    plane: Plane,
    found: Objects,
    refiner: MaskRefiner,
    *,
    known: CellMasks | None = None,
) -> Generator[Progress, None, CellMasks]:
    """Yield progress after every cell and return the masks of all cells; those in ``known`` are reused.

    Raises
    ------
    EngineTileError
        If the network cannot be run on a crop.
    """
    spec = refiner.package.spec
    masks = dict(known.by_centre) if known is not None else {}
    sides = crop_sides(found.box, spec)
    missing = [(c, n) for c, n in zip(_centres(found), sides.tolist(), strict=True) if c not in masks]
    if known is not None and not missing:
        return known
    refiner.engine.load(spec.tile)
    outputs = refiner.engine.infer_all(_crops(plane, missing, spec))
    for done, ((centre, side), maps) in enumerate(zip(missing, outputs, strict=True), 1):
        y, x = (round(position) for position in centre)
        part, (top, left) = resize_map_where(maps[0, 0], (side, side), MIN_PROBABILITY)
        masks[centre] = _crop_to_cell(part, (y - side // 2 + top, x - side // 2 + left), (y, x), plane.shape)
        yield Progress("cells", done, len(missing), Stage.INFERENCE)
    return CellMasks(masks, refiner.engine.load(spec.tile))  # an engine may have had to go on elsewhere


def _crops(plane: Plane, cells: Sequence[tuple[Centre, int]], spec: ModelSpec) -> Iterator[NDArray[np.float32]]:
    """Yield the batch (1, C, tile, tile) of each cell: its crop, resized and normalised; the array is reused."""
    batch = np.zeros((1, spec.input_channels, spec.tile, spec.tile), np.float32)
    grey = len(plane.inputs) > 1 and spec.input_channels == 1  # the cells were found in colours
    inputs = network_inputs(plane.inputs, None, 1) if grey else plane.inputs
    for (y, x), side in cells:
        _normalise_crop(batch[0], crop_around(inputs, round(y), round(x), side), spec)
        yield batch


def crop_sides(boxes: NDArray[np.number], spec: ModelSpec) -> NDArray[np.int64]:
    """Return the sides in px (N,) of the square crops for boxes (N, 4) y0, x0, y1, x1.

    The mean side of a box becomes the model's reference diameter.
    """
    mean_side = (boxes[:, 2:] - boxes[:, :2]).astype(np.float64).mean(1)
    sides: NDArray[np.float64] = np.rint(spec.tile * mean_side / spec.diameter_px.reference)
    return np.maximum(1, sides).astype(np.int64)


def outline_cells(found: Decoded, masks: CellMasks, shape: tuple[int, int], level: float) -> Decoded:
    """Return the cells with outlines; class and score are those of the detection model.

    Cells without a pixel at ``level`` or above are left out and counted in ``left_out``.
    """
    pasted = paste_masks([masks.by_centre[centre] for centre in _centres(found.objects)], shape, level)
    before = found.objects.select(pasted.source)
    objects = replace(pasted.objects, class_index=before.class_index, score=before.score)
    return Decoded(pasted.labels, objects, len(found.objects) - len(objects))


def _centres(found: Objects) -> list[Centre]:
    return [(y, x) for y, x in found.centroid.tolist()]


def _normalise_crop(batch: NDArray[np.float32], crop: NDArray[np.generic], spec: ModelSpec) -> None:
    ranges = [plane_range(channel, spec.normalise, samples=RANGE_SAMPLES) for channel in crop]
    normalise_into(batch, resize_pixels(crop, (spec.tile, spec.tile)), ranges)


def _crop_to_cell(
    probability: NDArray[np.float16], at: tuple[int, int], middle: tuple[int, int], shape: tuple[int, int]
) -> CellMask:
    """Return what of a crop, whose first pixel lies ``at`` (y, x), is in the plane and may belong to a cell.

    ``middle`` is that of the cell in the plane.
    """
    top, left = at
    y0, x0 = max(0, -top), max(0, -left)
    inside = probability[y0 : shape[0] - top, x0 : shape[1] - left]
    kept = inside >= np.float16(MIN_PROBABILITY)
    rows, columns = (np.flatnonzero(kept.any(axis)) for axis in (1, 0))
    if len(rows) == 0:
        return CellMask(0, 0, np.zeros((1, 1), np.float16))
    y, x = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    first = top + y0 + int(rows[0]), left + x0 + int(columns[0])
    return CellMask(*first, inside[y, x].copy(), (float(middle[0] - first[0]), float(middle[1] - first[1])))
