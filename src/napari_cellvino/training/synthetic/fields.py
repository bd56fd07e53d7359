"""One synthetic field of view: shapes, optics and camera drawn together from a seed."""

from __future__ import annotations

import numpy as np

from napari_cellvino.training.data.datasets import LabelledImage
from napari_cellvino.training.synthetic.camera import record
from napari_cellvino.training.synthetic.optics import OPTICS, make_specimen
from napari_cellvino.training.synthetic.shapes import draw_labels
from napari_cellvino.training.synthetic.shards import SOURCE

KIND_CHANCES = {
    "round": 0.14,
    "contact": 0.14,
    "spread": 0.24,
    "spindles": 0.1,
    "rods": 0.24,
    "chains": 0.06,
    "buds": 0.08,
}
OPTICS_CHANCES = {
    "fluorescence": 0.18,
    "membrane": 0.08,
    "phase contrast": 0.34,
    "bright field": 0.19,
    "DIC": 0.1,
    "stain": 0.11,
}
EMPTY = 0.04  # of the fields show no cell
SMALLEST, LARGEST = 6.0, 300.0  # px


def synthetic_field(
    seed: int, *, size: int = 256, diameters: tuple[float, float] = (14.0, 48.0), kind: str = "", optics: str = ""
) -> LabelledImage:
    """Return a field (size, size) float32 with its labels; the same seed gives the same field.

    Parameters
    ----------
    seed
        Of everything that is drawn.
    size
        Side of the field, px.
    diameters
        Range of the typical cell diameter (disc of equal area), px, drawn evenly in octaves.
    kind, optics
        One of `KINDS` and of `OPTICS`; by default drawn.
    """
    rng = np.random.default_rng(seed)
    kind = kind or str(rng.choice(list(KIND_CHANCES), p=list(KIND_CHANCES.values())))
    optics = optics or str(rng.choice(list(OPTICS_CHANCES), p=list(OPTICS_CHANCES.values())))
    low, high = np.log2(np.clip(diameters, SMALLEST, LARGEST))
    diameter = float(2.0 ** rng.uniform(low, high))
    labels = draw_labels(kind, size, diameter, rng)
    if rng.random() < EMPTY:
        labels[:] = 0
    image = record(OPTICS[optics](make_specimen(labels, diameter, rng), rng), diameter, rng)
    return LabelledImage(f"{seed:06d} {kind}, {optics}", SOURCE, image, labels=labels)
