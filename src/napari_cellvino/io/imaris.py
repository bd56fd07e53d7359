"""Open Imaris files (HDF5): time, channels and z of the full resolution, read from the chunks of one plane.

References
----------
https://imaris.oxinst.com/support/imaris-file-format
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.image import MetadataOverrides, Shape, Spacing
from napari_cellvino.io.checks import parse_errors
from napari_cellvino.io.instrument import Foreign, LazyFile, LazyPlanes, load_library
from napari_cellvino.io.pyramid import Pyramid
from napari_cellvino.io.scenes import Scene, SceneSource
from napari_cellvino.io.units import micrometres, seconds

_LEVEL = "DataSet/ResolutionLevel {}"
_FULL = _LEVEL.format(0)


def open_imaris(path: Path, head: bytes, overrides: MetadataOverrides) -> SceneSource | None:
    """Return the image of an Imaris file; None where an HDF5 file is of another kind.

    Raises
    ------
    MissingLibraryError
        If h5py is not installed.
    ImageReadError
        If the file is damaged.
    """
    h5py = load_library("h5py", path, "Imaris or HDF5")
    with parse_errors(path), h5py.File(str(path), "r") as file:
        if _FULL not in file:
            return None
        scene = _scene(path, file, h5py, overrides.level)
    return SceneSource(path, (scene,), overrides)


def _scene(path: Path, file: Foreign, h5py: Foreign, number: int) -> Scene:
    info = file["DataSetInfo/Image"].attrs
    pyramid = Pyramid.choose(path, _level_sizes(file, info), number)
    level, (x, y) = _LEVEL.format(number), pyramid.sizes[number]
    channels = len(file[f"{level}/TimePoint 0"])
    z = _extent(file, info, number, "Z")
    shape = Shape(len(file[level]), channels, z, y, x)
    first = file[f"{level}/TimePoint 0/Channel 0/Data"]
    if min(shape) < 1 or first.ndim != 3 or any(have < want for have, want in zip(first.shape, (z, y, x), strict=True)):
        raise ImageReadError(f"{path.name} is damaged: it says {z} x {y} x {x} px and holds {first.shape}")

    def plane(file: Foreign, t: int, c: int, z: int) -> NDArray[np.generic]:
        stored = file[f"{level}/TimePoint {t}/Channel {c}/Data"]  # padded to whole chunks
        if not stored.id.get_storage_size():
            raise ImageReadError(
                f"{path.name} has no pixels of time {t + 1}, channel {c + 1}: nothing was written there; was its "
                "conversion stopped?"
            )
        pixels: NDArray[np.generic] = stored[z, : shape.y, : shape.x]
        return pixels

    held = LazyFile(path, lambda: h5py.File(str(path), "r"))
    said = [file[f"DataSetInfo/Channel {c}"].attrs for c in range(channels) if f"DataSetInfo/Channel {c}" in file]
    names = tuple(_text(one, "Name") for one in said)
    keys = ("LSMExcitationWavelength", "LSMEmissionWavelength")
    waves = tuple(" ".join(_text(one, key) for key in keys) for one in said)
    whole = len(said) == channels
    planes = pyramid.guarded(
        path, LazyPlanes(held, shape, first.dtype.itemsize, plane), channels * first.dtype.itemsize
    )
    return Scene(
        shape, first.dtype, planes, "", _spacing(info, shape), names if whole else (), hints=waves if whole else (),
        remarks=pyramid.remarks, warnings=pyramid.warnings, levels=pyramid.levels,
        interval_s=_interval(file, shape.t) if shape.t > 1 else None,
    )  # fmt: skip


def _level_sizes(file: Foreign, info: Foreign) -> tuple[tuple[int, int], ...]:
    """Return (width, height) in px of every resolution level."""
    count = sum(_LEVEL.format(n) in file for n in range(len(file["DataSet"])))
    return tuple((_extent(file, info, n, "X"), _extent(file, info, n, "Y")) for n in range(count))


def _extent(file: Foreign, info: Foreign, number: int, axis: str) -> int:
    """Return the size of a level along an axis, without the padding to whole chunks."""
    if number == 0:
        return int(_text(info, axis))
    return int(_text(file[f"{_LEVEL.format(number)}/TimePoint 0/Channel 0"].attrs, f"ImageSize{axis}"))


def _spacing(info: Foreign, shape: Shape) -> Spacing:
    """Return the extent of the image over its pixels, in the file's unit."""
    unit = _text(info, "Unit") or "um"
    steps = []
    for number, size in ((2, shape.z), (1, shape.y), (0, shape.x)):
        try:
            length = float(_text(info, f"ExtMax{number}")) - float(_text(info, f"ExtMin{number}"))
        except ValueError:
            return Spacing()
        steps.append(micrometres(length / size, unit))
    return Spacing(*steps)


def _interval(file: Foreign, count: int) -> float | None:
    """Return the mean time in s between the first and the last frame, each of which has its date."""
    said = file["DataSetInfo/TimeInfo"].attrs if "DataSetInfo/TimeInfo" in file else {}
    try:
        first, last = (datetime.fromisoformat(_text(said, f"TimePoint{n}")) for n in (1, count))
    except ValueError:
        return None
    return seconds((last - first).total_seconds() / (count - 1))


def _text(attributes: Foreign, key: str) -> str:
    """Return an attribute, which Imaris keeps as an array of single letters."""
    found = attributes.get(key)
    if found is None:
        return ""
    return b"".join(np.asarray(found).astype("S").ravel().tolist()).decode(errors="replace").strip()
