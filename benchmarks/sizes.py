"""Nuclei of images that were made smaller and larger, as a run sees them and at the image's own size."""

from __future__ import annotations

import numpy as np

from benchmarks.asked import Asked
from benchmarks.figure import Figure, NotMeasuredError
from napari_cellvino.engines.provider import open_engine
from napari_cellvino.model_package import find_package
from napari_cellvino.training.data.datasets import LabelledImage
from napari_cellvino.training.metrics.evaluate import LabelledSet, infer_field, score_maps
from napari_cellvino.training.shipped.sets import sets_of
from napari_cellvino.training.shipped.zoom_rows import part_of

SCALES = (0.2, 0.25, 0.35, 0.5, 0.7, 1.0, 2.0, 3.0, 4.0, 6.0)
EVERY = 5  # fields of the `val` splits that are looked at
SIDES = (520, 720)  # px of the part of a field that was made smaller, and of one that was not


def measure_sizes(asked: Asked) -> list[Figure]:
    """Return F1 at IoU 0.5 and cells found over true ones at each size, beside those without another zoom.

    Raises
    ------
    NotMeasuredError
        If the labelled images are not here.
    """
    if not (asked.data / "dsb2018").is_dir():
        raise NotMeasuredError(f"{asked.data} holds no labelled images")
    package = find_package("nuclei")
    spec, engine = package.spec, open_engine(package)
    fields = [field for part in sets_of("nuclei", asked.data, "val") for field in part.fields[::EVERY]]
    figures = []
    for scale in SCALES:
        parts = tuple(part_of(field, scale, 0, SIDES[scale >= 1]) for field in fields)
        part = LabelledSet("resized", tuple(field for field in parts if field.true_labels().any()))
        own, fixed = (
            score_maps(part, [infer_field(f, spec, engine, diameter_px=given) for f in part.fields], spec, {})
            for given in (None, spec.diameter_px.reference)
        )
        size = f"nuclei of {_diameter(part.fields):.0f} px"
        figures += [
            Figure(f"{size}: F1", own["f1_50"], least=round(fixed["f1_50"] - 0.01, 4)),
            Figure(f"{size}: F1 at the image's own size", fixed["f1_50"]),
            Figure(f"{size}: found of 100", 100 * own["predicted"] / own["true"]),
            Figure(f"{size}: found of 100 at the image's own size", 100 * fixed["predicted"] / fixed["true"]),
        ]
    return figures


def _diameter(fields: tuple[LabelledImage, ...]) -> float:
    areas = np.concatenate([np.bincount(field.true_labels().reshape(-1))[1:] for field in fields])
    return float(np.sqrt(4 / np.pi * np.median(areas[areas > 0])))
