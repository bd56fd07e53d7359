"""One synthetic field of view: shapes, optics and camera drawn together from a seed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from napari_cellvino.training.data.datasets import LabelledImage
from napari_cellvino.training.synthetic.camera import record
from napari_cellvino.training.synthetic.optics import OPTICS, make_specimen
from napari_cellvino.training.synthetic.shapes import draw_labels, frayed
from napari_cellvino.training.synthetic.shards import SOURCE

KIND_CHANCES = {
    "round": 0.14,
    "contact": 0.14,
    "spread": 0.14,
    "stars": 0.1,
    "spindles": 0.1,
    "rods": 0.24,
    "chains": 0.06,
    "buds": 0.08,
}
OPTICS_CHANCES = {
    "fluorescence": 0.16,
    "membrane": 0.07,
    "phase contrast": 0.18,
    "phase ring": 0.17,
    "bright field": 0.1,
    "defocus": 0.14,
    "DIC": 0.08,
    "stain": 0.1,
}
ADHERENT_KINDS = {"stars": 0.42, "spread": 0.22, "spindles": 0.14, "contact": 0.14, "round": 0.08}
ADHERENT_OPTICS = {
    "phase ring": 0.5,
    "phase contrast": 0.18,
    "defocus": 0.1,
    "bright field": 0.06,
    "DIC": 0.09,
    "fluorescence": 0.07,
}
EMPTY = 0.04  # of the fields show no cell
SMALLEST, LARGEST = 6.0, 300.0  # px
RAGGED = 0.06  # of the diameter


def synthetic_field(
    seed: int,
    *,
    size: int = 256,
    diameters: tuple[float, float] = (14.0, 48.0),
    kind: str = "",
    optics: str = "",
    ragged: float = RAGGED,
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
    ragged
        How far outlines are frayed at most, as a share of the diameter; most fields are.
    """
    rng = np.random.default_rng(seed)
    kind = kind or _drawn(KIND_CHANCES, rng)
    optics = optics or _drawn(OPTICS_CHANCES, rng)
    low, high = np.log2(np.clip(diameters, SMALLEST, LARGEST))
    diameter = float(2.0 ** rng.uniform(low, high))
    labels = draw_labels(kind, size, diameter, rng)
    if ragged and rng.random() < 0.7:
        labels = frayed(labels, diameter, rng.uniform(0, ragged) * diameter, rng)
    if rng.random() < EMPTY:
        labels[:] = 0
    image = record(OPTICS[optics](make_specimen(labels, diameter, rng), rng), diameter, rng)
    return LabelledImage(f"{seed:06d} {kind}, {optics}", SOURCE, image, labels=labels)


def adherent_field(seed: int, *, size: int = 400) -> LabelledImage:
    """Return a field (size, size) of adherent cells 30 to 110 px across, mostly in phase contrast."""
    rng = np.random.default_rng([77, seed])
    kind, optics = _drawn(ADHERENT_KINDS, rng), _drawn(ADHERENT_OPTICS, rng)
    return synthetic_field(500_000 + seed, size=size, diameters=(30.0, 110.0), kind=kind, optics=optics)


def _drawn(chances: Mapping[str, float], rng: np.random.Generator) -> str:
    return str(rng.choice(list(chances), p=list(chances.values())))
