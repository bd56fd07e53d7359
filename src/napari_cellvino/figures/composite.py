"""Pixels of any type and number of channels as an RGB picture for display."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.segmentation.normalise import IntensityRange, intensity_range
from napari_cellvino.storage.large_arrays import give_back_pages

Picture = NDArray[np.uint8]  # (Y, X, 3), or (Y, X) of entries of a palette

CONTRAST = (0.5, 99.8)  # percentiles shown black and bright
SAMPLES = 100_000  # medians that the contrast of a picture is taken from
MOST_LEVELS = 2**16  # of whole numbers that are stretched in place of the pixels
SUMMED_PX = 2**24  # of a channel, at once
BRIGHTEST = 225  # grey value of the upper percentile: outlines and numbers stand out from it
MIXING = {
    1: ((1, 1, 1),),
    2: ((1, 0, 1), (0, 1, 0)),
    3: ((0, 1, 1), (1, 0, 1), (1, 1, 0)),
}  # colours of channels, added: magenta and green; cyan, magenta and yellow


def composite(channels: NDArray[np.generic]) -> Picture:
    """Return the channels (C, Y, X), each stretched to its own range, added in their colours."""
    colours = MIXING.get(len(channels), MIXING[1])
    if len(colours) == 1:
        return np.repeat(grey(channels[0])[..., None], 3, axis=-1)
    stretched = [_stretch(channel) for channel, _ in zip(channels, colours, strict=False)]
    mixed = sum(one[..., None] * np.array(colour, np.float32) for one, colour in zip(stretched, colours, strict=True))
    return np.minimum(mixed, 255).astype(np.uint8)


def grey(channel: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Return a channel (Y, X) stretched to its own range, 0 to 255."""
    shown = intensity_range(channel, *CONTRAST, samples=SAMPLES)
    if channel.dtype not in (np.uint8, np.uint16) or channel.size < MOST_LEVELS:
        return _within(shown, channel).astype(np.uint8)
    levels = np.arange(2 ** (8 * channel.dtype.itemsize)).astype(channel.dtype)
    greys = _within(shown, levels).astype(np.uint8)
    if channel.dtype == np.uint8:  # in half of the time
        return np.frombuffer(bytearray(channel.tobytes().translate(greys.tobytes())), np.uint8).reshape(channel.shape)
    return greys[channel.astype(np.intp)]


def _stretch(plane: NDArray[np.generic]) -> NDArray[np.float32]:
    return _within(intensity_range(plane, *CONTRAST, samples=SAMPLES), plane)


def _within(shown: IntensityRange, values: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return values as 0 to 255; non-finite ones are black."""
    finite = np.nan_to_num(values, nan=0, posinf=0, neginf=0)
    return np.clip(shown.apply(finite) * BRIGHTEST, 0, 255)


def to_rgb(channels: NDArray[np.generic], eight_bit: np.bool_ | bool) -> Picture:
    """Return red, green and blue (3, Y, X) as a picture; those of other than 8 bits are stretched together."""
    if not eight_bit:
        finite = np.nan_to_num(channels, nan=0, posinf=0, neginf=0)
        together = intensity_range(finite.reshape(-1, channels.shape[-1]), *CONTRAST)
        channels = np.clip(together.apply(finite) * BRIGHTEST, 0, 255)
    return np.ascontiguousarray(np.moveaxis(channels, 0, -1).astype(np.uint8))


def downsampled(channels: NDArray[np.generic], step: int) -> NDArray[np.float32]:
    """Return the means of (C, Y, X) over squares of ``step`` px, at the far edges over what there is."""
    height, width = channels.shape[1:]
    rows, columns = np.arange(0, height, step), np.arange(0, width, step)
    sums = np.empty((len(channels), len(rows), len(columns)), np.float32)
    at_once = max(1, SUMMED_PX // (step * width))
    for first in range(0, len(rows), at_once):
        own = rows[first : first + at_once]
        for channel, out in zip(channels, sums, strict=True):
            band = channel[own[0] : own[-1] + step]
            summed = np.add.reduceat(band, own - own[0], axis=0, dtype=np.float32)
            np.add.reduceat(summed, columns, axis=1, out=out[first : first + at_once])
        give_back_pages()
    counts = np.diff(rows, append=height)[:, None] * np.diff(columns, append=width)
    return np.asarray(sums / counts, np.float32)
