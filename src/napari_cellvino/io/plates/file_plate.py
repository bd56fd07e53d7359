"""A plate of many image files, opened: each field is a stack whose planes are read from the files on demand."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.core.image import MetadataOverrides, Origin, Shape, Spacing, Stack
from napari_cellvino.core.plate import NO_WELL, FieldOfView, Plate
from napari_cellvino.core.some_channels import select_stack_channels
from napari_cellvino.io.checks import list_names
from napari_cellvino.io.plates.plate_source import field_position
from napari_cellvino.io.registry import open_source
from napari_cellvino.io.source import Position, Source, position_index
from napari_cellvino.io.tiff import open_set_part

ALIKE = 0.02  # of a size of a pixel, that the same are rounded by
Images = Mapping[FieldOfView, Mapping[tuple[int, int, int], Path]]  # (t, c, z) from 0 by the names -> file


class Within(NamedTuple):
    """Which position of its files a field is, from 0, and how many each of them holds."""

    number: int
    total: int


@dataclass(frozen=True, slots=True)
class FilePlate:
    """A plate whose images are files; ``inner`` are the sizes of one file, mostly one plane of one channel.

    With ``own_sizes`` nobody but the files says how large a pixel is, and each says it of itself.
    """

    path: Path
    plate: Plate
    images: Images
    inner: Shape
    overrides: MetadataOverrides
    within: Mapping[FieldOfView, Within] = field(default_factory=dict)  # of files that hold several positions
    own_sizes: bool = False

    @property
    def positions(self) -> tuple[Position, ...]:
        """One position per field, well by well."""
        return tuple(field_position(self.plate, field, n) for n, field in enumerate(self.plate.fields))

    @property
    def parts(self) -> tuple[Path, ...]:
        """Every image file of the plate."""
        return tuple(path for held in self.images.values() for path in held.values())

    def files(self, field: FieldOfView) -> tuple[Path, ...]:
        """Return the files that the pixels of a field come from."""
        return tuple(sorted(self.images[field].values()))

    def _names(self, field: FieldOfView) -> tuple[str, ...]:
        """Return the files of a field as seen from the folder of the plate."""
        folder = self.path if self.path.is_dir() else self.path.parent
        return tuple(Path(os.path.relpath(path, folder)).as_posix() for path in self.files(field))

    def zarr_group(self, field: FieldOfView) -> Path | None:
        """Return None: the images are files."""
        return None

    def read(self, position: Position | None = None) -> Stack:
        """Return the stack of a field, without reading pixels.

        Raises
        ------
        ImageReadError
            If its first file cannot be opened.
        ImageValueError
            If there is no such field.
        """
        return self.open_field(self.plate.fields[position_index(self.path, self.positions, position)])

    def open_field(self, field: FieldOfView) -> Stack:
        """Return the stack of a field, without reading pixels.

        Raises
        ------
        ImageReadError
            If its first file cannot be opened, or holds other positions than the plate was listed with.
        """
        plate, held, alone = self.plate, self.images[field], field.well == NO_WELL
        within = self.within.get(field)
        opened = held[min(held)]
        first = _read(opened, within)
        shape = Shape(plate.t, len(plate.channels), plate.z, first.shape.y, first.shape.x)
        single = _single_planes(held, plate)
        stack = Stack(
            FieldPlanes(field.label, plate.channels, held, shape, self.inner, first.dtype, within, (opened, first)),
            shape,
            first.dtype,
            spacing=self._spacing(first),
            channels=plate.channels,
            rgb=first.rgb and shape.c == 3,
            origin=Origin(
                str(self.path),
                field.label,
                "" if alone else plate.name,
                "" if alone else field.well.name,
                "" if alone else field.name,
                files=self._names(field),
            ),
            remarks=single if within is None else (*single, f"position {within.number + 1} of each of its files"),
            warnings=(*first.warnings, *self._other_size(first)),
            overrides=self.overrides,
        )
        there = [c for c in range(shape.c) if any(place[1] == c // self.inner.c for place in held)]
        if len(there) == shape.c:
            return stack
        gone = [name for c, name in enumerate(plate.channels) if c not in there]
        return select_stack_channels(stack, there, f"{field.label} has no image of {list_names(gone)}: left out there")

    def _spacing(self, first: Stack) -> Spacing:
        """Return the size of a pixel of a field: that of its own first file where nothing else says one."""
        own, said = first.spacing, self.plate.spacing
        return Spacing(said.z, own.y, own.x) if self.own_sizes and own.known else said

    def _other_size(self, first: Stack) -> tuple[str, ...]:
        """Return what to say of a field whose pixels are of another size than those of the plate."""
        own, said = self._spacing(first).x, self.plate.spacing.x
        if own is None or said is None or abs(own / said - 1) <= ALIKE:
            return ()
        return (f"its file says a pixel of {own:.4g} µm, which is taken, and the first of the plate {said:.4g} µm",)


def open_part(path: Path) -> Source:
    """Return what one file of a plate holds; of a file of an OME-TIFF set, its own pixels: its name says the well."""
    return open_set_part(path) or open_source(path)


def _read(path: Path, within: Within | None) -> Stack:
    source = open_part(path)
    positions = source.positions
    if within is None and len(positions) > 1:
        raise ImageReadError(
            f"{path.name} holds {len(positions)} positions, and the first image of the plate one; put images of one "
            "kind into a folder of their own, or open this file alone"
        )
    if within is not None and len(positions) != within.total:
        raise ImageReadError(
            f"{path.name} holds {len(positions)} positions, and the first file of its field {within.total}; export it "
            "again, or leave the field out"
        )
    return source.read() if within is None else source.read(positions[within.number])


def _single_planes(held: Mapping[tuple[int, int, int], Path], plate: Plate) -> tuple[str, ...]:
    heights: dict[int, set[int]] = {}
    for _, c, z in held:
        heights.setdefault(c, set()).add(z)
    names = [plate.channels[c] for c, zs in sorted(heights.items()) if len(zs) == 1]
    mixed = names and any(len(zs) > 1 for zs in heights.values())
    return (f"one plane only of {', '.join(names)}: shown at every plane",) if mixed else ()


@dataclass(frozen=True, slots=True)
class FieldPlanes:
    """Planes of one field; an axis runs over the files, or within each of them."""

    name: str
    channels: tuple[str, ...]
    files: Mapping[tuple[int, int, int], Path]
    shape: Shape
    inner: Shape
    dtype: np.dtype[np.generic]
    within: Within | None = None  # None where a file holds one position
    opened: tuple[Path, Stack] | None = None  # one of the files, which need not be opened again

    def plane(self, *, t: int, c: int, z: int) -> NDArray[np.generic]:
        """Return one plane (Y, X).

        Raises
        ------
        ImageReadError
            If its file is missing, damaged, or of another size, type or number of positions than the first.
        ImageValueError
            If there is no such plane.
        """
        for noun, index, size in (
            ("time point", t, self.shape.t),
            ("channel", c, self.shape.c),
            ("plane", z, self.shape.z),
        ):
            if not 0 <= index < size:
                raise ImageValueError(f"{self.name} has no {noun} {index + 1}; it holds {size}")
        path = self._file(t // self.inner.t, c // self.inner.c, z // self.inner.z)
        if path is None:
            raise ImageReadError(
                f"{self.name} has no image of {self.channels[c]} at plane {z + 1}, time point {t + 1}; copy it again "
                "from the instrument, or leave the field out"
            )
        stack = self.opened[1] if self.opened and self.opened[0] == path else _read(path, self.within)
        self._check(path, stack)
        return stack.plane(t=t % self.inner.t, c=c % self.inner.c, z=z % self.inner.z if stack.shape.z > 1 else 0)

    def _file(self, t: int, c: int, z: int) -> Path | None:
        """Return the file of a place; a channel that was taken at one height only is the same at all."""
        if (t, c, z) in self.files:
            return self.files[t, c, z]
        same = [place for place in self.files if place[:2] == (t, c)]
        others = max((sum(p[:2] == (t, other) for p in self.files) for other in range(self.shape.c)), default=0)
        return self.files[same[0]] if len(same) == 1 and others > 1 else None

    def _check(self, path: Path, stack: Stack) -> None:
        t, c, z, y, x = stack.shape
        flat = z == 1 and len({place[2] for place in self.files}) == 1  # taken in one plane, others as stacks
        if (
            (t, c, y, x) != (*self.inner[:2], *self.shape[-2:])
            or not (flat or z == self.inner.z)
            or (stack.dtype != self.dtype)
        ):
            raise ImageReadError(
                f"{path.name} is {stack.describe()}, and the first image of {self.name} {self.shape.x} × "
                f"{self.shape.y} px · {self.dtype}; export the field again, or leave it out"
            )
