"""What an image is here: planes on demand, with axes, spacing, channel names and where they came from.

A bare array forgets its scale, and a stack need not fit in memory: a `Stack` yields planes, networks take a `Plane`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.array_axes import name_axes, zyx_sizes
from napari_cellvino.core.dyes import dye_named
from napari_cellvino.core.errors import ImageValueError, OptionError
from napari_cellvino.core.size_doubts import size_doubts

RGB = ("Red", "Green", "Blue")
ALL_CHANNELS = "all"  # the choice of a model that looks at several at once
LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601 weights of red, green and blue


class Shape(NamedTuple):
    """Sizes of a stack, always in this order."""

    t: int
    c: int
    z: int
    y: int
    x: int


@dataclass(frozen=True, slots=True)
class Spacing:
    """Distance between neighbouring pixels in µm; None where it is unknown."""

    z: float | None = None
    y: float | None = None
    x: float | None = None

    @property
    def known(self) -> bool:
        """Whether the size of a pixel in the plane is known."""
        return self.y is not None and self.x is not None

    @property
    def pixel_area_um2(self) -> float | None:
        """Area of one pixel in µm², or None."""
        return self.y * self.x if self.y is not None and self.x is not None else None

    @property
    def voxel_um3(self) -> float | None:
        """Volume of one voxel in µm³, or None."""
        area = self.pixel_area_um2
        return area * self.z if area is not None and self.z is not None else None


class KeepDoubles(StrEnum):
    """What becomes of files that say they are the same plane of the same field."""

    FIRST = "first"  # by name; the others are left out
    BOTH = "both"  # each is a field of its own


@dataclass(frozen=True, slots=True)
class MetadataOverrides:
    """What the user said of an image or a plate; None and empty texts mean what is found there.

    ``axes`` has a letter of T, C, Z, Y, X (S for red, green, blue) per dimension of the file, as ``CYX``. ``pattern``
    says what names in a folder mean, ``acquisition`` which one of a plate imaged more than once; ``level`` is that of a
    pyramid, 0 the full resolution, ``region`` the part of it (`Region`); ``as_numbers`` takes labels as stored.
    """

    axes: str | None = None
    spacing: Spacing | None = None
    channels: tuple[str, ...] | None = None
    pattern: str = ""
    acquisition: str = ""
    keep_doubles: KeepDoubles | None = None
    level: int = 0
    region: str = ""
    as_numbers: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """Where pixels came from; empty strings where it does not apply.

    ``frame`` is the time point, from 1, of pixels of one time point of several; else 0. The first has the plain name.
    ``files`` are the image files, as seen from ``path`` or its folder, where they are others than ``path`` alone.
    """

    path: str = ""
    position: str = ""
    plate: str = ""
    well: str = ""
    field: str = ""
    frame: int = 0
    files: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return a short name for titles and layers."""
        stem = re.split(r"[\\/]", self.path)[-1] or "image"
        stem = re.sub(r"(\.ome)?\.(tiff?|btf|png|jpe?g)$", "", stem, flags=re.IGNORECASE)
        parts = (stem, self.position, f"t{self.frame}" if self.frame > 1 else "")
        return " ".join(part for part in parts if part)


class PlaneReader(Protocol):
    """The seam to files: gives one plane at a time."""

    def plane(self, *, t: int, c: int, z: int) -> NDArray[np.generic]:
        """Return the (Y, X) pixels at frame ``t``, channel ``c``, plane ``z``, all counted from 0."""
        ...


@runtime_checkable
class ColourReader(Protocol):
    """What some readers of planes can do: give all channels at once where these lie beside each other in the file."""

    def colours(self, *, t: int, z: int) -> NDArray[np.generic] | None:
        """Return all channels (C, Y, X) of a plane, or None; no copy is made, so that X is not the fastest axis."""
        ...


