"""What Micro-Manager's NDTiff sets say beside their pixels: names of channels and positions, and how tiles overlap.

tifffile finds the planes by ``NDTiff.index`` and numbers what has names there; these are the names, in that order.

References
----------
https://github.com/micro-manager/NDTiffStorage
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from tifffile import TIFF, TiffFile, TiffPageSeries, read_ndtiff_index

from napari_cellvino.io.checks import check_pages

_CHANNEL = "channel"
_PLACES = ("position", "row", "column")


@dataclass(frozen=True, slots=True)
class NDTiffNames:
    """Names of the channels and of the positions of a set, in the order of its array; empty where it has none."""

    channels: tuple[str, ...] = ()
    positions: tuple[str, ...] = ()


def check_micromanager(path: Path, tif: TiffFile) -> None:
    """Raise ImageReadError where the index of a Micro-Manager file claims more planes than any file has.

    tifffile makes a list of them all, a damaged number of which takes the memory of the computer.
    """
    index = Path(tif.filehandle.dirname) / "NDTiff.index"
    if not tif.is_micromanager:
        return
    if tif.is_ndtiff:
        found: dict[str, list[int]] = {}
        for axes, *_ in read_ndtiff_index(index) if index.is_file() else ():
            for axis, value in axes.items():
                found.setdefault(axis, []).append(value if isinstance(value, int) else 0)
        check_pages(path, math.prod(max(values) - min(values) + 1 for values in found.values()))
        return
    said: Any = tif.micromanager_metadata or {}
    summary, planes = said.get("Summary"), said.get("IndexMap")
    if isinstance(summary, dict) and planes is not None and len(planes):
        sizes = (planes[:, :4].max(0).astype(int) + 1).tolist()  # of channels, slices, frames and positions
        names = ("Channels", "Slices", "Frames", "Positions")
        check_pages(path, math.prod(max(size, int(summary.get(n, 1))) for n, size in zip(names, sizes, strict=True)))


def ndtiff_names(tif: TiffFile, series: TiffPageSeries) -> NDTiffNames:
    """Return the names that the index of an NDTiff set gives, or the metadata of its first planes; else none."""
    if series.kind != "ndtiff":
        return NDTiffNames()
    folder = Path(tif.filehandle.dirname)
    found: dict[str, dict[int | str, str]] = {}
    for axes, file, _, _, _, _, _, offset, count, packed in read_ndtiff_index(folder / "NDTiff.index"):
        for axis, value in axes.items():
            seen = found.setdefault(axis, {})
            if value not in seen:
                named = axis == _CHANNEL and isinstance(value, int) and not packed
                seen[value] = _plane_channel(folder / file, offset, count) if named else str(value)
    channels = _in_order(found.get(_CHANNEL, {}))
    usable = all(channels) and len(set(channels)) == len(channels)
    return NDTiffNames(channels if usable else (), _place_names(found, series.axes))


def ndtiff_files(tif: TiffFile) -> frozenset[str]:
    """Return the names of all files of an NDTiff set, each of which opens as the whole; none of other files."""
    index = Path(tif.filehandle.dirname) / "NDTiff.index"
    if not tif.is_ndtiff or not index.is_file():
        return frozenset()
    return frozenset(file for _, file, *_ in read_ndtiff_index(index))


def grid_overlap(tif: TiffFile) -> int:
    """Return by how many pixels the tiles of an NDTiff set overlap; 0 where they are no tiles."""
    summary: Any = (tif.micromanager_metadata or {}).get("Summary")
    if not tif.is_ndtiff or not isinstance(summary, dict):
        return 0
    return max(int(summary.get(f"GridPixelOverlap{axis}") or 0) for axis in "XY")


def _plane_channel(path: Path, offset: int, count: int) -> str:
    """Return the channel that the metadata of a plane name."""
    with path.open("rb") as file:
        file.seek(offset)
        said = json.loads(file.read(count))
    return str(said.get("Channel") or "") if isinstance(said, dict) else ""


def _in_order(values: dict[int | str, str]) -> tuple[str, ...]:
    """Return names as tifffile orders what they belong to: texts as they come, numbers from the least."""
    numbers = [value for value in values if isinstance(value, int)]
    if len(numbers) < len(values):
        return tuple(values.values())
    return tuple(values.get(n, "") for n in range(min(numbers), max(numbers) + 1)) if numbers else ()


def _place_names(found: dict[str, dict[int | str, str]], axes: str) -> tuple[str, ...]:
    """Return a name per position; none where there is one, which tifffile gives no axis, or they are only numbered."""
    codes = {axis: TIFF.AXES_CODES[axis] for axis in _PLACES if axis in found}
    places = sorted((axis for axis in codes if codes[axis] in axes), key=lambda axis: axes.index(codes[axis]))
    if places == ["position"] and all(isinstance(value, int) for value in found["position"]):
        return ()
    shown = [[name if axis == "position" else f"{axis} {name}" for name in _in_order(found[axis])] for axis in places]
    return tuple(" ".join(names) for names in product(*shown)) if shown else ()
