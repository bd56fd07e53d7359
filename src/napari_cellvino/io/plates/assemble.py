"""From the images that a reader found to a plate: order, gaps, doubles and sizes, the same for every vendor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from statistics import median

from napari_cellvino.core.errors import CellvinoError, ImageReadError
from napari_cellvino.core.image import KeepDoubles, MetadataOverrides, Shape, Spacing, Stack
from napari_cellvino.core.plate import NO_WELL, FieldOfView, Plate, standard_size
from napari_cellvino.io.checks import list_names
from napari_cellvino.io.folder_listing import natural_order
from napari_cellvino.io.plates.file_plate import FilePlate, Images, Within, open_part
from napari_cellvino.io.plates.plate_image import PlateImage, PlateListing
from napari_cellvino.io.source import channel_names, merge_spacing

_LOOKED_AT = 128  # images whose header is read when a plate is opened: those of the oddest sizes in bytes
_USUAL_BYTES = 2048  # by which a header may differ


@dataclass(frozen=True, slots=True)
class _Grid:
    """The vendor's channels, planes and times, in order."""

    channels: tuple[str, ...]
    z: tuple[int, ...]
    t: tuple[int, ...]

    @classmethod
    def of(cls, images: Sequence[PlateImage]) -> _Grid:
        channels = sorted({i.channel for i in images}, key=natural_order)
        return cls(tuple(channels), tuple(sorted({i.z for i in images})), tuple(sorted({i.t for i in images})))


def assemble(path: Path, found: PlateListing, overrides: MetadataOverrides) -> FilePlate:
    """Return the opened plate of the images that were found; no pixel is read.

    Raises
    ------
    ImageReadError
        If there is no image.
    ImageValueError
        If the user's channel names or pixel size do not fit.
    """
    if not found.images:
        raise ImageReadError(
            f"{path} describes a plate ({found.kind}) but has none of its images; copy them to where they were"
        )
    grid = _Grid.of(found.images)
    listed, doubled = _by_field(found.images, grid, overrides.keep_doubles)
    first, unread = _first_readable(listed)
    images, within = _by_position(listed)
    inner = first.shape._replace(z=_planes(images, first.shape.z)) if first else Shape(1, 1, 1, 1, 1)
    spacing = merge_spacing(path, _spacing(found.spacing, first), overrides.spacing)
    names = channel_names(overrides.channels, _names(found, grid, images, first), count=len(grid.channels) * inner.c)
    plate = Plate(
        name=found.name,
        kind=found.kind,
        rows=_size(found)[0],
        columns=_size(found)[1],
        fields=tuple(images),
        channels=names,
        z=len(grid.z) * inner.z,
        t=len(grid.t) * inner.t,
        spacing=spacing,
        missing=(
            *_missing(found, listed, replace(grid, channels=names) if inner.c == 1 else grid),
            *_missing_positions(within),
        ),
        problems=(*found.problems, *(doubled if overrides.keep_doubles else ()), *unread, *_odd_images(images, inner)),
        faults=() if overrides.keep_doubles else doubled,
    )
    told = overrides.spacing is not None or found.spacing.x is not None
    return FilePlate(path, plate, images, inner, overrides, within, own_sizes=not told)


def _size(found: PlateListing) -> tuple[int, int]:
    """Return rows and columns: what the metadata say, unless a well lies beyond."""
    needed = standard_size(image.well for image in found.images)
    if found.size is None:
        return needed
    fits = all(i.well.row < found.size[0] and i.well.column < found.size[1] for i in found.images)
    return found.size if fits else needed


def _by_field(found: Sequence[PlateImage], grid: _Grid, keep: KeepDoubles | None) -> tuple[Images, tuple[str, ...]]:
    """Return the images by field and (t, c, z) from 0, and a sentence on those of one place."""
    c, z, t = ({key: n for n, key in enumerate(keys)} for keys in (grid.channels, grid.z, grid.t))
    images: dict[FieldOfView, dict[tuple[int, int, int], Path]] = {}
    doubled: list[str] = []
    for image in sorted(found, key=lambda i: str(i.path)):
        place = t[image.t], c[image.channel], z[image.z]
        held = images.setdefault(FieldOfView(image.well, image.field), {})
        if held.setdefault(place, image.path) == image.path:
            continue
        doubled.append(image.path.name)
        if keep is KeepDoubles.BOTH:
            _free_field(images, image, place)[place] = image.path
    ordered = dict(sorted(images.items(), key=lambda item: (item[0].well, natural_order(item[0].name))))
    return ordered, (_describe_doubled(doubled, keep),) if doubled else ()


