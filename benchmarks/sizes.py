"""Cells of images that were made smaller and larger, as a run sees them and at the size that models assume."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.asked import Asked
from benchmarks.figure import Figure, NotMeasuredError
from napari_cellvino.engines.provider import open_engine
from napari_cellvino.model_package import find_package
from napari_cellvino.segmentation.rescale import resize_pixels, resized_shape
from napari_cellvino.training.data.datasets import LabelledImage, TrueBoxes
from napari_cellvino.training.metrics.evaluate import LabelledSet, infer_field, score_maps
from napari_cellvino.training.shipped.sets import sets_of
from napari_cellvino.training.shipped.zoom_rows import part_of

SCALES = {
    "nuclei": (0.2, 0.25, 0.35, 0.5, 0.7, 1.0, 2.0, 3.0, 4.0, 6.0),
    "live-dead": (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0),
    "blood-smear": (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0),
}
EVERY = {"nuclei": 5, "live-dead": 1, "blood-smear": 1}  # so many fields of the `val` splits one is looked at
SIDES = (520, 720)  # px of the part of a field that was made smaller, and of one that was not
LOST = 0.01  # of F1, that seeking a size may cost where cells have the usual one


def measure_sizes(asked: Asked) -> list[Figure]:
    """Return F1 at IoU 0.5 and cells found over true ones at each size, beside those without another zoom.

    Raises
    ------
    NotMeasuredError
        If the labelled images are not here.
    """
    if not (asked.data / "dsb2018").is_dir():
        raise NotMeasuredError(f"{asked.data} holds no labelled images")
    return [figure for model in SCALES for figure in _of_model(model, asked)]


def _of_model(model: str, asked: Asked) -> list[Figure]:
    package = find_package(model)
    spec, engine = package.spec, open_engine(package)
    fields = [field for part in sets_of(model, asked.data, "val") for field in part.fields[:: EVERY[model]]]
    figures = []
    for scale in SCALES[model]:
        parts = tuple(_resized(field, scale) for field in fields)
        part = LabelledSet("resized", tuple(field for field in parts if len(_areas(field))))
        usual = spec.diameter_px.assumed or spec.diameter_px.reference
        own, fixed = (
            score_maps(part, [infer_field(f, spec, engine, diameter_px=given) for f in part.fields], spec, {})
            for given in (None, usual)
        )
        size = f"{model}, cells of {_diameter(part.fields):.0f} px"
        figures += [
            Figure(f"{size}: F1", own["f1_50"], least=round(fixed["f1_50"] - LOST, 4)),
            Figure(f"{size}: F1 at the usual size", fixed["f1_50"]),
            Figure(f"{size}: found of 100", 100 * own["predicted"] / own["true"]),
            Figure(f"{size}: found of 100 at the usual size", 100 * fixed["predicted"] / fixed["true"]),
        ]
    return figures


def _resized(field: LabelledImage, scale: float) -> LabelledImage:
    """Return a field that was made ``scale`` times as large: a part of it in grey, or all of it where it has boxes."""
    if field.boxes is None:
        return part_of(field, scale, 0, SIDES[scale >= 1])
    channels = field.image[None] if field.image.ndim == 2 else np.moveaxis(field.image, -1, 0)
    resized = resize_pixels(channels, resized_shape(channels.shape, scale))
    pixels = np.clip(resized, 0, 255).astype(np.uint8)
    boxes = TrueBoxes(field.boxes.classes, (field.boxes.yxyx * scale).astype(np.float32))
    return replace(field, image=pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, -1), boxes=boxes)


def _areas(field: LabelledImage) -> NDArray[np.float64]:
    """Return the area in px² of each true cell; of boxes that of a disc as wide as they are."""
    if field.labels is None:
        boxes = field.true_boxes().yxyx.astype(np.float64)
        return np.pi / 4 * (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    areas = np.bincount(field.labels.reshape(-1))[1:].astype(np.float64)
    return areas[areas > 0]


def _diameter(fields: tuple[LabelledImage, ...]) -> float:
    return float(np.sqrt(4 / np.pi * np.median(np.concatenate([_areas(field) for field in fields]))))
