"""Simulated fields of phenotypes on plates: dose, form, light and density of cells, and what differs between plates.

No open plate with labels may be shipped; what a classifier learns here is only that it learns what it should.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

HALF_EFFECT = 1.0  # the dose at which a phenotype is half there
BACKGROUND, LIGHT, READ_NOISE = 40.0, 300.0, 3.0


@dataclass(frozen=True, slots=True)
class Phenotype:
    """What a compound does at full effect: factors of diameter, length over width, light and number of cells."""

    name: str
    size: float = 1.0
    stretch: float = 1.0
    light: float = 1.0
    density: float = 1.0
    granules: float = 0.0


PHENOTYPES = (
    Phenotype("control"),
    Phenotype("stretched", stretch=2.6),
    Phenotype("shrunk", size=0.6, light=1.6, density=0.6),
    Phenotype("granular", granules=1.0),
)


@dataclass(frozen=True, slots=True)
class PlateEffect:
    """What differs between plates: gain of the lamp, background, blur in px, number of cells."""

    gain: float
    background: float
    blur: float
    density: float

    @classmethod
    def random(cls, plate: int) -> PlateEffect:
        """Return the effect of a plate by its number."""
        rng = np.random.default_rng([17, plate])
        low, high = (0.6, 0.5, 0.4, 0.8), (1.6, 2.0, 1.4, 1.25)
        return cls(*rng.uniform(low, high).tolist())


def simulate_phenotype(
    phenotype: Phenotype, plate: int, seed: int, *, dose: float = 100.0, side: int = 192, cells: int = 22
) -> NDArray[np.uint16]:
    """Return a field (1, side, side) of a plate, by its number; the effect is half there at dose 1."""
    rng, batch = np.random.default_rng([19, plate, seed]), PlateEffect.random(plate)
    share = dose / (dose + HALF_EFFECT)
    size, stretch, light, density = (
        1 + share * (getattr(phenotype, name) - 1) for name in ("size", "stretch", "light", "density")
    )
    image = np.zeros((side, side))
    for _ in range(rng.poisson(cells * density * batch.density)):
        _add_cell(image, rng, radius=8 * size * rng.uniform(0.8, 1.2), stretch=stretch, light=light,
                  granules=share * phenotype.granules)  # fmt: skip
    shown = ndi.gaussian_filter(LIGHT * image, batch.blur) * batch.gain + BACKGROUND * batch.background
    pixels = rng.poisson(shown) + rng.normal(0, READ_NOISE, shown.shape)
    return np.asarray(np.clip(np.rint(pixels), 0, 65535)[None], np.uint16)


def _add_cell(
    image: NDArray[np.float64], rng: np.random.Generator, *, radius: float, stretch: float, light: float,
    granules: float,
) -> None:  # fmt: skip
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    (cy, cx), turn = rng.uniform(0, image.shape), rng.uniform(0, np.pi)
    along = (y - cy) * np.sin(turn) + (x - cx) * np.cos(turn)
    across = (y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)
    root = np.sqrt(stretch)
    far = np.hypot(along / (radius * root), across / (radius / root))
    inside = 1 / (1 + np.exp((far - 1) * 8))
    spots = ndi.gaussian_filter(rng.normal(0, 1, image.shape), 1.2) * 4.0
    image += inside * light * rng.uniform(0.7, 1.3) * np.clip(1 + granules * spots, 0.1, None)