@dataclass(frozen=True, slots=True)
class Stack:
    """Pixels (T, C, Z, Y, X), read plane by plane, and what is known of them.

    ``hints`` are metadata of each channel other than its name (fluorophore, wavelengths in nm, colour); empty, or one
    per channel. ``numbers`` from 1 are those of the channels where others are missing, which ``absent`` names.
    ``remarks`` are sentences about what was guessed or left out; ``warnings`` those that may make a count wrong, which
    are shown at every run. ``overrides`` is metadata that the user gave. ``levels`` are the sizes (width, height) in px
    of the levels of a pyramid, of which ``overrides.level`` is read.
    ``interval_s`` is the time between frames in s, None where the file does not say.
    """

    planes: PlaneReader
    shape: Shape
    dtype: np.dtype[np.generic]
    spacing: Spacing = field(default_factory=Spacing)
    channels: tuple[str, ...] = ("Channel 1",)
    hints: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    absent: tuple[str, ...] = ()
    rgb: bool = False
    origin: Origin = field(default_factory=Origin)
    remarks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    overrides: MetadataOverrides = field(default_factory=MetadataOverrides)
    interval_s: float | None = None
    levels: tuple[tuple[int, int], ...] = ()

    def origin_of(self, frame: int) -> Origin:
        """Return where the pixels of a time point, from 1, came from."""
        return replace(self.origin, frame=frame) if self.shape.t > 1 else self.origin

    def __post_init__(self) -> None:
        if min(self.shape) < 1:
            raise ImageValueError(f"{self.origin.name} has no pixels: its size is {self._sizes()}")
        if len(self.channels) != self.shape.c:
            raise ImageValueError(
                f"{self.origin.name} has {self.shape.c} channels but {len(self.channels)} names: {self.channels}"
            )
        if self.overrides.level and not self.levels:
            raise ImageValueError(
                f"{self.origin.name} is no pyramid: it has no level {self.overrides.level}; leave it out"
            )

    @classmethod
    def from_array(
        cls,
        array: NDArray[np.generic],
        *,
        axes: str | None = None,
        spacing_um: float | Sequence[float] | None = None,
        channels: Sequence[str] | None = None,
        name: str = "image",
    ) -> Stack:
        """Return an array as an image; nothing is copied or computed before a plane is asked for.

        Parameters
        ----------
        array
            2 to 5 dimensions, in memory or lazy (dask, zarr).
        axes
            One letter of T, C, Z, Y, X (S for red, green, blue) per dimension; needed for 3 and 4 dimensions.
        spacing_um
            Size of a pixel in µm: one number, (y, x) or (z, y, x).
        channels
            Names of the channels.
        name
            What results of it are called.

        Raises
        ------
        ImageValueError
            If axes, pixel size or channel names do not fit.

        Examples
        --------
        >>> import numpy as np
        >>> Stack.from_array(np.zeros((24, 2, 64, 64), "uint16"), axes="ZCYX", spacing_um=0.3).describe()
        '24 planes · 2 channels · 64 × 64 px · uint16'
        """
        letters = name_axes(array.shape, axes, name=name)
        sizes = dict(zip(letters, array.shape, strict=True))
        rgb = "S" in letters
        shape = Shape(sizes.get("T", 1), 3 if rgb else sizes.get("C", 1), sizes.get("Z", 1), sizes["Y"], sizes["X"])
        usual = RGB if rgb else tuple(f"Channel {n}" for n in range(1, shape.c + 1))
        names = usual if channels is None else tuple(channels)
        spacing = Spacing(*zyx_sizes(spacing_um))
        planes = ArrayPlanes(array, letters)
        return cls(planes, shape, np.dtype(array.dtype), spacing, names, rgb=rgb, origin=Origin(path=name))

    @property
    def unknown_sizes(self) -> tuple[str, ...]:
        """Sentences on unknown pixel sizes."""
        if not self.spacing.known:
            return ("pixel size unknown: results are in pixels",)
        if self.spacing.z is None and self.shape.z > 1:
            return ("pixel size unknown along z: the distance between planes is not in the file",)
        return ()

    @property
    def doubts(self) -> tuple[str, ...]:
        """Sentences on what may be wrong: ``warnings``, and sizes of a pixel that are unlikely."""
        return (*self.warnings, *size_doubts(self.spacing))

    @property
    def assumptions(self) -> tuple[str, ...]:
        """All sentences on what was guessed, needs a choice or is unknown."""
        return (*self.remarks, *self.doubts, *self.unknown_sizes)

    def plane(self, *, t: int = 0, c: int = 0, z: int = 0) -> NDArray[np.generic]:
        """Return one plane (Y, X); counted from 0."""
        return self.planes.plane(t=t, c=c, z=z)

    def colours(self, *, t: int = 0, z: int = 0) -> NDArray[np.generic] | None:
        """Return all channels (C, Y, X) of a plane as they lie beside each other in a file; None where they do not.

        The memory is that of nobody else.
        """
        return self.planes.colours(t=t, z=z) if isinstance(self.planes, ColourReader) else None

    def with_spacing(self, spacing: Spacing) -> Stack:
        """Return the same pixels with a spacing the user gave."""
        return replace(self, spacing=spacing, overrides=replace(self.overrides, spacing=spacing))

    def with_channels(self, names: Sequence[str]) -> Stack:
        """Return the same pixels with channel names the user gave."""
        return replace(self, channels=tuple(names), overrides=replace(self.overrides, channels=tuple(names)))

    @property
    def channel_numbers(self) -> tuple[int, ...]:
        """Numbers of the channels, from 1."""
        return self.numbers or tuple(range(1, self.shape.c + 1))

    def describe(self) -> str:
        """Return the sizes as one line: ``24 planes · 2 channels · 512 × 512 px · uint16``."""
        return f"{self._sizes()} · {'RGB ' if self.rgb else ''}{self.dtype}"

    def describe_spacing(self) -> str:
        """Return the spacing as text, or what follows where it is unknown."""
        s = self.spacing
        if s.x is None or s.y is None:
            return "pixel size unknown: results in pixels"
        depth = f" × {s.z:.4g}" if s.z is not None and self.shape.z > 1 else ""
        return f"{s.x:.4g} × {s.y:.4g}{depth} µm per pixel"

    def _sizes(self) -> str:
        counts = ((self.shape.t, "time point"), (self.shape.z, "plane"), (self.shape.c, "channel"))
        sizes = [f"{n} {noun}{'s' * (n != 1)}" for n, noun in counts if n != 1 and not (noun == "channel" and self.rgb)]
        return " · ".join([*sizes, f"{self.shape.x} × {self.shape.y} px"])


