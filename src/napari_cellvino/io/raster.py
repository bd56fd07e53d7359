"""Open PNG, JPEG and BMP, as exported from microscopes and cut from publications.

Their pixel size is a printing resolution at best, so it is unknown here. Neither can be read in part: opening looks at
the header alone, and a plane decodes the picture. PNG is decoded by imagecodecs: Pillow cuts 16-bit colour to 8 bits
without a word. JPEG and BMP are decoded by Pillow: libjpeg alone fills what is missing of a cut file with grey.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.image import MetadataOverrides, Origin, Spacing, Stack
from napari_cellvino.io.axes import AxisLayout, AxisSizes, resolve_layout
from napari_cellvino.io.block_planes import BlockPlanes, PixelTransform, Window, cut
from napari_cellvino.io.checks import check_memory, parse_errors
from napari_cellvino.io.orientation import apply_orientation
from napari_cellvino.io.raster_header import PNG_MAGIC, Header, read_header
from napari_cellvino.io.source import Position, channel_names, merge_spacing, position_index


@dataclass(frozen=True, slots=True)
class RasterBlocks:
    """The whole picture as the only block: (Y, X), or (Y, X, S) for red, green and blue.

    With ``numbers`` the pixels are the numbers of the colours of its palette.
    """

    path: Path
    header: Header
    start: int = 0
    numbers: bool = False

    def block(self, number: int) -> NDArray[np.generic]:
        """Return the picture without its transparency.

        Raises
        ------
        ImageReadError
            If the file is cut short or damaged, or the picture does not fit in memory.
        """
        header = self.header
        check_memory(self.path, header.width * header.height * 4 * header.bits // 8)
        with parse_errors(self.path):
            decode = _numbers if self.numbers else _decode
            pixels = apply_orientation(decode(self.path.read_bytes(), header), header.orientation)
        if pixels.shape[:2] != (header.height, header.width):
            raise ImageReadError(f"{self.path.name} has changed since it was opened; open it again")
        if header.colours == 1:
            return pixels if pixels.ndim == 2 else pixels[..., 0]
        return pixels[..., :3]

    def part(self, number: int, window: Window) -> NDArray[np.generic]:
        """Return rows and columns of the picture, which is decoded as a whole; errors as `block`."""
        return cut(self.block(number), window)


def _numbers(data: bytes, header: Header) -> NDArray[np.generic]:
    with Image.open(BytesIO(data), formats=["PNG", "BMP"]) as picture:
        return np.asarray(picture)


def _decode(data: bytes, header: Header) -> NDArray[np.generic]:
    if data.startswith(PNG_MAGIC):
        png: NDArray[np.generic] = imagecodecs.png_decode(data)
        return png
    with Image.open(BytesIO(data), formats=["JPEG", "BMP"]) as picture:
        return np.asarray(picture.convert("L" if header.colours == 1 else "RGB"))


@dataclass(frozen=True, slots=True)
class RasterSource:
    """A PNG, JPEG or BMP file."""

    path: Path
    header: Header
    layout: AxisLayout
    overrides: MetadataOverrides
    positions: tuple[Position, ...] = (Position(),)

    @property
    def parts(self) -> tuple[Path, ...]:
        """The file."""
        return (self.path,)

    def _blocks(self) -> RasterBlocks:
        return RasterBlocks(self.path, self.header, numbers=self.header.palette and self.overrides.as_numbers)

    def read(self, position: Position | None = None) -> Stack:
        """Return the picture as a stack, without reading pixels.

        Raises
        ------
        ImageValueError
            If there is no such position, or the user's spacing or channel names do not fit.
        """
        position_index(self.path, self.positions, position)
        transform = PixelTransform(np.dtype(np.uint8 if self.header.bits <= 8 else np.uint16))
        shape = self.layout.shape
        rgb = shape.c == 3 and "S" in self.layout.letters
        spacing = merge_spacing(self.path, Spacing(), self.overrides.spacing)
        return Stack(
            BlockPlanes(self.path.name, self.layout, self._blocks(), transform),
            shape,
            transform.dtype,
            spacing=spacing,
            channels=channel_names(self.overrides.channels, ("Red", "Green", "Blue") if rgb else (), count=shape.c),
            rgb=rgb,
            origin=Origin(path=str(self.path)),
            warnings=(f"an animation of {self.header.frames} frames: the first is read",) * (self.header.frames > 1),
            overrides=self.overrides,
        )


def open_raster(path: Path, head: bytes, overrides: MetadataOverrides) -> RasterSource | None:
    """Return the opened PNG, JPEG or BMP file, or None where the first bytes are of neither.

    Raises
    ------
    ImageReadError
        If the file is cut short or damaged, or its header claims no pixels or too many.
    ImageValueError
        If the user's axes do not fit.
    """
    header = read_header(path, head)
    if header is None:
        return None
    if header.palette and overrides.as_numbers:
        header = replace(header, colours=1)
    size = (header.height, header.width)
    colour = AxisSizes(path.name, "YXS", (*size, 3), samples=3)
    held = AxisSizes(path.name, "YX", size) if header.colours == 1 else colour
    return RasterSource(path, header, resolve_layout((held,), overrides.axes)[0], overrides)
