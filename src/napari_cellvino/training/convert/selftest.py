"""The test image of a package, and the comparison of a changed network with its test tensors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import openvino as ov
import tifffile
from numpy.typing import NDArray

from napari_cellvino.core.errors import ModelPackageError
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.model_package.spec import Normalisation
from napari_cellvino.training.convert.graph import infer_float32

SAMPLE = ("plate", "A01_s1.ome.tif")  # of the shipped samples
EPSILON = 1e-6  # bioimage.io's own, where a range or a deviation is divided by
AGREES = 1e-3  # root-mean-square difference, relative to that of the expected values


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of a network with its test tensors: root-mean-square and largest difference over all maps."""

    rms: float
    largest: float
    expected_rms: float

    @property
    def ok(self) -> bool:
        """Whether the difference is small; False for NaN."""
        return self.rms <= AGREES * max(1.0, self.expected_rms)


def compare(network: ov.Model, given: NDArray[np.float32], expected: NDArray[np.float32]) -> Agreement:
    """Return how well the output of a network for ``given`` (1, C, Y, X) agrees with ``expected`` (1, M, Y, X).

    Raises
    ------
    ModelPackageError
        If it has another shape.
    """
    made = infer_float32(network, given)
    if made.shape != expected.shape:
        raise ModelPackageError(
            f"the network gives maps of shape {made.shape} for its own test input; expected {expected.shape}"
        )
    difference = (made - expected).astype(np.float64)
    rms, own = (float(np.sqrt(np.mean(a**2))) for a in (difference, expected.astype(np.float64)))
    return Agreement(rms, float(np.abs(difference).max()), own)


def sample_image(channels: int, size: int) -> NDArray[np.float32]:
    """Return raw pixels (1, C, size, size) of a shipped sample: nuclei, or in colour their inverse, as stained."""
    image = tifffile.imread(shipped_folder("sample_data").joinpath(*SAMPLE))[0, :size, :size].astype(np.float32)
    image = np.pad(image, [(0, size - side) for side in image.shape], mode="symmetric")
    if channels > 1:
        image = image.max() - image
    return np.repeat(image[None, None], channels, axis=1)


def normalised(raw: NDArray[np.float32], how: Normalisation) -> NDArray[np.float32]:
    """Return raw pixels (1, C, Y, X) normalised by ``how``, channel by channel, as defined by bioimage.io.

    To normalise the result again changes nothing: the same array serves as a test input before and after that step.
    """
    if how.method == "none":
        return raw
    pixels, plane = raw.astype(np.float64), (2, 3)
    if how.method == "mean_std":
        low, spread = pixels.mean(plane, keepdims=True), pixels.std(plane, keepdims=True)
    else:
        low, high = (np.percentile(pixels, p, plane, keepdims=True) for p in (how.low, how.high))
        spread = high - low
    return np.asarray((pixels - low) / (spread + EPSILON), np.float32)
