"""The small networks that find spots: where they are used, what they say, and the packages that they ship in.

One looks at a plane, one at a plane of a stack with two above and two below. They say of each pixel how likely a spot
has its middle there, and where in the pixel. They learnt from simulated fields alone (`training.spots`). How bright a
spot has to be is still chosen by the field (`threshold`): where dimmer granules and brighter spots are two groups, a
network cannot know which of them are meant.

References
----------
Speiser et al. 2021, "Deep learning enables fast and dense single-molecule localization with high accuracy" (DECODE):
probability and place of each pixel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import scipy
import yaml
from numpy.typing import NDArray

from napari_cellvino.core.errors import ModelPackageError
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.core.yaml_text import load_yaml
from napari_cellvino.segmentation.spots.bands import Image
from napari_cellvino.segmentation.spots.look import Look
from napari_cellvino.segmentation.spots.network_input import SeenPlanes, network_plane, network_planes
from napari_cellvino.segmentation.spots.noise import DARK, noise_of_pixels, pixel_noise
from napari_cellvino.segmentation.spots.response import kernel_norm

NAME, IR, INPUT, OUTPUT = "spots.yaml", "model.xml", "test_input.npy", "test_output.npy"
TOLERANCE = 1e-3  # of log-odds and px, between where it was made and here

POSSIBLE = 0.02  # probability of a spot, from which on a place is looked at
SIGMAS = (0.75, 3.2)  # px, of spots that it learnt
SINGLE_PHOTONS = 0.5  # share of pixels of one value, from which on noise is that of single photons
WHITE = -0.6  # correlation of second differences, up to which noise is that of single pixels for sure
CORRELATED = -0.35  # the same, from which on noise is grain, which it hardly learnt
SMOOTHED = 4.0  # times what white noise of the pixels makes of it, that the noise of a response has at most
GRAIN_SPREADS = 2.0  # of the noise, beyond which light is not noise
TELL_PHOTONS = 8  # planes, that tell what noise is
TOGETHER = 0.7  # widths along z, over which planes are taken together
SEEN_IN = 2.5  # widths along z, in which a network sees a spot
NEXT = 1.2  # widths along z, within which a spot is surest in one plane
LEFT = 4  # px that its input is a multiple of
AROUND = np.ones((3, 3))
ROUND_KERNEL = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 4.0

SpotNetwork = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Takes (1, P, Y, X) as `network_input` gives it, and gives (1, 3, Y, X): log-odds of a middle, and its y and x."""


class SpotNetworks:
    """The network of planes and that of stacks, in two folders, each opened when it is first asked for.

    Errors are those of `open_network`.
    """

    def __init__(self, planes: Path, stacks: Path) -> None:
        self._planes, self._stacks = planes, stacks

    @cached_property
    def of_planes(self) -> SpotNetwork:
        """The network that sees a single plane."""
        return open_network(self._planes)

    @cached_property
    def of_stacks(self) -> SpotNetwork:
        """The network that sees planes of a stack with those above and below."""
        return open_network(self._stacks)


