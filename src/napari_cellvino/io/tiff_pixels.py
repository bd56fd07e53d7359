"""What the values of a TIFF page are: brightness, colours, transparency, or something that must not be counted as such.

Palette colours are how a program showed a grey image, so the index is the intensity where the colours grow brighter
with it, and is inverted where they grow darker. Inks are darker where there is more of them, and L*a*b* and a camera's
colour filter are no brightness at all: files of these are refused.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tifffile import COMPRESSION, PHOTOMETRIC, TiffPage

from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.core.image import LUMINANCE
from napari_cellvino.io.block_planes import PixelTransform
from napari_cellvino.io.orientation import ORIENTATION

COLOURS = {PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR}
_ALPHA = {1, 2}  # values of tag ExtraSamples: transparency, multiplied into the colours or not
_NO_LIGHT: dict[int, str] = {
    PHOTOMETRIC.SEPARATED: "inks (cyan, magenta, yellow, black)",
    PHOTOMETRIC.CIELAB: "colours as L*a*b*",
    PHOTOMETRIC.ICCLAB: "colours as L*a*b*",
    PHOTOMETRIC.ITULAB: "colours as L*a*b*",
    PHOTOMETRIC.CFA: "the raw colours of a camera, one in each pixel (Bayer pattern)",
}
_AS_THEY_ARE = {  # compressions that know nothing of colours, where those of pictures turn YCbCr into RGB
    COMPRESSION.NONE, COMPRESSION.LZW, COMPRESSION.ADOBE_DEFLATE, COMPRESSION.DEFLATE, COMPRESSION.PACKBITS,
    COMPRESSION.LZMA, COMPRESSION.ZSTD,
}  # fmt: skip
_DISORDER = 0.05  # of the steps of a palette that may go against the others: marks for 0 and for saturation


def colour_samples(page: TiffPage, values: int) -> int:
    """Return how many of the ``values`` per pixel are colours or channels, not transparency."""
    if page.photometric in COLOURS and values in (3, 4):
        return 3
    return values - 1 if says_transparency(page) and values > 1 else values


def says_transparency(page: TiffPage) -> bool:
    """Return whether a page says that the last value of each pixel is transparency."""
    return bool(page.extrasamples) and page.extrasamples[-1] in _ALPHA


def pixel_transform(path: Path, page: TiffPage) -> tuple[PixelTransform, tuple[str, ...]]:
    """Return what is done to the pixels of a page as they are read, and sentences on it.

    Raises
    ------
    ImageReadError
        If their number of bits is not read.
    ImageValueError
        If they are not brightness or colours.
    """
    if page.dtype is None:
        raise ImageReadError(
            f"{path.name} has pixels of {page.bitspersample} bits (sample format {page.sampleformat}), which cannot be "
            "read; save it with 8, 16 or 32 bits"
        )
    if page.dtype.kind not in "buif":
        raise ImageValueError(f"{path.name} has pixels of type {page.dtype}; save the magnitude as 32-bit float")
    _check_light(path, page)
    dtype = np.dtype(np.uint8) if page.dtype.kind == "b" else page.dtype.newbyteorder("=")
    orientation = page.tags.valueof(ORIENTATION, default=1)
    turned = orientation if orientation in range(2, 9) else 1
    said = (f"turned as the file says (orientation {turned})",) if turned > 1 else ()
    falling = _darkens(page)
    if (page.photometric != PHOTOMETRIC.MINISWHITE and not falling) or dtype.kind == "f":
        return PixelTransform(dtype, orientation=turned), said
    white = -1 if dtype.kind == "i" else 2**page.bitspersample - 1
    how = "shows higher numbers darker, by its palette" if falling else "stores white as 0"
    inverted = f"the file {how}: inverted, so that bright is bright"
    return PixelTransform(dtype, white, turned), (inverted, *said)


def _check_light(path: Path, page: TiffPage) -> None:
    kind = _NO_LIGHT.get(page.photometric)
    if page.photometric == PHOTOMETRIC.YCBCR and page.compression in _AS_THEY_ARE:
        kind = "brightness and two differences of colour (YCbCr)"
    if kind is not None:
        raise ImageValueError(f"{path.name} has {kind}, which are not read; save it as RGB or grey")


def _palette_steps(page: TiffPage) -> NDArray[np.floating] | None:
    """Return how much brighter each colour of a palette is than the one before; None of a page without."""
    if page.photometric != PHOTOMETRIC.PALETTE or page.colormap is None:
        return None
    steps: NDArray[np.floating] = np.diff(np.asarray(LUMINANCE) @ np.asarray(page.colormap, float))
    return steps


def _darkens(page: TiffPage) -> bool:
    """Return whether the colours of a page's palette grow darker with their numbers."""
    steps = _palette_steps(page)
    if steps is None or not (steps < 0).any():
        return False
    return int(np.count_nonzero(steps > 0)) <= _DISORDER * len(steps)


def palette_warning(page: TiffPage) -> tuple[str, ...]:
    """Return what to say of a palette whose colours are in no order of brightness."""
    steps = _palette_steps(page)
    if steps is None or min(np.count_nonzero(steps > 0), np.count_nonzero(steps < 0)) <= _DISORDER * len(steps):
        return ()
    return (
        "the colours of the file's palette are in no order of brightness: the numbers of the colours are counted as "
        "brightness; if it is a colour picture, save it as RGB",
    )


def sparse_warning(page: TiffPage) -> tuple[str, ...]:
    """Return what to say of tiles or strips that the first page of an image does not store, and that read as black."""
    stored, lost = len(page.databytecounts), sum(count == 0 for count in page.databytecounts)
    if not 0 < lost < stored:
        return ()
    return (
        f"{lost:,} of the {stored:,} tiles of the first plane are not stored and read as black: areas that a scanner "
        "left out, or a copy that broke off",
    )
