"""The numbers in label images of any program: TIFF, PNG, ``.npy`` and ``.npz``.

A header can claim any size; it is compared with that of the image before a pixel is read.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.formats.decoding import AGAIN, check_fits, decoding
from napari_cellvino.formats.field import MisfitError
from napari_cellvino.formats.label_canvas import check_flat
from napari_cellvino.io.label_tiff import CREATOR, read_label_pixels


@dataclass(frozen=True, slots=True)
class LabelPixels:
    """The pixels of a label image; ``ours`` where this program wrote it, so that its numbers are those of cells."""

    pixels: NDArray[Any]
    ours: bool = False


def read_tiff(path: Path, shape: tuple[int, ...]) -> LabelPixels:
    """Return the pixels of a TIFF that fits an image of ``shape``.

    Raises
    ------
    ImageReadError
        If it is damaged.
    MisfitError, ImageValueError
        If it has another size, or holds several images.
    """
    pixels, _, software = read_label_pixels(path, lambda found: check_shape(path, found, shape))
    return LabelPixels(pixels, software.startswith(CREATOR))


def read_png(path: Path, shape: tuple[int, ...]) -> LabelPixels:
    """Return the pixels of a PNG that fits an image of ``shape``; of a palette, the numbers, not the colours."""
    check_flat(path, "a PNG", shape)
    with decoding(path, "a label image"), Image.open(path) as opened:
        check_shape(path, opened.size[::-1], shape)
        return LabelPixels(np.array(opened))


def read_npy(path: Path, shape: tuple[int, ...]) -> LabelPixels:
    """Return the pixels of a ``.npy`` that holds one array."""
    with decoding(path, "a numpy array"), path.open("rb") as handle:
        return LabelPixels(_array(path, handle, shape))


def read_npz(path: Path, shape: tuple[int, ...]) -> LabelPixels:
    """Return the pixels of a ``.npz`` that holds one array, as Cell-ACDC saves them."""
    with decoding(path, "a numpy archive"), zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".npy")]
        if len(names) != 1:
            held = ", ".join(name.removesuffix(".npy") for name in names[:6]) or "nothing"
            raise ImageValueError(f"{path} holds {held}, and one array of labels is needed; save that alone")
        with archive.open(names[0]) as handle:
            return LabelPixels(_array(path, handle, shape))


def _array(path: Path, handle: IO[bytes], shape: tuple[int, ...]) -> NDArray[Any]:
    found, fortran, dtype = array_header(handle)
    check_shape(path, found, shape)
    if dtype.hasobject:
        raise ImageReadError(f"{path} holds Python objects, not an array of labels; {AGAIN}")
    check_fits(path, dtype.itemsize * int(np.prod(found)))
    content = handle.read(dtype.itemsize * int(np.prod(found)))
    return np.frombuffer(content, dtype).reshape(found, order="F" if fortran else "C")


def array_header(handle: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, whether columns go first, and type of the array whose header comes next."""
    version = np.lib.format.read_magic(handle)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(handle)
    return shape, fortran, dtype


def check_shape(path: Path, found: tuple[int, ...], shape: tuple[int, ...]) -> None:
    """Raise MisfitError unless pixels fit an image; axes of length 1, and colours behind, are passed over."""
    left = tuple(found)
    while len(left) > len(shape) and left[0] == 1:
        left = left[1:]
    if left != tuple(shape) and not (left[:-1] == tuple(shape) and left[-1] in (1, 2, 3, 4)):
        raise MisfitError(path, left, shape)


Read = Callable[[Path, tuple[int, ...]], LabelPixels]
READ_PIXELS: dict[str, Read] = {
    ".tif": read_tiff, ".tiff": read_tiff, ".btf": read_tiff, ".tf8": read_tiff, ".png": read_png, ".npz": read_npz,
}  # fmt: skip
