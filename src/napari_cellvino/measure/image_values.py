"""What a field's picture is like, apart from its cells: how bright, how noisy, how sharp.

These four numbers stand in ``counts.csv`` and say, from run to run, whether lamp, exposure or focus have changed.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.segmentation.order_statistics import percentiles, values_of
from napari_cellvino.storage.large_arrays import BAND_BYTES, give_back_pages

SAMPLE = 512  # px: so many rows and columns give the range; noise and sharpness are measured in as many of the middle
LOW, HIGH = 1.0, 99.5  # percentiles
FINE, COARSE = 2, 8  # px: steps whose contrast is compared
SQUARED = (1e-15, 1e15)  # differences whose squares have a place in 32 bits

LOW_NAME, HIGH_NAME, NOISE_NAME, SHARPNESS_NAME = "image_low", "image_high", "image_noise", "image_sharpness"


def image_values(pixels: NDArray[np.generic]) -> dict[str, float]:
    """Return the range, the noise and the sharpness of a plane.

    Parameters
    ----------
    pixels
        What the network looks at, (K, Y, X); the mean of several channels is taken.

    Returns
    -------
    dict
        ``image_low`` and ``image_high``: the 1st and 99.5th percentile, in grey levels. ``image_noise``: the standard
        deviation of what differs from pixel to pixel, in grey levels [1]_. ``image_sharpness``: contrast from one pixel
        to the next but one, over that across eight pixels, noise taken off; 0 (blurred) to about 1.

    References
    ----------
    .. [1] D. L. Donoho, De-noising by soft-thresholding, IEEE Trans. Inf. Theory 41, 1995: median absolute deviation of
       the finest diagonal differences.
    """
    sampled = pixels[:, :: -(-pixels.shape[1] // SAMPLE), :: -(-pixels.shape[2] // SAMPLE)]
    known = values_of(sampled[0] if len(sampled) == 1 and sampled.dtype.kind == "u" else _grey(sampled))
    low, high = known.percentiles((LOW, HIGH)) if known.size else (math.nan, math.nan)
    y, x = (max(0, (size - SAMPLE) // 2) for size in pixels.shape[1:])
    middle = _grey(pixels[:, y : y + SAMPLE, x : x + SAMPLE])
    whole = pixels.dtype.kind in "bui"
    noise = _noise(middle, whole=whole, few=whole and len(pixels) == 1 and pixels.dtype.itemsize < 4)
    if pixels.nbytes > BAND_BYTES:
        give_back_pages()
    fine, coarse = (_step(middle, size, whole=whole) - 2 * noise**2 for size in (FINE, COARSE))
    sharpness = math.sqrt(max(fine, 0.0) / coarse) if coarse > 0 else 0.0
    values = (low, high, noise, min(sharpness, 2.0))
    names = (LOW_NAME, HIGH_NAME, NOISE_NAME, SHARPNESS_NAME)
    return {name: float(value) for name, value in zip(names, values, strict=True)}


def _grey(pixels: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return the mean of channels (Y, X); what is infinite is not known, as what a division by zero gives."""
    grey = np.asarray(pixels[0] if len(pixels) == 1 else pixels.mean(axis=0, dtype=np.float32)).astype(np.float32)
    if pixels.dtype.kind == "f":
        grey[np.isinf(grey)] = np.nan
    return grey


def _finite(values: NDArray[np.float32], *, whole: bool) -> NDArray[np.float32]:
    """Return the values that are finite; those of ``whole`` numbers are."""
    if whole or (known := np.isfinite(values)).all():
        return values
    return values[known]


def _noise(grey: NDArray[np.float32], *, whole: bool, few: bool) -> float:
    """Return the standard deviation of the noise; 0 of less than two rows or columns.

    Medians of whole numbers of ``few`` bits are exact, however they are found.
    """
    diagonal = grey[:-1:2, :-1:2] - grey[:-1:2, 1::2] - grey[1::2, :-1:2] + grey[1::2, 1::2]
    known = _finite(diagonal, whole=whole)
    if known.size == 0:
        return 0.0
    size = np.abs(known).reshape(-1)
    median = percentiles(size, (50.0,))[0] if few else float(np.median(size))
    return median / 2 / 0.6745


def _with_squares(values: NDArray[np.float32], *, whole: bool) -> NDArray[np.floating]:
    """Return values whose squares are numbers: those of very large or small ones have no place in 32 bits."""
    peak = 1.0 if whole or not values.size else max(float(values.max()), -float(values.min()))
    return values if peak == 0 or SQUARED[0] < peak < SQUARED[1] else values.astype(np.float64)


def _step(grey: NDArray[np.float32], size: int, *, whole: bool) -> float:
    """Return the mean square of differences across ``size`` px, along rows and columns."""
    means = []
    for one, other in ((grey[size:], grey[:-size]), (grey[:, size:], grey[:, :-size])):
        known = _with_squares(_finite(one - other, whole=whole), whole=whole)
        means += [np.square(known, out=known).mean()] if known.size else []
    return float(np.mean(means)) if means else 0.0
