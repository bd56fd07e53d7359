"""Which reader a plate needs: what lies in the folder says it, and never the folder's name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.core.image import MetadataOverrides, Spacing
from napari_cellvino.io.checks import list_names, parse_errors
from napari_cellvino.io.plates.assemble import assemble
from napari_cellvino.io.plates.harmony import read_harmony
from napari_cellvino.io.plates.imagexpress import read_imagexpress
from napari_cellvino.io.plates.name_pattern import read_pattern
from napari_cellvino.io.plates.plate_image import PlateListing, image_names
from napari_cellvino.io.plates.plate_source import PlateSource
from napari_cellvino.io.plates.vendor_name_patterns import read_names
from napari_cellvino.io.plates.yokogawa import DATA_NAME, DETAIL_NAME, read_yokogawa

_DEEPEST = 3  # folders below the one given, where an index is looked for
_INDEXES: dict[str, Callable[[Path], PlateListing]] = {
    "index.idx.xml": read_harmony,
    "index.xml": read_harmony,
    DATA_NAME.lower(): read_yokogawa,
}
INDEX_SUFFIXES = (".htd", ".xml", ".mlf", ".mrf")
_GROUP_NAMES = ("zarr.json", ".zattrs", ".zgroup")


def open_plate(
    path: Path | str,
    *,
    pattern: str = "",
    spacing: Spacing | None = None,
    channels: Sequence[str] | None = None,
) -> PlateSource:
    """Return the opened plate; no pixel is read and no file stays open.

    Parameters
    ----------
    path
        The folder of a plate, or its index (``.HTD``, ``Index.idx.xml``, ``.mlf``, …).
    pattern
        Names of the images, for a folder that no reader knows: ``{well}_s{field}_w{channel}.tif``, or a regular
        expression with named groups.
    spacing
        Distance between pixels in µm; what is None in it is taken from the files.
    channels
        Names of the channels, in the plate's order.

    Raises
    ------
    ImageReadError
        If it is no plate, or one without images, or damaged.
    ImageValueError
        If channel names or pixel size do not fit.
    OptionError
        If the pattern cannot be used.
    """
    path = Path(path).expanduser().absolute()
    source = find_plate(
        path, MetadataOverrides(None, spacing, None if channels is None else tuple(channels)), pattern=pattern
    )
    if source is not None:
        return source
    raise ImageReadError(
        f"{path} is no plate that is known here: neither OME-Zarr, nor an index of ImageXpress, Harmony or Yokogawa, "
        "nor images named as a vendor does; give a pattern of the names, as {well}_s{field}_w{channel}.tif"
    )


def find_plate(path: Path, overrides: MetadataOverrides, *, pattern: str = "") -> PlateSource | None:
    """Return the opened plate, or None where a path is none.

    Raises
    ------
    ImageReadError
        If it is one that cannot be read.
    ImageValueError
        If channel names or pixel size do not fit.
    OptionError
        If the pattern cannot be used.
    """
    with parse_errors(path):
        if not path.exists():
            raise ImageReadError(f"there is no folder {path}; check the name, or that its disk is connected")
    if pattern:
        found: PlateListing | None = read_pattern(path, pattern)
    elif path.is_file():
        found = _by_index(path)
    elif any((path / name).is_file() for name in _GROUP_NAMES):
        from napari_cellvino.io.plates.ome_zarr import open_zarr_plate

        return open_zarr_plate(path, overrides)
    else:
        found = _in_folder(path)
    if found is None:
        return None
    if overrides.axes is not None:
        raise ImageValueError(f"axes {overrides.axes!r} are for image files; leave them out for a plate")
    return assemble(path, found, overrides)


def _by_index(file: Path) -> PlateListing | None:
    if file.name.lower() == DETAIL_NAME.lower():
        file = file.parent / DATA_NAME
    if file.suffix.lower() == ".htd":
        return read_imagexpress(file)
    reader = _INDEXES.get(file.name.lower())
    return reader(file) if reader else None


def _in_folder(folder: Path) -> PlateListing | None:
    with parse_errors(folder):
        indexes = list(_indexes(folder, _DEEPEST))
    if len(indexes) > 1:
        places = [str(i.parent.relative_to(folder)) for i in indexes]
        raise ImageReadError(f"{folder} holds {len(indexes)} plates: {list_names(places)}; name one of them")
    return _by_index(indexes[0]) if indexes else read_names(folder, image_names(folder))


def _indexes(folder: Path, depth: int) -> Iterator[Path]:
    """Yield the indexes nearest to ``folder``: one in each branch, as ImageXpress repeats its own in every folder."""
    with os.scandir(folder) as entries:
        held = sorted(entries, key=lambda e: e.name)
    names = [e.name for e in held if e.is_file() and (e.name.lower() in _INDEXES or e.name.lower().endswith(".htd"))]
    if names:
        yield folder / names[0]
    elif depth:
        for entry in held:
            if entry.is_dir() and not entry.name.startswith("."):
                yield from _indexes(Path(entry.path), depth - 1)
