"""The small network that finds spots in a plane: where it is used, what it says, and the package that it ships in.

It says of each pixel how likely a spot has its middle there, and where in the pixel. It learnt from simulated fields
alone (`training.spots`). How bright a spot has to be is still chosen by the field (`threshold`): where dimmer granules
and brighter spots are two groups, a network cannot know which of them are meant.

References
----------
Speiser et al. 2021, "Deep learning enables fast and dense single-molecule localization with high accuracy" (DECODE):
probability and place of each pixel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_cellvino.core.errors import ModelPackageError
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.core.yaml_text import load_yaml
from napari_cellvino.segmentation.spots.bands import Image
from napari_cellvino.segmentation.spots.look import Look
from napari_cellvino.segmentation.spots.network_input import network_plane
from napari_cellvino.segmentation.spots.response import kernel_norm, pixel_noise

NAME, IR, INPUT, OUTPUT = "spots.yaml", "model.xml", "test_input.npy", "test_output.npy"
TOLERANCE = 1e-3  # of log-odds and px, between where it was made and here

LIKELY = 0.4  # probability of a spot, at least
FEW, SURE = 10, 0.6  # where it sees fewer, each of them has to be so likely
SIGMAS = (0.75, 3.2)  # px, of spots that it learnt
DENSEST = 0.025  # spots per width squared; in denser crowds the filter, which takes spots off, finds more
SINGLE_PHOTONS = 0.5  # share of pixels of one value, from which on noise is that of single photons
CORRELATED = 2.5  # times the noise that single pixels tell of: grain, which it did not learn
LEFT = 4  # px that its input is a multiple of
ROUND_KERNEL = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 4.0

SpotNetwork = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Takes (1, 1, Y, X) as `network_plane` gives it, and gives (1, 3, Y, X): log-odds of a middle, and its y and x."""


def suits_network(look: Look, *, whole: bool) -> bool:
    """Return whether the noise and the spots of a plane are of the kind that the network learnt."""
    if len(look.image) > 1 or not SIGMAS[0] <= look.sigma[1] <= SIGMAS[1]:
        return False
    _, counts = np.unique(np.rint(look.image) if whole else look.image, return_counts=True)
    return bool(counts.max() < SINGLE_PHOTONS * look.image.size) and grain_of(look) < CORRELATED


def grain_of(look: Look) -> float:
    """Return the noise of the response over what independent pixels would give: 1 in white noise, more in grain."""
    fine = pixel_noise(look.image)
    single = 1.4826 * float(np.median(np.abs(fine - np.median(fine))))
    return float(np.median(look.noise)) / max(single * kernel_norm(look.seen), 1e-9)


def network_places(network: SpotNetwork, plane: Image, *, whole: bool) -> NDArray[np.float64]:
    """Return the places (N, 2) y, x of the spots that the network sees in a plane (1, Y, X)."""
    seen = network_plane(plane, whole_numbers=whole)
    height, width = seen.shape[1:]
    padded = np.pad(seen, ((0, 0), (0, -height % LEFT), (0, -width % LEFT)), mode="edge")
    maps = network(padded[None])[0, :, :height, :width].astype(np.float64)
    return places_of(maps)


def places_of(maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the places (N, 2) in what the network says (3, Y, X): summits of the probability, where it adds up."""
    chance = 1 / (1 + np.exp(-maps[0]))
    around = np.ones((3, 3))
    total = ndi.convolve(chance, around, mode="constant")
    smooth = ndi.convolve(chance, ROUND_KERNEL, mode="constant")
    summits = (smooth == ndi.maximum_filter(smooth, 3)) & (total > LIKELY)
    if int(summits.sum()) < FEW:
        summits &= total > SURE
    grid = np.indices(chance.shape, float)
    middles = [
        ndi.convolve(chance * (axis + away), around, mode="constant") for axis, away in zip(grid, maps[1:], strict=True)
    ]
    return np.stack([middle[summits] / total[summits] for middle in middles], 1)


@lru_cache(maxsize=1)
def shipped_network() -> SpotNetwork:
    """Return the network that ships, after it gave what it should on its own example.

    Raises
    ------
    ModelPackageError
        If it is missing or damaged, or this computer makes something else of the example.
    """
    return open_network(shipped_folder("models") / "spots")


def open_network(folder: Path) -> SpotNetwork:
    """Return the network in a folder; errors are those of `shipped_network`."""
    try:
        told = load_yaml((folder / NAME).read_text(encoding="utf-8"))
        example, expected = np.load(folder / INPUT), np.load(folder / OUTPUT)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ModelPackageError(f"{folder} holds no network that finds spots: {error}") from error
    if not isinstance(told, dict) or told.get("sha256") != fingerprint(folder):
        raise ModelPackageError(f"the network in {folder} is not the one that {NAME} is of; install it again")
    from napari_cellvino.engines.openvino import load_plain_network  # OpenVINO, only where spots are sought

    network = load_plain_network(folder / IR)
    far = float(np.abs(network(example) - expected).max())
    if far > TOLERANCE:
        raise ModelPackageError(f"the network in {folder} gives something else here (by {far:.2g})")
    return network


def fingerprint(folder: Path) -> str:
    """Return the sha256 of the network in a folder."""
    digest = hashlib.sha256()
    for name in (IR, Path(IR).with_suffix(".bin").name):
        digest.update((folder / name).read_bytes() if (folder / name).is_file() else b"")
    return digest.hexdigest()
