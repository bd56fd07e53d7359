"""Read what the headers of PNG, JPEG and BMP claim, without decoding, and refuse what no memory should be given to.

References
----------
PNG, https://www.w3.org/TR/png-3/ (chunks IHDR, PLTE and acTL)
JPEG, ITU-T T.81, B.2.2 (frame header)
BMP, https://learn.microsoft.com/windows/win32/gdi/bitmap-storage (read by Pillow)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.io.checks import parse_errors, truncated_error
from napari_cellvino.io.orientation import FIRST_ON_ITS_SIDE, ORIENTATION

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
JPEG_MAGIC = b"\xff\xd8\xff"
BMP_MAGIC = b"BM"
MOST_PIXELS = 89_000_000  # as many as Pillow opens without calling it a decompression bomb

_PNG_PALETTE = 3
_PNG_GREY = {0, 4}  # colour types: grey, grey and alpha
_NO_FRAME = {0xC4, 0xC8, 0xCC}  # JPEG markers in the range of frame headers that are none


@dataclass(frozen=True, slots=True)
class Header:
    """Size in px as it is shown, colours per pixel (1 or 3; without transparency) and bits per colour.

    ``orientation`` (1 to 8) is that of EXIF: cameras and phones store a picture as the sensor lay, and say here how it
    is to be turned. ``frames`` are those of an animation, of which the first is read. ``palette`` where pixels are
    numbers of colours.
    """

    width: int
    height: int
    colours: int
    bits: int
    orientation: int = 1
    frames: int = 1
    palette: bool = False


def read_header(path: Path, head: bytes) -> Header | None:
    """Return the header of a PNG, JPEG or BMP file that begins with ``head``, or None for other files.

    Raises
    ------
    ImageReadError
        If the file is cut short or damaged, or claims no pixels or too many.
    """
    if not head.startswith((PNG_MAGIC, JPEG_MAGIC, BMP_MAGIC)):
        return None
    if head.startswith(BMP_MAGIC):
        header = _bmp(path)
        _check_size(path, header)
        return header
    with parse_errors(path), path.open("rb") as file:
        try:
            header = _png(file) if head.startswith(PNG_MAGIC) else _jpeg(file)
        except struct.error as error:
            raise truncated_error(path, "it ends within its header") from error
    _check_size(path, header)
    return _turned(header, path)


def _turned(header: Header, path: Path) -> Header:
    from PIL import Image

    try:
        with Image.open(path) as picture:
            orientation = picture.getexif().get(ORIENTATION, 1)
    except (OSError, SyntaxError, ValueError):  # what is wrong with the file is told when its pixels are read
        return header
    if orientation not in range(2, 9):
        return header
    size = (header.height, header.width) if orientation >= FIRST_ON_ITS_SIDE else (header.width, header.height)
    return replace(header, width=size[0], height=size[1], orientation=orientation)


def _check_size(path: Path, header: Header) -> None:
    if header.width < 1 or header.height < 1:
        raise ImageReadError(
            f"{path.name} has no pixels: its size is {header.width} x {header.height}; export it again"
        )
    if header.width * header.height > MOST_PIXELS:
        raise ImageReadError(
            f"{path.name} says it has {header.width:,} x {header.height:,} pixels; PNG, JPEG and BMP are read up to "
            f"{MOST_PIXELS:,} pixels: save it as tiled TIFF or in parts"
        )


def _png(file: BinaryIO) -> Header:
    file.seek(len(PNG_MAGIC))
    _, kind, width, height, bits, colour = struct.unpack(">I4sIIBB", file.read(18))
    if kind != b"IHDR":
        raise ValueError("its first chunk is not IHDR")
    grey = colour in _PNG_GREY or (colour == _PNG_PALETTE and _grey_palette(file))
    palette = colour == _PNG_PALETTE
    return Header(width, height, 1 if grey else 3, 16 if bits == 16 else 8, frames=_frames(file), palette=palette)


def _frames(file: BinaryIO) -> int:
    """Return how many frames an animated PNG has; 1 of any other."""
    file.seek(len(PNG_MAGIC))
    while True:
        head = file.read(8)
        if len(head) < 8 or head[4:] == b"IDAT":
            return 1
        (length,) = struct.unpack_from(">I", head)
        if head[4:] == b"acTL":
            return int(struct.unpack(">I", file.read(4))[0])
        file.seek(length + 4, 1)


def _grey_palette(file: BinaryIO) -> bool:
    """Return whether red, green and blue of every palette entry are alike."""
    file.seek(len(PNG_MAGIC))
    while True:
        length, kind = struct.unpack(">I4s", file.read(8))
        if kind == b"PLTE":
            palette = file.read(min(length, 768))
            return palette[0::3] == palette[1::3] == palette[2::3]
        file.seek(length + 4, 1)


def _bmp(path: Path) -> Header:
    from PIL import Image

    try:
        with parse_errors(path), Image.open(path, formats=["BMP"]) as picture:
            grey = picture.mode in ("1", "L")  # as it is of palettes of greys, too
            return Header(*picture.size, 1 if grey else 3, 8, palette=picture.mode == "P")
    except Image.DecompressionBombError as error:
        raise ImageReadError(
            f"{path.name} says it has more pixels than the {MOST_PIXELS:,} that are read of BMP: save it as tiled TIFF"
        ) from error


def _jpeg(file: BinaryIO) -> Header:
    file.seek(2)
    while True:
        fill, marker = struct.unpack(">BB", file.read(2))
        while marker == 0xFF:
            (marker,) = struct.unpack(">B", file.read(1))
        if fill != 0xFF or marker == 0xD9:
            raise ValueError("it has no frame header")
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            _, bits, height, width, components = struct.unpack(">HBHHB", file.read(8))
            return Header(width, height, 1 if components == 1 else 3, bits)
        if marker != 0x01 and not 0xD0 <= marker <= 0xD8:
            (length,) = struct.unpack(">H", file.read(2))
            file.seek(max(length - 2, 0), 1)
