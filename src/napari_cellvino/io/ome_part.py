"""What one file of a set of OME-TIFF files holds itself, as OME-XML that speaks of nothing else.

Every file of a set describes the whole set, so that any of them opens all of it. On a plate, the name of a file says
which well it is, and the other wells that it describes are other files.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np

from napari_cellvino.core.errors import ImageReadError

_MOST_PLANES = 1_000_000  # of one image: a description can claim any number


class _Grid(NamedTuple):
    """Axes of the planes of an image, slowest first, with their sizes."""

    axes: str
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, pixels: ElementTree.Element, values: int) -> _Grid:
        axes = "".join(reversed(pixels.get("DimensionOrder", "XYCZT")[2:]))
        sizes = {axis: int(pixels.get(f"Size{axis}", 1)) for axis in axes}
        sizes["C"] //= values
        return cls(axes, tuple(sizes[axis] for axis in axes))


class _File(NamedTuple):
    """A file of a set: its name, the id that it calls itself by, and the number of its pages."""

    name: str
    uuid: str | None
    pages: int


def set_part(text: str, name: str, uuid: str | None, pages: int) -> str:
    """Return the OME-XML of what a file of a set holds itself: its images, and of these its planes.

    Parameters
    ----------
    text
        The OME-XML of the set.
    name, uuid
        Name of the file, and the id that it calls itself by; without an id, its name in the text tells its planes.
    pages
        How many pages the file has.

    Raises
    ------
    ImageReadError
        If it holds none of the images, or planes of one that are no stack: two planes of a channel, one of another.
    """
    root, file = ElementTree.fromstring(text), _File(name, uuid, pages)
    for image in [e for e in root if _is(e, "Image")]:
        held = [_keep_own(pixels, file) for pixels in image if _is(pixels, "Pixels")]
        if not any(held):
            root.remove(image)
    if not any(_is(e, "Image") for e in root):
        raise ImageReadError(
            f"{name} holds none of the images of the set of files that it describes; copy it again from where it was "
            "made"
        )
    return ElementTree.tostring(root, encoding="unicode")


def _keep_own(pixels: ElementTree.Element, file: _File) -> bool:
    """Leave the planes of one file in an image, and return whether there are any.

    Raises
    ------
    ImageReadError
        If they are no stack.
    """
    channels = [e for e in pixels if _is(e, "Channel")]
    values = int(channels[0].get("SamplesPerPixel", 1)) if channels else 1
    grid = _Grid.of(pixels, values)
    if not 0 < math.prod(grid.sizes) <= _MOST_PLANES:
        raise ImageReadError(
            f"{file.name} describes an image of {grid.sizes} planes; copy it again from where it was made"
        )
    data = [e for e in pixels if _is(e, "TiffData")]
    own = [element for element in data if _is_own(element, file)]
    pages = dict(page for element in own for page in _planes(element, grid, file.pages))
    kept = [sorted({place[d] for place in pages}) for d in range(len(grid.axes))]
    if len(pages) != math.prod(map(len, kept)):
        raise ImageReadError(
            f"{file.name} holds some planes of some channels of an image whose others lie in other files; open the "
            "folder as images, or export each image as one file"
        )
    for element in data:
        pixels.remove(element)
    for number, channel in enumerate(channels):
        if number not in kept[grid.axes.index("C")]:
            pixels.remove(channel)
    for axis, indices in zip(grid.axes, kept, strict=True):
        pixels.set(f"Size{axis}", str(len(indices) * (values if axis == "C" else 1)))
    _write_planes(pixels, grid, kept, pages)
    return bool(pages)


def _write_planes(
    pixels: ElementTree.Element, grid: _Grid, kept: list[list[int]], pages: dict[tuple[int, ...], int]
) -> None:
    tag = f"{pixels.tag.rpartition('}')[0]}}}TiffData" if "}" in pixels.tag else "TiffData"
    for place in product(*(range(len(indices)) for indices in kept)):
        page = pages[tuple(indices[n] for n, indices in zip(place, kept, strict=True))]
        firsts = {f"First{axis}": str(n) for axis, n in zip(grid.axes, place, strict=True)}
        ElementTree.SubElement(pixels, tag, {"IFD": str(page), "PlaneCount": "1", **firsts})


def _is_own(data: ElementTree.Element, file: _File) -> bool:
    said = next((e for e in data if _is(e, "UUID")), None)
    if said is None:
        return True
    if file.uuid and said.text:
        return said.text == file.uuid
    return said.get("FileName", "").casefold() == file.name.casefold()


def _planes(data: ElementTree.Element, grid: _Grid, pages: int) -> Iterator[tuple[tuple[int, ...], int]]:
    """Yield the place of each plane that an element is of, and its page."""
    page = int(data.get("IFD", 0))
    said = data.get("PlaneCount") or data.get("NumPlanes") or ("1" if "IFD" in data.attrib else "")
    place = tuple(int(data.get(f"First{axis}", 0)) for axis in grid.axes)
    if any(n >= size for n, size in zip(place, grid.sizes, strict=True)):
        return  # ImageJ describes planes so that it has cropped away
    first, total = int(np.ravel_multi_index(place, grid.sizes)), math.prod(grid.sizes)
    count = int(said) if said and int(said) > 0 else pages
    for n in range(min(count, total - first)):
        yield tuple(int(i) for i in np.unravel_index(first + n, grid.sizes)), page + n


def _is(element: ElementTree.Element, name: str) -> bool:
    return element.tag.rpartition("}")[2] == name
