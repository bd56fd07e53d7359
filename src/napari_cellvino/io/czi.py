"""Open Zeiss CZI with Zeiss's own libCZI: scenes, mosaics stitched, wells, any compression; no pixel on opening.

References
----------
https://github.com/ZEISS/pylibczi
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.image import MetadataOverrides, Shape, Spacing
from napari_cellvino.io.checks import check_ratio, parse_errors
from napari_cellvino.io.czi_times import czi_times
from napari_cellvino.io.frame_times import times_warning
from napari_cellvino.io.instrument import Foreign, LazyFile, LazyPlanes, load_library
from napari_cellvino.io.scenes import Scene, SceneSource
from napari_cellvino.io.units import mean_interval_s, micrometres, seconds

_TYPES = {"Gray8": (np.uint8, 1), "Gray16": (np.uint16, 1), "Gray32Float": (np.float32, 1), "Bgr24": (np.uint8, 3),
          "Bgr48": (np.uint16, 3)}  # fmt: skip
_PHASES = "H"
_UNREAD = {"V": "views", "R": "rotations", "I": "illuminations", "B": "blocks"}


def open_czi(path: Path, head: bytes, overrides: MetadataOverrides) -> SceneSource:
    """Return the scenes of a CZI file; a mosaic is one image.

    Raises
    ------
    MissingLibraryError
        If pylibCZIrw is not installed.
    ImageReadError
        If the file is damaged, or of a kind that is not read.
    """
    czi = load_library("pylibCZIrw.czi", path, "Zeiss CZI")
    with parse_errors(path), czi.open_czi(str(path)) as file:
        held = LazyFile(path, lambda: _Opened(czi.open_czi(str(path))))
        scenes = tuple(_scenes(path, file, _Facts(file, czi_times(path)), held))
    return SceneSource(path, scenes, overrides, plate=path.stem if any(s.well for s in scenes) else "")


class _Opened:
    """An open file with a ``close``, which libCZI's has only as a context."""

    def __init__(self, manager: Foreign) -> None:
        self._manager = manager
        self.file = manager.__enter__()

    def close(self) -> None:
        """Close the file."""
        self._manager.__exit__(None, None, None)


class _Facts:
    """What the XML of a CZI says; ``times_s`` are those of its frames, where the microscope noted them."""

    def __init__(self, file: Foreign, times_s: tuple[float, ...]) -> None:
        metadata = _under(file.metadata, "ImageDocument", "Metadata")
        sizes = {d.get("@Id"): micrometres(d.get("Value"), "m") for d in _all(metadata, "Scaling", "Items", "Distance")}
        self.spacing = Spacing(*(float(f"{v:.12g}") if (v := sizes.get(axis)) else None for axis in "ZYX"))
        channels = _all(metadata, "Information", "Image", "Dimensions", "Channels", "Channel")
        shown = _all(metadata, "DisplaySetting", "Channels", "Channel")  # where ZEN keeps names that a person gave
        shown = shown if len(shown) == len(channels) else [{}] * len(channels)
        self.names = tuple(
            str(c.get("@Name") or c.get("Fluor") or s.get("@Name") or "") for c, s in zip(channels, shown, strict=True)
        )
        keys = ("Fluor", "ExcitationWavelength", "EmissionWavelength", "Color")
        self.hints = tuple(" ".join(str(c[key]) for key in keys if c.get(key)) for c in channels)
        self.scenes = _all(metadata, "Information", "Image", "Dimensions", "S", "Scenes", "Scene")
        positions = _under(metadata, "Information", "Image", "Dimensions", "T", "Positions")
        self.times = times_s or _offsets(positions)
        self.interval_s = _interval(positions) or mean_interval_s(self.times)


@dataclass(frozen=True, slots=True)
class _Planes:
    """The planes (t, c, z) that a scene has, counted as in the file, and of each axis the first and one past the last.

    A file that was cut out of another may begin at any number; one whose acquisition was stopped lacks planes.
    """

    there: frozenset[tuple[int, int, int]]
    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, there: frozenset[tuple[int, int, int]], channels: set[int]) -> _Planes:
        times, heights = ({plane[axis] for plane in there} or {0} for axis in (0, 2))
        return cls(there, tuple((min(axis), max(axis) + 1) for axis in (times, channels or {0}, heights)))

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(last - first for first, last in self.ranges)

    def place(self, path: Path, *from_zero: int) -> dict[str, int]:
        """Return where a plane lies that the user counts from 0; libCZI gives black for one that is not there."""
        t, c, z = (n + first for n, (first, _) in zip(from_zero, self.ranges, strict=True))
        if self.there and (t, c, z) not in self.there:
            at = ", ".join(f"{what} {n + 1}" for what, n in zip(("time", "channel", "plane"), from_zero, strict=True))
            raise ImageReadError(
                f"{path.name} does not hold {at}: was its acquisition stopped? What is there can be counted: choose "
                "frames, planes or a channel"
            )
        return {"T": t, "C": c, "Z": z}

    def warnings(self) -> tuple[str, ...]:
        """Return what to say of planes that are not in the file."""
        t, c, z = self.sizes
        lost = t * c * z - len(self.there)
        return (
            (f"{lost} of {t * c * z} planes are not in the file: what needs them fails",)
            if 0 < lost < t * c * z
            else ()
        )