def _free_field(
    images: dict[FieldOfView, dict[tuple[int, int, int], Path]], image: PlateImage, place: tuple[int, int, int]
) -> dict[tuple[int, int, int], Path]:
    """Return the images of the first further field, ``1 (2)`` of ``1``, that has none at a place."""
    fields = (images.setdefault(FieldOfView(image.well, f"{image.field} ({n})"), {}) for n in count(2))
    return next(held for held in fields if place not in held)


def _describe_doubled(names: Sequence[str], keep: KeepDoubles | None) -> str:
    become = "fields of their own" if keep is KeepDoubles.BOTH else "left out"
    where = "same well, field, channel, plane and time"
    return f"{len(names):,} images are doubled ({where}), {become}: {list_names(names)}"


def _first_readable(images: Images) -> tuple[Stack | None, tuple[str, ...]]:
    """Return the first image that can be opened, and why those before it could not."""
    said: list[str] = []
    for _, path in zip(range(20), (p for held in images.values() for p in held.values()), strict=False):
        try:
            return open_part(path).read(), ()
        except CellvinoError as error:
            said.append(str(error))
    return None, tuple(said)


def _by_position(images: Images) -> tuple[Images, Mapping[FieldOfView, Within]]:
    """Return a field for each position of files that hold several, and which of them it is.

    Files are of one kind: where the first holds one position, the others are not asked before they are read.
    """
    counts: dict[FieldOfView, int] = {}
    for field, held in images.items():
        try:
            counts[field] = len(open_part(held[min(held)]).positions)
        except CellvinoError:
            continue  # told where it is read
        if next(iter(counts.values())) == 1:
            return images, {}
    fields = Counter(field.well for field in images)
    parted: dict[FieldOfView, Mapping[tuple[int, int, int], Path]] = {}
    within: dict[FieldOfView, Within] = {}
    for field, held in images.items():
        for number in range(counts.get(field, 1)):
            name = str(number + 1) if fields[field.well] == 1 else f"{field.name}-{number + 1}"
            one = FieldOfView(field.well, name)
            parted[one] = held
            if field in counts:
                within[one] = Within(number, counts[field])
    return parted, within


def _planes(images: Images, z: int) -> int:
    """Return the number of planes in a file, where ``z`` are in the first: channels may differ, one plane of some."""
    held = next(iter(images.values()))
    others = [path for (t, c, n), path in held.items() if (t, n) == min(held)[::2] and c > 0]
    headers, _ = _headers(others)
    return max((header.shape.z for header in headers.values()), default=z) if z == 1 else z


def _names(found: PlateListing, grid: _Grid, images: Images, first: Stack | None) -> tuple[str, ...]:
    """Return the names of the channels: the metadata's, the name's, else the header's of one image of each."""
    if len(grid.channels) == 1 and first is not None and first.shape.c > 1:
        return first.channels
    return tuple(_name(found, key, number, images) for number, key in enumerate(grid.channels))


def _name(found: PlateListing, key: str, number: int, images: Images) -> str:
    if found.channels.get(key):
        return found.channels[key]
    if key and not key.isdecimal():
        return key
    path = next(p for held in images.values() for (_, c, _), p in held.items() if c == number)
    try:
        (own,) = open_part(path).read().channels
    except (CellvinoError, ValueError):
        own = ""
    return own if own and own != "Channel 1" else f"Channel {int(key) if key else number + 1}"


def _spacing(said: Spacing, first: Stack | None) -> Spacing:
    held = first.spacing if first else Spacing()
    return Spacing(
        *(a if a is not None else b for a, b in zip((said.z, said.y, said.x), (held.z, held.y, held.x), strict=True))
    )


