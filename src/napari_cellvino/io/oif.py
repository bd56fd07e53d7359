"""Open Olympus FluoView OIB and OIF: channels, z and time, a TIFF inside the file or its folder for each plane.

References
----------
https://github.com/cgohlke/oiffile
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.image import MetadataOverrides, Shape, Spacing
from napari_cellvino.io.checks import parse_errors
from napari_cellvino.io.compound_file import check_chains
from napari_cellvino.io.instrument import Foreign, LazyFile, LazyPlanes, load_library
from napari_cellvino.io.scenes import Scene, SceneSource
from napari_cellvino.io.units import micrometres, seconds


def open_oif(path: Path, head: bytes, overrides: MetadataOverrides) -> SceneSource | None:
    """Return the image of an OIB or OIF file; None where the container holds something else.

    Raises
    ------
    MissingLibraryError
        If oiffile is not installed.
    ImageReadError
        If the file is damaged.
    """
    if not path.name.lower().endswith((".oib", ".oif")):
        return None
    oiffile = load_library("oiffile", path, "Olympus OIB or OIF")
    check_chains(path)
    with parse_errors(path), oiffile.OifFile(str(path)) as file:
        axes, sizes, dtype = str(file.axes), tuple(file.shape), np.dtype(file.dtype)
        settings: Mapping[str, Any] = file.mainfile
        shape = _shape(path, axes, sizes)
        spacing, interval_s, names, hints = _spacing(settings), _interval(settings), *_channels(settings)
        held_planes, wanted = len(file.series[0]), math.prod(shape[:3])
    if dtype.kind not in "ui":
        raise ImageReadError(f"{path.name} has pixels of type {dtype}, which are not read")

    def plane(file: Foreign, t: int, c: int, z: int) -> NDArray[np.generic]:
        place = {"T": t, "C": c, "Z": z}
        series = file.series[0]
        at = tuple(place[letter] for letter in str(series.axes))
        names = {tuple(index): name for index, name in zip(series.indices, series, strict=True)}
        if at not in names:
            raise ImageReadError(
                f"{path.name} does not hold time {t + 1}, channel {c + 1}, plane {z + 1}: was its acquisition stopped, "
                "or were files left behind? What is there can be counted: choose frames, planes or a channel"
            )
        pixels: NDArray[np.generic] = np.asarray(series.imread(names[at]))
        return pixels

    held = LazyFile(path, lambda: oiffile.OifFile(str(path)))
    named = names if len(names) == shape.c else ()
    lost = f"{wanted - held_planes} of {wanted} planes are not there: what needs them fails"
    scene = Scene(
        shape, dtype, LazyPlanes(held, shape, dtype.itemsize, plane), "", spacing, named,
        hints=hints if len(hints) == shape.c else (), interval_s=interval_s if shape.t > 1 else None,
        warnings=(lost,) if held_planes < wanted else (),
    )  # fmt: skip
    beside = path.parent / f"{path.name}.files"
    others = tuple(sorted(part for part in beside.iterdir() if part.is_file())) if beside.is_dir() else ()
    return SceneSource(path, (scene,), overrides, others=others)


def _shape(path: Path, axes: str, sizes: tuple[int, ...]) -> Shape:
    held = dict(zip(axes, sizes, strict=True))
    others = [letter for letter, size in held.items() if letter not in "TCZYX" and size > 1]
    if others or not {"Y", "X"} <= held.keys():
        raise ImageReadError(f"{path.name} has the axes {axes} of {sizes}, which are not read; save it as OME-TIFF")
    return Shape(*(int(held.get(letter, 1)) for letter in "TCZYX"))


def _spacing(settings: Mapping[str, Any]) -> Spacing:
    image = settings.get("Reference Image Parameter", {})
    y, x = (micrometres(image.get(f"{k}ConvertValue"), str(image.get(f"{k}Unit", ""))) for k in ("Height", "Width"))
    length, unit = _step(settings, "Z")
    return Spacing(micrometres(length, unit), y, x)


def _interval(settings: Mapping[str, Any]) -> float | None:
    return seconds(*_step(settings, "T"))


def _step(settings: Mapping[str, Any], code: str) -> tuple[float, str]:
    """Return the step along an axis and its unit; NaN where the axis has one place, or there is none."""
    for key, axis in settings.items():
        if not key.startswith("Axis") or not isinstance(axis, Mapping) or axis.get("AxisCode") != code:
            continue
        count, ends = (
            int(axis.get("MaxSize", 0)),
            (axis.get("StartPosition", math.nan), axis.get("EndPosition", math.nan)),
        )
        return abs(float(ends[1]) - float(ends[0])) / (count - 1) if count > 1 else math.nan, str(
            axis.get("UnitName", "")
        )
    return math.nan, ""


def _channels(settings: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    found = [settings[key] for n in range(1, 21) if (key := f"Channel {n} Parameters") in settings]
    names = tuple(_dye(c) or str(c.get("CH Name", "")) for c in found)
    keys = ("ExcitationWavelength", "EmissionWavelength")
    return names, tuple(" ".join([str(c.get("LightType", "")), *(str(c[k]) for k in keys if c.get(k))]) for c in found)


def _dye(channel: Mapping[str, Any]) -> str:
    name = str(channel.get("DyeName", ""))
    return "" if name == "None" else name
