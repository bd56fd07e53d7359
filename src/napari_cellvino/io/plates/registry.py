"""Which reader a plate needs: what lies in the folder says it, and never the folder's name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from napari_cellvino.core.errors import ImageReadError, OptionError
from napari_cellvino.core.image import MetadataOverrides, Origin
from napari_cellvino.io.checks import list_names, parse_errors
from napari_cellvino.io.plates.assemble import assemble
from napari_cellvino.io.plates.harmony import read_harmony
from napari_cellvino.io.plates.imagexpress import read_imagexpress
from napari_cellvino.io.plates.incell import XDCE_SUFFIX, read_incell
from napari_cellvino.io.plates.name_pattern import compile_pattern, read_pattern
from napari_cellvino.io.plates.plate_image import PlateListing, list_names_in
from napari_cellvino.io.plates.plate_source import PlateSource
from napari_cellvino.io.plates.scanr import SCANR_NAME, read_scanr
from napari_cellvino.io.plates.vendor_name_patterns import read_names
from napari_cellvino.io.plates.yokogawa import DATA_NAME, DETAIL_NAME, read_yokogawa

_DEEPEST = 3  # folders below the one given, where an index is looked for
_INDEXES: dict[str, Callable[[Path], PlateListing]] = {
    "index.idx.xml": read_harmony,
    "index.xml": read_harmony,
    DATA_NAME.lower(): read_yokogawa,
    SCANR_NAME: read_scanr,
}
_SUFFIXES: dict[str, Callable[[Path], PlateListing]] = {".htd": read_imagexpress, XDCE_SUFFIX: read_incell}
INDEX_SUFFIXES = (*_SUFFIXES, ".xml", ".mlf", ".mrf")
_GROUP_NAMES = ("zarr.json", ".zattrs", ".zgroup")


def open_plate(path: Path | str, said: MetadataOverrides | None = None, *, pattern: str = "") -> PlateSource:
    """Return the opened plate; no pixel is read and no file stays open.

    Parameters
    ----------
    path
        The folder of a plate, or its index (``.HTD``, ``Index.idx.xml``, ``.mlf``, …).
    said
        What the user said of it.
    pattern
        Names of the images, for a folder that no reader knows: ``{well}_s{field}_w{channel}.tif``, or a regular
        expression with named groups; a short form of ``said``.

    Raises
    ------
    ImageReadError
        If it is no plate, or one without images, or damaged.
    ImageValueError
        If channel names or pixel size do not fit.
    OptionError
        If the pattern cannot be used.
    """
    path, said = Path(path).expanduser().absolute(), said or MetadataOverrides(pattern=pattern)
    source = find_plate(path, said)
    if source is not None:
        return source
    if said.pattern:
        raise OptionError(
            f"pattern {said.pattern!r} does not tell the well; name {{well}}, or {{row}} and {{column}}, or open the "
            "folder as images"
        )
    raise ImageReadError(
        f"{path} is no plate that is known here: neither OME-Zarr, nor an index of ImageXpress, Harmony, Yokogawa, "
        "IN Cell or ScanR, nor images named as a vendor does; give a pattern of the names, as "
        "{well}_s{field}_w{channel}.tif"
    )


def find_plate(path: Path, overrides: MetadataOverrides) -> PlateSource | None:
    """Return the opened plate, or None where a path is none, or a pattern is for images of no plate.

    Raises
    ------
    ImageReadError
        If it is one that cannot be read.
    ImageValueError
        If channel names or pixel size do not fit.
    OptionError
        If the pattern cannot be used, or axes, a region or an acquisition are given that the plate cannot have.
    """
    with parse_errors(path):
        if not path.exists():
            raise ImageReadError(f"there is no folder {path}; check the name, or that its disk is connected")
        is_group = any((path / name).is_file() for name in _GROUP_NAMES)
    if overrides.pattern and not compile_pattern(overrides.pattern).tells_well:
        return None
    if overrides.pattern:
        found: PlateListing | None = read_pattern(path, overrides.pattern)
    elif path.is_file():
        found = _by_index(path)
    elif is_group:
        from napari_cellvino.io.plates.ome_zarr import open_zarr_plate

        plate = open_zarr_plate(path, overrides)
        if plate is not None:
            _refuse_axes_and_region(path, overrides)
        return plate
    else:
        found = _in_folder(path)
    if found is None:
        return None
    if overrides.acquisition:
        raise OptionError(f"an acquisition is chosen of OME-Zarr plates; leave {overrides.acquisition!r} out")
    _refuse_axes_and_region(path, overrides)
    if overrides.level:
        raise OptionError(f"level {overrides.level} is for image files; leave it out for the plate {path.name}")
    return assemble(path, found, overrides)


def is_of_plate(origin: Origin) -> bool:
    """Return whether pixels are a field of what `open_plate` opens; files that know their wells are images."""
    path = Path(origin.path)
    return bool(origin.well) and (path.is_dir() or path.suffix.lower() in INDEX_SUFFIXES)


def _refuse_axes_and_region(path: Path, overrides: MetadataOverrides) -> None:
    if overrides.axes is not None:
        raise OptionError(f"axes {overrides.axes} are for image files; leave them out for the plate {path.name}")
    if overrides.region:
        raise OptionError(f"the region {overrides.region} is for image files; leave it out for the plate {path.name}")


def _by_index(file: Path) -> PlateListing | None:
    if file.name.lower() == DETAIL_NAME.lower():
        file = file.parent / DATA_NAME
    reader = _INDEXES.get(file.name.lower()) or _SUFFIXES.get(file.suffix.lower())
    return reader(file) if reader else None


def _in_folder(folder: Path) -> PlateListing | None:
    with parse_errors(folder):
        indexes = list(_indexes(folder, _DEEPEST))
    if len(indexes) > 1:
        places = [str(i.parent.relative_to(folder)) for i in indexes]
        raise ImageReadError(f"{folder} holds {len(indexes)} plates: {list_names(places)}; name one of them")
    if not indexes and folder.name.lower() == "data" and (folder.parent / SCANR_NAME).is_file():
        indexes = [folder.parent / SCANR_NAME]
    return _by_index(indexes[0]) if indexes else read_names(list_names_in(folder))


def _indexes(folder: Path, depth: int) -> Iterator[Path]:
    """Yield the indexes nearest to ``folder``: one in each branch, as ImageXpress repeats its own in every folder."""
    with os.scandir(folder) as entries:
        held = sorted(entries, key=lambda e: e.name)
    ends = tuple(_SUFFIXES)
    names = [e.name for e in held if e.is_file() and (e.name.lower() in _INDEXES or e.name.lower().endswith(ends))]
    if names:
        yield folder / names[0]
    elif depth:
        for entry in held:
            if entry.is_dir() and not entry.name.startswith("."):
                with suppress(PermissionError):  # what may not be entered holds nothing of this plate
                    yield from _indexes(Path(entry.path), depth - 1)
