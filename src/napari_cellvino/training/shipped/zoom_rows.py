"""What a model sees at each of its zooms, and F1 there, of labelled images: the rows that its choice is fitted on.

The images are parts of at most `SIDE` px of the public sets and synthetic fields; part of the real ones are also made
larger or smaller. The same seeds give the same rows.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.progress import finish
from napari_cellvino.core.spread import spread_over
from napari_cellvino.engines.engine import Engine
from napari_cellvino.engines.provider import open_engine
from napari_cellvino.model_package import ModelSpec, open_package
from napari_cellvino.quality.accuracy import match_field
from napari_cellvino.quality.box_accuracy import match_boxes
from napari_cellvino.segmentation.contrast import contrast_of
from napari_cellvino.segmentation.heads import Decoded, check_parameters
from napari_cellvino.segmentation.predict import decode, infer_maps
from napari_cellvino.segmentation.prepare import project
from napari_cellvino.segmentation.rescale import resize_pixels
from napari_cellvino.segmentation.size_search import search_zooms
from napari_cellvino.training.data.datasets import LabelledImage, TrueBoxes, read_packed_set
from napari_cellvino.training.metrics.evaluate import as_stack
from napari_cellvino.training.shipped.generalist_sets import one_per_channel
from napari_cellvino.training.synthetic.fields import adherent_field, synthetic_field

SIDE = 640  # px
SMALLEST = 48  # px: sides of a field that is made smaller
KEPT_SHARE = 0.4  # of a true box that must lie in the part
FIRST_SEED = 7_000_000
SYNTHETIC_SIDES = (320, 448, 512, 640)
Taken = tuple[str, str, str, int]  # kind, folder, split, most fields
CELLS: tuple[Taken, ...] = (
    ("usiigaci", "usiigaci_phase", "train", 8),
    ("usiigaci", "usiigaci_phase", "val", 8),
    ("bacteria", "bacteria", "train", 99),
    ("bacteria", "bacteria", "val", 99),
    ("yeast", "yeast", "train", 6),
    ("cellpainting", "cellpainting", "train", 99),
    ("membrane", "membrane_cells", "train", 99),
    ("fluo", "dsb2018", "train", 24),
    ("fluo", "dsb2018", "val", 12),
    ("stained", "dsb2018", "train", 20),
    ("stained", "dsb2018", "val", 12),
    ("fluo", "bbbc039", "train", 5),
    ("livedead", "live_dead", "train", 24),
    ("blood", "blood_boxes", "train", 10),
)
PHASE: tuple[Taken, ...] = (
    ("usiigaci", "usiigaci_phase", "train", 6),
    ("usiigaci", "usiigaci_phase", "val", 8),
    ("film", "t98g_tracks", "dev", 4),
)
NOT_RESIZED = ("livedead",)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a model is shown: fields that are ``taken`` of the sets, made up to so many ``octaves`` smaller or larger.

    ``synthetic`` draws as many fields as there are ``seeds``.
    """

    taken: Sequence[Taken]
    octaves: tuple[float, float]
    seeds: range
    synthetic: Callable[[int], LabelledImage]


@dataclass(frozen=True, slots=True)
class ZoomRow:
    """One image: its ``evidence``, F1 and octaves ``away`` from the estimate by size at each zoom (ordered alike).

    ``usual_f1`` is F1 with the estimate by size, 0 without one; ``name`` tells the image from all others.
    """

    name: str
    kind: str
    f1: Sequence[float]
    usual_f1: float
    away: Sequence[float]
    evidence: Sequence[dict[str, float]]


def collect_rows(data: Path, package: Path, known: Collection[str]) -> Iterator[ZoomRow]:
    """Yield a row of each image with cells whose name is not ``known``, as a model that searches sees it."""
    model = open_package(package)
    engine = open_engine(model)
    # Looks are kept where there are weights, whatever these are.
    diameter = model.spec.diameter_px.model_copy(update={"weights": {"one": 1.0}})
    spec = model.spec.model_copy(update={"diameter_px": diameter})
    for name, kind, field in shown_parts(data, SHOWN[model.spec.name]):
        if name not in known and _cells(field):
            yield row_of(name, kind, field, spec, engine)


def row_of(name: str, kind: str, field: LabelledImage, spec: ModelSpec, engine: Engine) -> ZoomRow:
    """Return what a model that weighs its zooms sees of a field, and its F1 at each of them."""
    plane = finish(project(as_stack(field), inputs=spec.input_channels))
    seen, values = contrast_of(plane.inputs, spec.normalise), check_parameters(spec, {})
    search = finish(search_zooms(seen.pixels, seen.ranges, spec, engine))

    def f1_at(diameter_px: float) -> float:
        raw = finish(infer_maps(plane, spec, engine, diameter_px=diameter_px))
        return _f1(field, decode(raw, spec, values))

    f1 = [f1_at(search.reference / look.zoom) for look in search.looks]
    usual = f1_at(search.usual) if search.usual else 0.0
    return ZoomRow(name, kind, f1, usual, search.away, search.evidence)


