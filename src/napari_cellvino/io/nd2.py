"""Open Nikon ND2: positions, time, z and channels as the file says, a plane at a time.

References
----------
https://github.com/tlambert03/nd2
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.image import MetadataOverrides, Shape, Spacing
from napari_cellvino.io.checks import parse_errors
from napari_cellvino.io.frame_times import times_warning
from napari_cellvino.io.instrument import Foreign, LazyFile, LazyPlanes, load_library
from napari_cellvino.io.scenes import Scene, SceneSource
from napari_cellvino.io.units import micrometres, seconds

_AXES = {"T", "P", "Z", "C", "Y", "X", "S"}


def open_nd2(path: Path, head: bytes, overrides: MetadataOverrides) -> SceneSource:
    """Return the positions of an ND2 file.

    Raises
    ------
    MissingLibraryError
        If nd2 is not installed.
    ImageReadError
        If the file is damaged, or has axes that are not read.
    """
    nd2 = load_library("nd2", path, "Nikon ND2")
    with parse_errors(path), nd2.ND2File(str(path)) as file:
        sizes: Mapping[str, int] = dict(file.sizes)
        if not sizes.keys() <= _AXES or not {"Y", "X"} <= sizes.keys():
            raise ImageReadError(f"{path.name} has the axes {sizes}, which are not read; save it as OME-TIFF")
        spacing, channels = _spacing(file, sizes), _channels(file)
        stored, frames = len(_stored(file)), math.prod(sizes[axis] for axis in sizes if axis in "TPZ")
        names, interval_s, times = _position_names(file, sizes.get("P", 1)), _interval(file), _times(file, frames)
        dtype, outer = np.dtype(file.dtype), [axis for axis in sizes if axis in "TPZ"]
    lost = f"{frames - stored} of {frames} frames are not in the file: what needs them fails"
    warnings = (lost,) if 0 < stored < frames else ()
    held = LazyFile(path, lambda: nd2.ND2File(str(path)))
    colours = sizes.get("S", 1)
    shape = Shape(sizes.get("T", 1), sizes.get("C", 1) * colours, sizes.get("Z", 1), sizes["Y"], sizes["X"])
    scenes = tuple(
        Scene(
            shape, dtype, _planes(held, shape, dtype, sizes, outer, p), name, spacing,
            channels[0] if colours == 1 else (), rgb=colours == 3 and shape.c == 3,
            hints=channels[1] if colours == 1 and len(channels[1]) == shape.c else (),
            interval_s=interval_s if shape.t > 1 else None,
            warnings=(*warnings, *times_warning(_of_position(times, sizes, outer, p))),
        )
        for p, name in enumerate(names)
    )  # fmt: skip
    return SceneSource(path, scenes, overrides)


def _planes(
    held: LazyFile, shape: Shape, dtype: np.dtype[np.generic], sizes: Mapping[str, int], outer: Sequence[str], p: int
) -> LazyPlanes:
    def plane(file: Foreign, t: int, c: int, z: int) -> NDArray[np.generic]:
        number = _number({"T": t, "P": p, "Z": z}, sizes, outer)
        if number not in (_stored(file) or range(number, number + 1)):  # the library gives black for it
            raise ImageReadError(
                f"{held.path.name} does not hold time {t + 1}, plane {z + 1}: was its acquisition stopped, or a time "
                "skipped? What is there can be counted: choose frames or planes"
            )
        frame: NDArray[np.generic] = np.asarray(file.read_frame(number))
        stored = frame.reshape((-1, shape.y, shape.x)) if frame.ndim < 4 and "S" not in sizes else frame
        if "S" in sizes:
            flat = stored.reshape((-1, shape.y, shape.x, sizes["S"]))
            colour: NDArray[np.generic] = flat[c // sizes["S"], ..., c % sizes["S"]]
            return colour
        channel: NDArray[np.generic] = stored[c]
        return channel

    return LazyPlanes(held, shape, dtype.itemsize * shape.c, plane)


def _number(place: Mapping[str, int], sizes: Mapping[str, int], outer: Sequence[str]) -> int:
    """Return the number of a frame in the file."""
    number = 0
    for axis in outer:
        number = number * sizes[axis] + place[axis]
    return number


def _times(file: Foreign, count: int) -> Sequence[float]:
    """Return when each frame of the file was taken, in s; none where it does not say that of all, as old files."""
    if file.is_legacy:
        return ()
    times = [float(time) for time in file.events(orient="list").get("Time [s]", ())]
    return times if len(times) == count else ()


def _of_position(times: Sequence[float], sizes: Mapping[str, int], outer: Sequence[str], p: int) -> list[float]:
    """Return the times of the first plane of each time point of a position."""
    places = ({"T": t, "P": p, "Z": 0} for t in range(sizes.get("T", 1)))
    return [times[_number(place, sizes, outer)] for place in places] if times else []


def _stored(file: Foreign) -> Collection[int]:
    """Return the numbers of the frames that a file holds; none where the library does not list them."""
    found: Collection[int] = getattr(getattr(file, "_rdr", None), "_frame_offsets", None) or ()
    return found


def _spacing(file: Foreign, sizes: Mapping[str, int]) -> Spacing:
    """Return the spacing in µm; a step of 1 in z is what the file says where it has no stack."""
    voxel = file.voxel_size()
    calibrated = math.isfinite(voxel.x) and voxel.x > 0
    z = micrometres(voxel.z) if sizes.get("Z", 1) > 1 else None
    return Spacing(z, micrometres(voxel.y), micrometres(voxel.x)) if calibrated else Spacing()


def _channels(file: Foreign) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return names and hints (wavelength of emission in nm)."""
    found = getattr(file.metadata, "channels", None) or ()
    names = tuple(str(c.channel.name or "") for c in found)
    waves = tuple(f"{c.channel.emissionLambdaNm or 0:g}" for c in found)  # excitation is often that of the light path
    return names, waves


def _interval(file: Foreign) -> float | None:
    """Return the time between frames in s: the mean of what was kept, else what was asked for."""
    for loop in file.experiment:
        phases = getattr(loop.parameters, "phases", None) or [loop.parameters]
        if "Time" in str(loop.type) and len(phases) == 1:  # phases have steps of their own
            kept = getattr(getattr(phases[0], "periodDiff", None), "avg", None)
            return seconds(kept, "ms") or seconds(getattr(phases[0], "periodMs", None), "ms")
    return None


def _position_names(file: Foreign, count: int) -> tuple[str, ...]:
    points: Sequence[Any] = next((loop.parameters.points for loop in file.experiment if loop.type == "XYPosLoop"), ())
    names = tuple(str(getattr(point, "name", None) or "") for point in points)
    if len(names) != count or not all(names):
        return tuple(f"Position {n}" for n in range(1, count + 1)) if count > 1 else ("",)
    return names
