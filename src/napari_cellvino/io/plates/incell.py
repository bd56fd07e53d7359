"""IN Cell Analyzer plates with their ``.xdce``: every image with its place, the channels, and the size of a pixel.

References
----------
GE Healthcare, "ImageStack" XML; read as in https://docs.openmicroscopy.org/bio-formats/ (InCellReader)
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.image import Spacing
from napari_cellvino.core.plate import Well
from napari_cellvino.io.checks import parse_errors
from napari_cellvino.io.plates.plate_image import PlateImage, PlateListing
from napari_cellvino.io.plates.safe_xml import Element, read_xml
from napari_cellvino.io.plates.z_step import median_step
from napari_cellvino.io.units import micrometres

XDCE_SUFFIX = ".xdce"


def read_incell(index: Path) -> PlateListing:
    """Return the plate that a ``.xdce`` file lists.

    Raises
    ------
    ImageReadError
        If the file cannot be read, or lists no images.
    """
    root, folder = read_xml(index), index.parent
    with parse_errors(index):
        listed = [(_image(element, folder), element) for element in root.iter("Image")]
        there = frozenset(path.name for path in folder.iterdir())
        heights = _heights(listed)
        size = _size(root)
    if not listed:
        raise ImageReadError(f"{index.name} lists no images; copy it again from the instrument")
    scale = next(root.iter("ObjectiveCalibration"), None)
    y, x = (
        micrometres(scale.get(key)) if scale is not None and scale.get(key) else None
        for key in ("pixel_height", "pixel_width")
    )
    return PlateListing(
        "IN Cell",
        index.stem,
        tuple(image for image, _ in listed if image.path.name in there),
        size=size,
        channels=_channels(root),
        spacing=Spacing(median_step(heights), y, x),
        absent=tuple(image.path.name for image, _ in listed if image.path.name not in there),
    )


def _image(element: Element, folder: Path) -> PlateImage:
    row, column, place = element.find("Well/Row"), element.find("Well/Column"), element.find("Identifier")
    name = element.get("filename", "").replace("\\", "/").rpartition("/")[2]
    if row is None or column is None or place is None or not name:
        raise ValueError("an image without well, identifier or name")
    well = Well.at(int(row.attrib["number"]) - 1, int(column.attrib["number"]) - 1)
    field, z, t = (int(place.attrib[f"{key}_index"]) for key in ("field", "z", "time"))
    return PlateImage(well, str(field + 1), str(int(place.attrib["wave_index"])), z, t, folder / name)


def _size(root: Element) -> tuple[int, int] | None:
    plate = next(root.iter("Plate"), None)
    if plate is None or not (plate.get("rows") and plate.get("columns")):
        return None
    return int(plate.attrib["rows"]), int(plate.attrib["columns"])


def _channels(root: Element) -> dict[str, str]:
    """Return the filters of each wavelength by its index, emission before excitation."""
    names: dict[str, str] = {}
    for number, wave in enumerate(wave for wave in root.iter("Wavelength") if wave.get("fusion_wave") != "true"):
        filters = (wave.find(kind) for kind in ("EmissionFilter", "ExcitationFilter"))
        name = next((found.get("name", "") for found in filters if found is not None and found.get("name")), "")
        if name:
            names[wave.get("index") or str(number)] = name
    return names


def _heights(listed: list[tuple[PlateImage, Element]]) -> list[list[float]]:
    """Return the heights in µm of the planes of each stack."""
    stacks: defaultdict[tuple[object, ...], list[float]] = defaultdict(list)
    for image, element in listed:
        focus = element.find("FocusPosition")
        if focus is not None and focus.get("z"):
            stacks[image.well, image.field, image.channel, image.t].append(float(focus.attrib["z"]))
    return list(stacks.values())