def shown_parts(data: Path, shown: Shown) -> Iterator[tuple[str, str, LabelledImage]]:
    """Yield name, kind and part of every image: real ones, synthetic ones, and real ones of another size."""
    real = list(_real_fields(data, shown.taken))
    numbers = [zlib.crc32((field.id + field.source).encode()) for _, _, field in real]
    for number, ((kind, _, field), seed) in enumerate(zip(real, numbers, strict=True)):  # two channels share an id
        yield f"{number} {kind} {field.source} {field.id} 1", kind, part_of(field, 1.0, seed)
    for seed in shown.seeds:
        yield f"synthetic {seed}", "synthetic", shown.synthetic(seed)
    for number, ((kind, split, field), seed) in enumerate(zip(real, numbers, strict=True)):
        if split != "val" and kind not in NOT_RESIZED:
            scale = round(float(2 ** np.random.default_rng(seed + 1).uniform(*shown.octaves)), 3)
            yield f"{number} {kind} {field.source} {field.id} {scale:g}", kind, part_of(field, scale, seed + 1)


def _any_cells(seed: int) -> LabelledImage:
    size = int(np.random.default_rng(seed).choice(SYNTHETIC_SIDES))
    return synthetic_field(seed, size=size, diameters=(10.0, min(110.0, size / 4)))


def _adherent_cells(seed: int) -> LabelledImage:
    scale = float(2 ** np.random.default_rng(seed).uniform(-1, 0.5))
    return part_of(adherent_field(seed), scale, seed)


SHOWN: Mapping[str, Shown] = {
    "cells": Shown(CELLS, (-1.0, 1.0), range(FIRST_SEED, FIRST_SEED + 70), _any_cells),
    "cells-phase": Shown(PHASE, (-1.7, 0.7), range(FIRST_SEED, FIRST_SEED + 14), _adherent_cells),
}


def part_of(field: LabelledImage, scale: float, seed: int, side: int = SIDE) -> LabelledImage:
    """Return a part of at most ``side`` px of a field in grey that was made ``scale`` times as large."""
    grey, rng = field.grey().astype(np.float32), np.random.default_rng(seed)
    shape = grey.shape if scale == 1 else tuple(max(SMALLEST, round(extent * scale)) for extent in grey.shape)
    y0, x0 = (int(rng.integers(0, max(1, extent - side + 1))) for extent in shape)
    part = np.s_[y0 : y0 + side, x0 : x0 + side]
    pixels = grey if scale == 1 else resize_pixels(grey[None], (shape[0], shape[1]))[0]
    pixels = np.ascontiguousarray(pixels[part])
    if field.labels is not None:
        rows, columns = (
            ((np.arange(n) + 0.5) * m / n).astype(int) for n, m in zip(shape, field.labels.shape, strict=True)
        )
        return replace(field, image=pixels, labels=field.labels[np.ix_(rows, columns)][part])
    factors = np.tile(np.array(shape) / grey.shape, 2)
    boxes = _boxes_within(field.true_boxes(), factors, np.array([y0, x0, y0, x0]), (pixels.shape[0], pixels.shape[1]))
    return replace(field, image=pixels, boxes=boxes)


def _boxes_within(
    boxes: TrueBoxes, factors: NDArray[np.float64], first: NDArray[np.int_], shape: tuple[int, int]
) -> TrueBoxes:
    moved = boxes.yxyx * factors - first
    clipped = np.clip(moved, 0, [*shape, *shape])
    kept = np.prod(clipped[:, 2:] - clipped[:, :2], axis=1) >= KEPT_SHARE * np.prod(moved[:, 2:] - moved[:, :2], axis=1)
    classes = tuple(name for name, keep in zip(boxes.classes, kept.tolist(), strict=True) if keep)
    return TrueBoxes(classes, clipped[kept].astype(np.float32))


def _real_fields(data: Path, taken: Sequence[Taken]) -> Iterator[tuple[str, str, LabelledImage]]:
    """Yield kind, split and field of the sets, a few of each at even distances."""
    for kind, folder, split, most in taken:
        fields = [one for field in read_packed_set(data / folder, split) for one in one_per_channel(field, folder)]
        if folder == "dsb2018":
            fields = [one for one in fields if (one.source == folder) == (kind == "fluo")]
        if fields:
            places = spread_over(len(fields), most)
            yield from ((_kind_of(kind, fields[place]), split, fields[place]) for place in places)


def _kind_of(kind: str, field: LabelledImage) -> str:
    """Return the kind of a field: the set of bacteria has three."""
    if kind != "bacteria":
        return kind
    return "mother" if field.id.startswith("delta") else "ecolidapi" if field.id.startswith("ecoli") else kind


def _cells(field: LabelledImage) -> bool:
    return bool(field.labels.any()) if field.labels is not None else len(field.true_boxes().classes) > 0


def _f1(field: LabelledImage, found: Decoded) -> float:
    """Return F1 at IoU 0.5, of outlines where the field has labels, else of boxes."""
    if field.labels is not None:
        cells = match_field(field.labels, found.label_image())
        return 2 * cells.matched[0] / max(1, cells.n_true + cells.n_predicted)
    boxes = match_boxes(field.true_boxes().yxyx, found.objects.box, found.objects.score)
    return 2 * boxes.matched / max(1, boxes.n_true + boxes.n_predicted)
