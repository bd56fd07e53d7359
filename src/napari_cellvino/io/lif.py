"""Open Leica LIF, LOF and XLEF: every series with its axes, channels and scale, a plane at a time.

References
----------
https://github.com/cgohlke/liffile
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.image import MetadataOverrides, Shape, Spacing
from napari_cellvino.io.checks import parse_errors
from napari_cellvino.io.instrument import Foreign, GetPlane, LazyFile, LazyPlanes, load_library
from napari_cellvino.io.scenes import Scene, SceneSource
from napari_cellvino.io.source import tile_warning
from napari_cellvino.io.tiff_metadata import micrometres

_ROLES = {"T": "t", "C": "c", "λ": "c", "Λ": "c", "Z": "z", "Y": "y", "X": "x", "S": "c"}


def open_lif(path: Path, head: bytes, overrides: MetadataOverrides) -> SceneSource:
    """Return the series of a Leica file that are images.

    Raises
    ------
    MissingLibraryError
        If liffile is not installed.
    ImageReadError
        If the file is damaged.
    ImageValueError
        If it holds no image.
    """
    liffile = load_library("liffile", path, "Leica LIF")
    with parse_errors(path), liffile.LifFile(str(path)) as file:
        held = LazyFile(path, lambda: liffile.LifFile(str(path)))
        found = ((number, image) for number, image in enumerate(file.images))
        scenes = [_scene(held, number, image) for number, image in found if _readable(image)]
    return SceneSource(path, tuple(scene for tiles in scenes for scene in tiles), overrides)


def _readable(image: Foreign) -> bool:
    dims = tuple(image.dims)
    return "Y" in dims and "X" in dims and set(dims) <= {*_ROLES, "M", "H"} and np.dtype(image.dtype).kind in "uif"


def _scene(held: LazyFile, number: int, image: Foreign) -> list[Scene]:
    dims, sizes = tuple(image.dims), dict(zip(image.dims, image.shape, strict=True))
    count = dict.fromkeys("tczyx", 1)
    for dim, size in sizes.items():
        if dim in _ROLES:
            count[_ROLES[dim]] *= int(size)
    shape = Shape(**count)
    tiles, dtype = int(sizes.get("M", 1)), np.dtype(image.dtype)
    spacing = Spacing(*(_step(image, axis) for axis in "ZYX"))
    overlap = (tile_warning(tiles),) if tiles > 1 else ()
    names = tuple(str(name) for name in image.coords.get("C", ())) if sizes.get("S", 1) == 1 else ()
    named = names if len(names) == shape.c and any(not name.replace(".", "").isdecimal() for name in names) else ()
    return [
        Scene(
            shape, dtype, LazyPlanes(held, shape, dtype.itemsize, _getter(number, dims, sizes, tile)),
            str(image.path if hasattr(image, "path") else image.name) + (f" {tile + 1}" if tiles > 1 else ""),
            spacing, named, rgb=sizes.get("S", 1) == 3 and shape.c == 3, hints=_colours(image, shape.c),
            warnings=overlap,
        )
        for tile in range(tiles)
    ]  # fmt: skip


def _colours(image: Foreign, count: int) -> tuple[str, ...]:
    """Return the colour that each channel is shown in, which is all that many files say of them."""
    said = tuple(str(found.get("LUTName", "")) for found in image.xml_element.iter("ChannelDescription"))
    return said if len(said) == count else ()


def _getter(number: int, dims: tuple[str, ...], sizes: dict[str, int], tile: int) -> GetPlane:
    def plane(file: Foreign, t: int, c: int, z: int) -> NDArray[np.generic]:
        left = {"t": t, "c": c, "z": z}
        chosen: dict[str, int] = {"M": tile} if "M" in dims else {}
        for dim in reversed(dims):
            role = _ROLES.get(dim, "")
            if role in left:
                left[role], chosen[dim] = divmod(left[role], int(sizes[dim]))
        image = file.images[number]
        frames = {dim: index for dim, index in chosen.items() if dim != "S"}
        pixels = image.frame(**frames) if hasattr(image, "frame") else image.asarray()
        array: NDArray[np.generic] = np.asarray(pixels)
        return array[..., chosen["S"]] if "S" in chosen else array

    return plane


def _step(image: Foreign, axis: str) -> float | None:
    """Return the distance in µm between neighbours; Leica's coordinates are in metres."""
    at = image.coords.get(axis)
    return micrometres(abs(float(at[1]) - float(at[0])), "m") if at is not None and len(at) > 1 else None
