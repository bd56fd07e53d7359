"""Open Leica LIF, LOF and XLEF: every series with its axes, channels and scale, a plane at a time.

References
----------
https://github.com/cgohlke/liffile
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.image import MetadataOverrides, Shape, Spacing
from napari_cellvino.io.checks import list_names, parse_errors
from napari_cellvino.io.frame_times import times_warning
from napari_cellvino.io.instrument import Foreign, GetPlane, LazyFile, LazyPlanes, load_library
from napari_cellvino.io.scenes import Scene, SceneSource
from napari_cellvino.io.source import tile_warning
from napari_cellvino.io.units import mean_interval_s, micrometres

_OTHERS = {"A": "a rotation", "N": "lines in time", "Q": "slices in time", "L": "a loop"}
_STITCHED = ("_merged", "_merging", "-merged", " merged")
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
        passed = {_name(image): why for image in file.images if (why := _unread(image))}
        images = [(n, image) for n, image in enumerate(file.images) if _name(image) not in passed]
        scenes = [scene for n, image in images for scene in _scenes(held, n, image)]
        names = [_name(image) for _, image in images]
        beside = sorted({part for _, image in images for part in _files(image)} - {path})
    said = tuple(f"the series {name} is not read: {why}" for name, why in passed.items())
    if not scenes and said:
        raise ImageReadError(f"{path.name} holds no image that is read: {'; '.join(said)}")
    said += _stitched_again(names)
    first = [replace(scene, warnings=scene.warnings + said) for scene in scenes[:1]]
    return SceneSource(path, (*first, *scenes[1:]), overrides, others=tuple(beside))


def _files(image: Foreign) -> Iterator[Path]:
    """Yield the files that a series of an XLEF lies in: its description, and the files of its pixels."""
    folder = Path(str(image.parent.dirname))
    for name in (image.parent.filename, *(frame.file for frame in image.memory_block.frames)):
        if (folder / name).is_file():
            yield folder / name


def _name(image: Foreign) -> str:
    return str(image.path if hasattr(image, "path") else image.name)


def _unread(image: Foreign) -> str:
    """Return why a series is no image that is read; empty where it is one."""
    try:
        dims, dtype = tuple(image.dims), np.dtype(image.dtype)
    except ValueError:
        return "its channels are of different bit depths; save them apart as TIFF in LAS X"
    others = [dim for dim in dims if dim not in {*_ROLES, "M", "H"}]
    if others:
        return f"it has {' and '.join(_OTHERS.get(dim, dim) for dim in others)}; save it as TIFF in LAS X"
    if "Y" not in dims or "X" not in dims:
        return f"it is a scan along {' and '.join(dims)} without rows and columns"
    return "" if dtype.kind in "uif" else f"its pixels are of type {dtype}"


def _stitched_again(names: list[str]) -> tuple[str, ...]:
    """Return what to say of series that are the tiles of another one stitched, which LAS X keeps beside the tiles."""
    low = {name: name.casefold() for name in names}
    again = [
        name
        for name in names
        if low[name].endswith(_STITCHED) and any(low[name].startswith(low[n]) for n in names if n != name)
    ]
    if not again:
        return ()
    verb = "is" if len(again) == 1 else "are"
    return (f"{list_names(again)} {verb} the tiles of this file stitched: their cells are counted in both",)


def _scenes(held: LazyFile, number: int, image: Foreign) -> list[Scene]:
    dims, sizes = tuple(image.dims), dict(zip(image.dims, image.shape, strict=True))
    count = dict.fromkeys("tczyx", 1)
    for dim, size in sizes.items():
        if dim in _ROLES:
            count[_ROLES[dim]] *= int(size)
    shape = Shape(**count)
    tiles, dtype = int(sizes.get("M", 1)), np.dtype(image.dtype)
    spacing = Spacing(*(_step(image, axis) for axis in "ZYX"))
    overlap = (tile_warning(tiles),) if tiles > 1 else ()
    names = _wavelengths(image, sizes) or tuple(str(name) for name in image.coords.get("C", ()))
    names = names if sizes.get("S", 1) == 1 else ()
    named = names if len(names) == shape.c and any(not name.replace(".", "").isdecimal() for name in names) else ()
    return [
        Scene(
            shape, dtype, LazyPlanes(held, shape, dtype.itemsize, _getter(number, dims, sizes, tile)),
            _name(image) + (f" {tile + 1}" if tiles > 1 else ""),
            spacing, named, rgb=sizes.get("S", 1) == 3 and shape.c == 3, hints=_colours(image, shape.c),
            warnings=(*overlap, *times_warning(_stamps(image))), interval_s=_interval(image) if shape.t > 1 else None,
        )
        for tile in range(tiles)
    ]  # fmt: skip


def _wavelengths(image: Foreign, sizes: dict[str, int]) -> tuple[str, ...]:
    """Return the names of the channels of a spectral scan, whose wavelengths are in metres; none of any other."""
    axis = next((dim for dim in "λΛ" if sizes.get(dim, 1) > 1), "")
    if not axis or sizes.get("C", 1) > 1 or axis not in image.coords:
        return ()
    return tuple(f"{float(wave) * 1e9:.4g} nm" for wave in image.coords[axis])


def _interval(image: Foreign) -> float | None:
    """Return the mean time between frames in s: T has its coordinates in s; else by the times of its planes."""
    said = mean_interval_s([float(time) for time in image.coords.get("T", ())])
    return mean_interval_s(_stamps(image)) if said is None else said


def _stamps(image: Foreign) -> list[float]:
    """Return the times of the first plane of each frame in s; none where the file does not say that of all."""
    stamps, dims = image.timestamps, tuple(image.dims)
    if stamps is None or dims[:1] != ("T",):
        return []
    frames = int(image.shape[0])
    firsts = stamps[:: len(stamps) // frames] if len(stamps) >= frames and len(stamps) % frames == 0 else ()
    return [float(time) / 1000 for time in np.asarray(firsts, "datetime64[ms]").astype(np.int64)]


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