def suits_network(look: Look, *, whole: bool) -> bool:
    """Return whether the noise and the spots of an image are of the kind that the network learnt."""
    if not SIGMAS[0] <= look.sigma[1] <= SIGMAS[1]:
        return False
    some = look.image[:: max(1, len(look.image) // TELL_PHOTONS)]
    _, counts = np.unique(np.rint(some) if whole else some, return_counts=True)
    grain = grain_of(some)
    if counts.max() >= SINGLE_PHOTONS * some.size or grain >= CORRELATED:
        return False
    return grain < WHITE or smoothing_of(look, whole=whole) <= SMOOTHED


def smoothing_of(look: Look, *, whole: bool) -> float:
    """Return how many times as noisy a response is, in the dark, as white noise of its pixels would make it.

    It is far more where an image was smoothed, as by a median filter: little is left of the noise of pixels then.
    """
    fine = noise_of_pixels(look.image, look.seen, whole=whole)
    background = look.noise.background.everywhere()
    dark = background <= np.quantile(background, DARK)
    everywhere = look.noise.within((slice(None), slice(None), slice(None)))
    return float(np.median(everywhere[dark] / fine[dark])) / kernel_norm(look.seen)


def grain_of(image: Image) -> float:
    """Return how second differences of planes (Z, Y, X) go with those of the next pixel: -2/3 in white noise.

    In grain, which is as wide as several pixels, it is more. Spots, and what is wider, hardly change it.
    """
    fine = pixel_noise(image)
    fine -= np.median(fine)
    most = GRAIN_SPREADS * 1.4826 * float(np.median(np.abs(fine)))
    fine = np.clip(fine, -most, most)
    beside = float((fine[:, :, 1:] * fine[:, :, :-1]).mean() + (fine[:, 1:] * fine[:, :-1]).mean()) / 2
    return beside / max(float((fine * fine).mean()), 1e-9)


def network_places(
    networks: SpotNetworks, image: Image, deep: float, *, whole: bool
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Return the places (N, 3) z, y, x where spots may be in planes (Z, Y, X), and the probability of each (N,).

    ``deep`` is the width of spots along z, 0 in one plane. In a stack several planes see a spot: the place is in the
    one that is surest, with those beside.
    """
    smooth, total = np.empty(image.shape, np.float32), np.empty(image.shape, np.float32)
    inside = np.empty((2, *image.shape), np.float16)
    network, planes = networks.of_stacks if deep > 0 else networks.of_planes, SeenPlanes(image, whole_numbers=whole)
    for z in range(len(image)):
        seen = network_planes(planes, z, deep) if deep > 0 else network_plane(image[z : z + 1], whole_numbers=whole)
        maps = _maps(network, seen)
        chance = np.asarray(scipy.special.expit(maps[0]), np.float32)
        smooth[z] = scipy.ndimage.convolve(chance, ROUND_KERNEL, mode="constant")
        total[z] = scipy.ndimage.convolve(chance, AROUND, mode="constant")
        inside[:, z] = _middles(chance, maps[1:]) / np.maximum(total[z], 1e-6)
    beside = 0
    if deep > 0:
        beside = max(1, round(NEXT * deep))
        smooth = scipy.ndimage.gaussian_filter1d(smooth, TOGETHER * deep, axis=0, mode="constant")
        total = scipy.ndimage.convolve1d(total, np.ones(1 + 2 * beside, np.float32), axis=0, mode="constant")
    summits = (smooth == scipy.ndimage.maximum_filter(smooth, (1 + 2 * beside, 3, 3))) & (total > POSSIBLE)
    at = np.argwhere(summits).astype(np.float64)
    at[:, 1:] += inside[:, summits].T
    return at, total[summits]


def _maps(network: SpotNetwork, seen: Image) -> NDArray[np.float32]:
    """Return what a network says (3, Y, X) of what it sees (P, Y, X)."""
    height, width = seen.shape[1:]
    padded = np.pad(seen, ((0, 0), (0, -height % LEFT), (0, -width % LEFT)), mode="edge")
    return network(padded[None])[0, :, :height, :width]


def _middles(chance: Image, away: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the sums (2, Y, X) of how far middles lie from each pixel, weighed by their probability, around it."""
    steps = np.indices((3, 3)) - 1.0
    out = [
        scipy.ndimage.convolve(chance * part, AROUND, mode="constant")
        + scipy.ndimage.correlate(chance, step, mode="constant")
        for part, step in zip(away, steps, strict=True)
    ]
    return np.stack(out)


@lru_cache(maxsize=1)
def shipped_networks() -> SpotNetworks:
    """Return the networks that ship."""
    models = shipped_folder("models")
    return SpotNetworks(models / "spots", models / "spots-in-stacks")


def open_network(folder: Path) -> SpotNetwork:
    """Return the network in a folder, after it gave what it should on its own example.

    Raises
    ------
    ModelPackageError
        If it is missing or damaged, or this computer makes something else of the example.
    """
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