@dataclass(frozen=True, slots=True)
class ArrayPlanes:
    """Planes of anything indexable: an array in memory, a dask or zarr array; ``axes`` names its dimensions."""

    array: NDArray[np.generic]
    axes: str = "TCZYX"

    def plane(self, *, t: int, c: int, z: int) -> NDArray[np.generic]:
        """Return one plane (Y, X)."""
        where = {"T": t, "C": c, "S": c, "Z": z}
        pixels = np.asarray(self.array[tuple(where.get(letter, slice(None)) for letter in self.axes)])
        return pixels if self.axes.index("Y") < self.axes.index("X") else pixels.T


@dataclass(frozen=True, slots=True)
class Plane:
    """One plane, ready for a network.

    ``pixels`` (C, Y, X) are all channels in the file's dtype, to be measured; ``inputs`` (K, Y, X) is what the network
    gets: one of the channels, the luminance, or red, green and blue. ``chosen`` describes how the plane was made:
    ``DNA, maximum projection of 24 planes``; ``channel`` names what the network gets; ``sharpest`` is the number (from
    1) of the plane that was the sharpest, where that was asked for. ``lost`` are the planes (from 0) of its stack that
    it leaves out, as dropped or burnt.
    """

    pixels: NDArray[np.generic]
    inputs: NDArray[np.generic]
    spacing: Spacing = field(default_factory=Spacing)
    origin: Origin = field(default_factory=Origin)
    channels: tuple[str, ...] = ("Channel 1",)
    chosen: str = ""
    channel: str = ""
    sharpest: int | None = None
    lost: tuple[int, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in px."""
        return self.pixels.shape[-2], self.pixels.shape[-1]


class ZMode(StrEnum):
    """What is made of the planes of a z-stack."""

    MIP = "mip"
    MEAN = "mean"
    FOCUS = "focus"
    PLANE = "plane"
    JOINED = "3d"


@dataclass(frozen=True, slots=True)
class ZChoice:
    """One way along z, and the plane (from 1) where one plane was asked for.

    ``mip`` and ``mean`` are the maximum- and mean-intensity projection, ``focus`` the sharpest plane, ``plane:K`` one
    plane, ``3d`` every plane, joined to objects in 3D.
    """

    way: ZMode = ZMode.MIP
    plane: int | None = None

    @classmethod
    def parse(cls, text: str) -> ZChoice:
        """Return the choice written as ``mip``, ``mean``, ``focus``, ``plane:K`` or ``3d``.

        Raises
        ------
        OptionError
            If the text is none of them.
        """
        if text in set(ZMode) - {ZMode.PLANE}:
            return cls(ZMode(text))
        match = re.fullmatch(r"plane:(\d+)", text)
        if match is None or int(match[1]) < 1:
            raise OptionError(
                f"z choice {text!r} is not known; use mip, mean, focus, 3d, or plane:K with K from 1, as in plane:3"
            )
        return cls(ZMode.PLANE, int(match[1]))

    @property
    def joined(self) -> bool:
        """Whether every plane is looked at and the cells are joined in 3D."""
        return self.way is ZMode.JOINED

    def __str__(self) -> str:
        return str(self.way) if self.plane is None else f"plane:{self.plane}"


def channel_index(stack: Stack, choice: str) -> int | None:
    """Return the channel (from 0) that ``choice`` names or numbers from 1; None means all of them.

    An empty choice is all channels of an RGB image (a network of one channel sees their luminance), as is a dye of it,
    and else channel 1, and no other where that one is missing. `ALL_CHANNELS` is all of them.

    Raises
    ------
    ImageValueError
        If the stack has no such channel.
    """
    names = [name.casefold() for name in stack.channels]
    if choice.casefold() in names:
        return names.index(choice.casefold())
    colours = stack.rgb and (choice.casefold() in {"", "grey", "gray"} or dye_named(choice) is not None)
    if colours or choice.casefold() == ALL_CHANNELS:
        return None
    wanted = choice or "1"
    if wanted.isdecimal() and int(wanted) in stack.channel_numbers:
        return stack.channel_numbers.index(int(wanted))
    held = ", ".join(f"{n} {name}" for n, name in zip(stack.channel_numbers, stack.channels, strict=True))
    lost = f" ({'; '.join(stack.warnings)})" if stack.numbers else ""
    raise ImageValueError(f"{stack.origin.name} has no channel {wanted!r}; it holds {held}{lost}")