def _held_planes(file: Foreign) -> dict[int | None, frozenset[tuple[int, int, int]]]:
    """Return the planes (t, c, z) of each scene that the directory of the file lists; None is a file without scenes."""
    found: dict[int | None, set[tuple[int, int, int]]] = {}

    def note(index: int, block: Foreign) -> bool:
        at = {str(axis).rpartition(".")[2]: int(n) for axis, n in block.coordinate.to_dict().items()}
        found.setdefault(at.get("S"), set()).add((at.get("T", 0), at.get("C", 0), at.get("Z", 0)))
        return True

    file.enumerate_subblocks(note)
    return {scene: frozenset(planes) for scene, planes in found.items()}


def _scenes(path: Path, file: Foreign, facts: _Facts, held: LazyFile) -> Iterator[Scene]:
    boxes: Mapping[int, Any] = file.scenes_bounding_rectangle
    whole, planes = file.total_bounding_box, _held_planes(file)
    everything = frozenset(plane for scene in planes.values() for plane in scene)
    channels = {c for _, c, _ in everything}
    if not boxes:
        (x0, x1), (y0, y1) = whole["X"], whole["Y"]
        yield _scene(path, file, facts, held, None, (x1 - x0, y1 - y0), _Planes.of(everything, channels))
    for number, box in sorted(boxes.items()):
        there = planes.get(number) or planes.get(None) or frozenset()
        yield _scene(path, file, facts, held, number, (box.w, box.h), _Planes.of(there, channels))


def _scene(
    path: Path,
    file: Foreign,
    facts: _Facts,
    held: LazyFile,
    number: int | None,
    size: tuple[int, int],
    there: _Planes,
) -> Scene:
    (t, c, z), phases = there.sizes, _extent(file, _PHASES)
    if phases > 1:
        raise ImageReadError(
            f"{path.name} holds {phases} raw phases of each plane (Airyscan or structured illumination); process it in "
            "ZEN first"
        )
    for axis, what in _UNREAD.items():
        if (count := _extent(file, axis)) > 1:
            raise ImageReadError(f"{path.name} holds {count} {what} of each plane; fuse or part them in ZEN first")
    kinds = set(file.pixel_types.values()) - {"Invalid"}  # of channels before the first of a file cut out of another
    if len(kinds) != 1 or not kinds <= _TYPES.keys():
        raise ImageReadError(f"{path.name} has pixels of the types {', '.join(sorted(kinds))}, which are not read")
    dtype, colours = _TYPES[kinds.pop()]
    if colours == 3 and c > 1:
        raise ImageReadError(f"{path.name} has {c} channels of colour pixels, which are not read; save one as TIFF")
    shape = Shape(t, max(c, colours), z, size[1], size[0])
    check_ratio(
        path, shape.y * shape.x * np.dtype(dtype).itemsize * colours, path.stat().st_size
    )  # libCZI dies of more

    def plane(opened: _Opened, t: int, c: int, z: int) -> NDArray[np.generic]:
        place = there.place(path, t, 0 if colours == 3 else c, z)
        pixels: NDArray[np.generic] = opened.file.read(plane=place, scene=number)
        return pixels[..., 2 - c if colours == 3 else 0]  # blue comes first

    fits = len(facts.names) == c and colours == 1
    well, name = _place(facts, number)
    planes = LazyPlanes(held, shape, np.dtype(dtype).itemsize * colours, plane)
    return Scene(
        shape, np.dtype(dtype), planes, name, facts.spacing, facts.names if fits else (), rgb=colours == 3,
        well=well, field="1" if well else "", hints=facts.hints if fits else (),
        warnings=(*there.warnings(), *(times_warning(facts.times) if len(facts.times) == t else ())),
        interval_s=facts.interval_s if t > 1 else None,
    )  # fmt: skip


def _extent(file: Foreign, axis: str) -> int:
    first, last = file.total_bounding_box.get(axis, (0, 1))
    return max(int(last - first), 1)


def _interval(positions: Mapping[str, Any]) -> float | None:
    """Return the time between frames in s: as the file says, or the mean of its times; None without either."""
    if (said := _under(positions, "Interval").get("Increment")) is not None:
        return seconds(said)
    return mean_interval_s(_offsets(positions))


def _offsets(positions: Mapping[str, Any]) -> tuple[float, ...]:
    """Return the times of frames in s that the XML lists; none where it does not."""
    try:
        return tuple(float(text) for text in str(_under(positions, "List").get("Offsets") or "").split())
    except ValueError:
        return ()


def _place(facts: _Facts, number: int | None) -> tuple[str, str]:
    """Return the well of a scene, empty without a plate, and its name."""
    said = next((s for s in facts.scenes if number is not None and str(s.get("@Index")) == str(number)), {})
    well = str(said.get("ArrayName") or _under(said, "Shape").get("@Name") or "")
    well = well if well[:1].isalpha() and well[1:].isdecimal() else ""
    name = str(said.get("@Name") or (f"Scene {number + 1}" if number is not None else ""))
    return well, f"{well} {name}".strip() if well and well not in name else name


def _under(held: Foreign, *keys: str) -> Mapping[str, Any]:
    for key in keys:
        held = held.get(key) if isinstance(held, Mapping) else None
    return held if isinstance(held, Mapping) else {}


def _all(held: Foreign, *keys: str) -> list[Mapping[str, Any]]:
    """Return all elements of one name; XML with a single one has no list."""
    found = _under(held, *keys[:-1]).get(keys[-1])
    listed = found if isinstance(found, list) else [found]
    return [one for one in listed if isinstance(one, Mapping)]
