"""OME-Zarr plates (HCS), 0.4 and 0.5: metadata by yaozarrs, pixels by zarr.

yaozarrs holds both versions of the specification as pydantic models and needs nothing but pydantic. Ruled out: ngio and
ome-zarr-py, which bring 100 MB of cloud and table libraries and hold pydantic and pandas back to old versions; and
opening every field as it is listed, which takes minutes for a large plate: a field is looked at when it is opened.

References
----------
https://ngff.openmicroscopy.org/0.4/ and https://ngff.openmicroscopy.org/0.5/, "High-content screening layout"
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from napari_cellvino.core.errors import CellvinoError, ImageReadError, OptionError
from napari_cellvino.core.image import MetadataOverrides, Origin, Shape, Spacing, Stack
from napari_cellvino.core.plate import FieldOfView, Plate, Well, standard_size
from napari_cellvino.io.checks import list_names, parse_errors
from napari_cellvino.io.folder_listing import natural_order
from napari_cellvino.io.plates.ome_zarr_metadata import (
    ImageMetadata,
    PlateDef,
    PlateWell,
    image_metadata,
    read_plate,
    read_well,
)
from napari_cellvino.io.plates.plate_source import field_position
from napari_cellvino.io.pyramid import Pyramid
from napari_cellvino.io.source import Position, channel_names, merge_spacing, position_index, unsaid_size_question
from napari_cellvino.io.zarr_planes import ZarrPlanes

_SCALE_OFF = 0.1  # of the size of a pixel, that levels may differ from their sizes in px


@dataclass(frozen=True, slots=True)
class ZarrPlate:
    """An opened OME-Zarr plate; ``groups`` are the folders of the images by field."""

    path: Path
    plate: Plate
    groups: Mapping[FieldOfView, Path]
    overrides: MetadataOverrides

    @property
    def positions(self) -> tuple[Position, ...]:
        """One position per field, well by well."""
        return tuple(field_position(self.plate, field, n) for n, field in enumerate(self.plate.fields))

    @property
    def parts(self) -> tuple[Path, ...]:
        """The folder of the plate."""
        return (self.path,)

    def files(self, field: FieldOfView) -> tuple[Path, ...]:
        """Return the files that the pixels of a field come from."""
        array = open_level(self.groups[field], self.overrides.level).planes.path
        return tuple(sorted(p for p in array.rglob("*") if p.is_file()))

    def zarr_group(self, field: FieldOfView) -> Path | None:
        """Return the folder of a field."""
        return self.groups[field]

    def read(self, position: Position | None = None) -> Stack:
        """Return the stack of a field, without reading pixels.

        Raises
        ------
        ImageReadError
            If its metadata or its array cannot be read.
        ImageValueError
            If there is no such field.
        """
        return self.open_field(self.plate.fields[position_index(self.path, self.positions, position)])

    def open_field(self, field: FieldOfView) -> Stack:
        """Return the stack of a field, without reading pixels.

        Raises
        ------
        ImageReadError
            If its metadata or its array cannot be read.
        """
        plate, group = self.plate, self.groups[field]
        facts, planes, pyramid, held, doubts = open_level(group, self.overrides.level)
        shape, dtype = planes.shape, planes.array.dtype
        spacing = merge_spacing(group, held, self.overrides.spacing)
        return Stack(
            pyramid.guarded(group, planes, dtype.itemsize * shape.c),
            shape,
            dtype,
            spacing=spacing,
            interval_s=facts.interval_s if shape.t > 1 else None,
            channels=channel_names(self.overrides.channels, facts.channels, count=shape.c),
            origin=Origin(
                str(self.path),
                field.label,
                plate.name,
                field.well.name,
                field.name,
                files=(group.relative_to(self.path).as_posix(),),
            ),
            warnings=pyramid.warnings + planes.warnings + doubts + unsaid_size_question(spacing, self.overrides),
            overrides=self.overrides,
            levels=pyramid.levels,
        )


class Level(NamedTuple):
    """A level of an image: what the image says, its planes, the pyramid, its spacing in µm and what is odd in that."""

    facts: ImageMetadata
    planes: ZarrPlanes
    pyramid: Pyramid
    spacing: Spacing
    doubts: tuple[str, ...]


def open_level(group: Path, level: int) -> Level:
    """Return a level of the pyramid of an image; its arrays tell which is the finest, whatever is listed first.

    Raises
    ------
    ImageReadError
        If its metadata or an array cannot be read.
    ImageValueError
        If there is no such level.
    """
    facts = image_metadata(group)
    listed = [(ZarrPlanes.of(group / array, facts.axes), spacing) for array, spacing in
              zip(facts.arrays, facts.spacings, strict=True)]  # fmt: skip
    held = sorted(listed, key=lambda one: -one[0].shape.y * one[0].shape.x)
    named = next((path for path in (group, *group.parents) if path.suffix == ".zarr"), group)
    pyramid = Pyramid.choose(named, tuple((planes.shape.x, planes.shape.y) for planes, _ in held), level)
    planes, said = held[level]
    spacing = pyramid.spacing(held[0][1])
    doubts = _odd_scales([one for _, one in held], said, spacing)
    return Level(facts, planes.with_chunks(), pyramid, said if not doubts else replace(spacing, z=said.z), doubts)


def _odd_scales(held: Sequence[Spacing], said: Spacing, by_size: Spacing) -> tuple[str, ...]:
    """Return what to say where the scale of a level does not fit its size in px, or levels grow finer."""
    pairs = ((said.y, by_size.y), (said.x, by_size.x))
    off = any(one is not None and two is not None and abs(one / two - 1) > _SCALE_OFF for one, two in pairs)
    finer = any(
        one.x is not None and held[0].x is not None and one.x < held[0].x * (1 - _SCALE_OFF) for one in held[1:]
    )
    if not (off or finer):
        return ()
    return (
        f"the sizes of a pixel that the levels of the pyramid say ({', '.join(_um(one) for one in held)}) do not fit "
        f"their sizes in px: {_um(by_size)} is taken; if it is wrong, give the size in µm",
    )


def _um(spacing: Spacing) -> str:
    return "unknown" if spacing.x is None else f"{spacing.x:.4g} µm"


def open_zarr_plate(path: Path, overrides: MetadataOverrides) -> ZarrPlate | None:
    """Return the opened plate, or None where a folder is no OME-Zarr plate; no pixel is read.

    Raises
    ------
    ImageReadError
        If it is one, of a version that is not read, or damaged, or has no field.
    """
    found = read_plate(path)
    if found is None:
        return None
    meta, version = found
    listed, missing, problems = _fields(path, meta)
    groups, repeated, acquisitions = one_acquisition(path, meta, listed, overrides.acquisition)
    if not groups:
        raise ImageReadError(
            f"{path.name} is an OME-Zarr plate without any field; copy it again: {list_names(problems)}"
        )
    facts, held, shape, unread = _first(groups, overrides.level)
    spacing = merge_spacing(path, held, overrides.spacing)
    names = channel_names(overrides.channels, facts.channels if facts else (), count=shape.c)
    rows, columns = standard_size([*(f.well for f in groups), Well(len(meta.rows) - 1, len(meta.columns) - 1)])
    plate = Plate(
        meta.name or path.name.removesuffix(".zarr").removesuffix(".ome"),
        f"OME-Zarr {version}",
        rows,
        columns,
        tuple(groups),
        names,
        shape.z,
        shape.t,
        spacing,
        missing,
        (*repeated, *problems, *unread),
        takes_labels=True,
        acquisitions=acquisitions,
    )
    return ZarrPlate(path, plate, groups, overrides)


Listed = dict[FieldOfView, tuple[Path, int | None]]  # the group of a field and its acquisition


def _fields(path: Path, meta: PlateDef) -> tuple[Listed, tuple[str, ...], tuple[str, ...]]:
    """Return the groups by field, what is missing, and what is wrong."""
    groups: Listed = {}
    missing: list[str] = []
    problems: list[str] = []
    wells: list[PlateWell] = [*meta.wells]
    for listed in sorted(wells, key=lambda w: (w.rowIndex, w.columnIndex)):
        with parse_errors(path):
            place = _place(listed)
        folder = path / listed.path
        try:
            images = read_well(folder)
        except CellvinoError as error:
            missing.append(f"well {place.name}")
            problems += [str(error)] if folder.is_dir() else []
            continue
        for image, acquisition in images:
            field = FieldOfView(place, image)
            present = (folder / image).is_dir()
            if field in groups or not present:
                missing.append(f"{place.name} field {image}") if not present else problems.append(
                    f"{field.label} is listed twice"
                )
                continue
            groups[field] = folder / image, acquisition
    return groups, tuple(missing), tuple(problems)


def one_acquisition(
    path: Path, meta: PlateDef, listed: Listed, wanted: str
) -> tuple[dict[FieldOfView, Path], tuple[str, ...], tuple[str, ...]]:
    """Return the groups of one acquisition; where there are more, the sentence on which it is, and the names of all.

    Cells of two acquisitions are the same cells: fields of both are never added up.

    Raises
    ------
    OptionError
        If the user wants one that the plate has not.
    """
    numbers = sorted({number for _, number in listed.values() if number is not None})
    known = {a.id: a.name or "" for a in meta.acquisitions or ()}
    if len(numbers) < 2:
        if wanted:
            raise OptionError(f"{path.name} was imaged once; leave the acquisition {wanted!r} out")
        unsaid = len(known) > 1 and any(number is None for _, number in listed.values())
        doubt = f"the plate lists {len(known)} acquisitions and does not say of which its fields are: all are counted"
        return {field: group for field, (group, _) in listed.items()}, (doubt,) if unsaid else (), ()
    names = [known.get(number) or f"{n}" for n, number in enumerate(numbers, 1)]
    held = ", ".join(f"{n} {name}" if name != f"{n}" else name for n, name in enumerate(names, 1))
    choices = {f"{n}": number for n, number in enumerate(numbers, 1)} | dict(zip(names, numbers, strict=True))
    if wanted and wanted not in choices:
        raise OptionError(f"{path.name} has no acquisition {wanted!r}; it holds {held}")
    chosen = choices[wanted] if wanted else numbers[0]
    name = names[numbers.index(chosen)]
    said = (
        f"the plate was imaged {len(numbers)} times ({held}): acquisition {name} is taken; --acquisition takes another"
    )
    taken = {field: group for field, (group, number) in listed.items() if number in (chosen, None)}
    wells = {field.well for field in taken}
    without = sorted({field.well.name for field in listed if field.well not in wells}, key=natural_order)
    lost = f"acquisition {name} has no field of {list_names(without)}"
    return taken, (said, lost) if without else (said,), tuple(names)


def _place(listed: PlateWell) -> Well:
    """Return the place of a well: by the names of row and column, which hold on plates that list but a part."""
    row, _, column = listed.path.rpartition("/")
    try:
        return Well.parse(f"{row}{column}")
    except CellvinoError:
        return Well.at(listed.rowIndex, listed.columnIndex)


def _first(
    groups: Mapping[FieldOfView, Path], level: int
) -> tuple[ImageMetadata | None, Spacing, Shape, tuple[str, ...]]:
    """Return what the first field that can be opened says of a level, and what to say of those before and of it."""
    said: list[str] = []
    for _, group in zip(range(20), groups.values(), strict=False):
        try:
            one = open_level(group, level)
            return one.facts, one.spacing, one.planes.shape, (*said, *one.pyramid.warnings)
        except ImageReadError as error:
            said.append(str(error))
    return None, Spacing(), Shape(1, 1, 1, 1, 1), tuple(said)
