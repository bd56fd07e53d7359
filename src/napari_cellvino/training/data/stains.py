"""Stained fields as other laboratories would have stained them: other dyes, and more or less of each.

Light is absorbed by a dye in proportion to its amount, so that amounts add up in optical density. The dyes of a field
are found, its pixels become amounts of them, and the amounts become colours of other dyes.

References
----------
Macenko et al. 2009, "A method for normalizing histology slides for quantitative analysis" (the dyes of a field);
Ruifrok & Johnston 2001, "Quantification of histochemical staining by color deconvolution" (colours of known dyes);
Tellez et al. 2018, "Whole-slide mitosis detection in H&E breast histology using PHH3 as a reference to train distilled
stain-invariant convolutional networks" (random amounts as augmentation).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.training.data.datasets import LabelledImage

Axes = NDArray[np.float64]
WHITE = 256.0
STAINED = 0.15  # least optical density of a pixel that tells of the dyes
FEWEST = 100  # px that must tell of them
NUCLEAR = np.array([[0.65, 0.70, 0.29], [0.55, 0.76, 0.34], [0.85, 0.48, 0.22]])  # haematoxylins, methyl green-like
COUNTERSTAINS = np.array([[0.07, 0.99, 0.11], [0.22, 0.88, 0.42], [0.27, 0.57, 0.78]])  # eosins, DAB
USUAL = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]])  # haematoxylin and eosin
APART = 0.1  # least sine of the angle between two dyes
SPREAD = 0.08  # standard deviation of a colour's parts round those of a known dye
NUCLEAR_OCTAVES, COUNTER_OCTAVES = (-0.8, 0.5), (-1.2, 1.0)  # how much more of a dye there may be


def stained_otherwise(item: LabelledImage, rng: np.random.Generator) -> LabelledImage:
    """Return a colour field (Y, X, RGB) of 8 bits in other dyes; a grey one stays as it is."""
    if item.image.ndim == 2:
        return item
    density = np.log10(WHITE / (item.image[..., :3].astype(np.float64) + 1.0))
    amounts = density @ np.linalg.inv(dyes_of(density))
    octaves = [rng.uniform(*NUCLEAR_OCTAVES), rng.uniform(*COUNTER_OCTAVES), rng.uniform(-1.0, 0.0)]
    colours = WHITE * 10.0 ** -(amounts * np.exp2(octaves) @ _random_dyes(rng)) - 1.0
    return replace(item, image=np.clip(np.round(colours), 0, 255).astype(np.uint8))


def dyes_of(density: NDArray[np.float64]) -> Axes:
    """Return the optical densities (3 dyes, RGB), of length 1, of a field's nuclear dye, counterstain and the rest.

    ``density`` is that of its pixels (Y, X, RGB). The nuclear dye is the one that takes more red. Where less than two
    dyes can be told apart, they are those of haematoxylin and eosin.
    """
    pixels = density.reshape(-1, 3)
    pixels = pixels[(pixels > STAINED).all(axis=1)]
    if len(pixels) < FEWEST:
        return _with_rest(USUAL)
    plane = np.linalg.eigh(np.cov(pixels.T))[1][:, [2, 1]]
    plane = plane * np.where(plane.sum(axis=0) < 0, -1.0, 1.0)
    along = pixels @ plane
    ends = np.percentile(np.arctan2(along[:, 1], along[:, 0]), (1, 99))
    pair = np.stack([plane @ (np.cos(end), np.sin(end)) for end in ends])
    return _with_rest(pair[np.argsort(-pair[:, 0])])


def _random_dyes(rng: np.random.Generator) -> Axes:
    pair = np.stack([rng.choice(NUCLEAR), rng.choice(COUNTERSTAINS)]) + rng.normal(0.0, SPREAD, (2, 3))
    pair = np.clip(pair, 0.02, None)
    return _with_rest(pair / np.linalg.norm(pair, axis=1, keepdims=True))


def _with_rest(pair: Axes) -> Axes:
    """Return two dyes (2, RGB) with the direction that neither has; the usual ones where those are nearly one."""
    rest = np.cross(*pair)
    length = float(np.linalg.norm(rest))
    return np.vstack([pair, rest / length]) if length > APART else _with_rest(USUAL)