def _missing(found: PlateListing, images: Images, grid: _Grid) -> tuple[str, ...]:
    """Return the names of wells, fields and images that others have, or that were announced."""
    wells = {f.well for f in images}
    fields = dict.fromkeys(image.field for image in found.images)
    expected = dict.fromkeys([*found.fields, *(FieldOfView(w, name) for w in sorted(wells) for name in fields)])
    lost_wells = [w for w in dict.fromkeys([*found.wells, *(f.well for f in found.fields)]) if w not in wells]
    lost_fields = [f for f in expected if f not in images and f.well in wells]
    usual = {place for held in images.values() for place in held}
    gaps = [(f, place) for f, held in images.items() if len(held) < len(usual) for place in sorted(usual - held.keys())]
    return (
        *(f"well {w.name}" for w in lost_wells),
        *(f.place for f in lost_fields),
        *(_gap(f, place, grid) for f, place in gaps),
        *found.absent,
    )


def _missing_positions(within: Mapping[FieldOfView, Within]) -> tuple[str, ...]:
    """Return the names of the positions that files of other fields hold, for each field whose files hold fewer."""
    most = max((place.total for place in within.values()), default=0)
    last = [(f, place.total) for f, place in within.items() if place.number + 1 == place.total and f.well != NO_WELL]
    return tuple(
        FieldOfView(f.well, f"{f.name.removesuffix(str(held))}{n}").place
        for f, held in last
        for n in range(held + 1, most + 1)
    )


def _gap(field: FieldOfView, place: tuple[int, int, int], grid: _Grid) -> str:
    t, c, z = place
    words = [
        field.place,
        f"channel {grid.channels[c]}" if len(grid.channels) > 1 else "",
        f"plane {z + 1}" if len(grid.z) > 1 else "",
        f"time point {t + 1}" if len(grid.t) > 1 else "",
    ]
    return " ".join(filter(None, words))


def _odd_images(images: Images, inner: Shape) -> tuple[str, ...]:
    """Return a sentence for each image that is not like the others, as far as sizes in bytes and headers tell.

    Reading the header of every image of a large plate takes half a minute; so those of the oddest sizes are read.
    """
    sizes = {path: size for held in images.values() for path in held.values() if (size := _bytes(path)) is not None}
    usual = median(sizes.values()) if sizes else 0
    odd = [p for p, n in sizes.items() if abs(n - usual) > _USUAL_BYTES or len(sizes) <= _LOOKED_AT]
    looked = sorted(odd, key=lambda p: -abs(sizes[p] - usual))[:_LOOKED_AT]
    headers, said = _headers(looked)
    shapes = {path: header.shape for path, header in headers.items()}
    common = Counter(shapes.values()).most_common(1)[0][0] if len(sizes) <= _LOOKED_AT and shapes else inner
    different = [p for p, shape in shapes.items() if shape[-2:] != common[-2:]]
    sentences = [f"{p.name} is {shapes[p].x} x {shapes[p].y} px, others are {common.x} x {common.y}" for p in different]
    return (*said, *sentences, *_odd_headers(headers))


def _odd_headers(headers: Mapping[Path, Stack]) -> tuple[str, ...]:
    """Return sentences on images with pixels of another type or size in µm than most, whose numbers are others."""
    types = {path: str(one.dtype) for path, one in headers.items()}
    sizes = {path: f"{one.spacing.x:.4g} µm" for path, one in headers.items() if one.spacing.x is not None}
    return (
        *_odd_values(types, "pixels of {}", "their intensities are on another scale"),
        *_odd_values(sizes, "a pixel of {}", "look which is right"),
    )


def _odd_values(held: Mapping[Path, str], what: str, doubt: str) -> tuple[str, ...]:
    """Return a sentence on the images of each value that is not the usual one."""
    usual = Counter(held.values()).most_common(1)[0][0] if held else ""
    said: list[str] = []
    for odd in sorted(set(held.values()) - {usual}):
        names = [path.name for path, value in held.items() if value == odd]
        have = "has" if len(names) == 1 else "have"
        said.append(f"{list_names(names)} {have} {what.format(odd)}, others of {usual}: {doubt}")
    return tuple(said)


def _headers(paths: Iterable[Path]) -> tuple[Mapping[Path, Stack], list[str]]:
    headers: dict[Path, Stack] = {}
    said: list[str] = []
    for path in sorted(paths):
        try:
            headers[path] = open_part(path).read()
        except CellvinoError as error:
            said.append(str(error))
    return headers, said


def _bytes(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
