"""Operetta and Opera Phenix plates: Harmony's ``Index.idx.xml``, ``Index.xml`` in newer exports.

The index has one element per image with everything in it; newer versions keep what is the same for all images of a
channel once, in ``Maps``.

References
----------
PerkinElmer/Revvity Harmony, schema http://www.perkinelmer.com/PEHH/HarmonyV5 (and V6, V7)
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.image import Spacing
from napari_cellvino.core.plate import Well
from napari_cellvino.io.checks import parse_errors
from napari_cellvino.io.plates.plate_image import PlateImage, PlateListing
from napari_cellvino.io.plates.safe_xml import Element, read_xml, text_of
from napari_cellvino.io.plates.z_step import median_step
from napari_cellvino.io.units import micrometres

Defaults = Mapping[str, Mapping[str, str]]  # channel -> tag -> text


def read_harmony(index: Path) -> PlateListing:
    """Return the plate that a Harmony index describes.

    Raises
    ------
    ImageReadError
        If it cannot be read, or is no index of one plate.
    """
    root = read_xml(index)
    plates = root.findall("Plates/Plate")
    if len(plates) != 1:
        raise ImageReadError(f"{index.name} describes {len(plates)} plates; export each by itself")
    elements = root.findall("Images/Image")
    shared = _shared(root)
    with parse_errors(index):
        listed = [(_image(e, index.parent), e) for e in elements]
        size = int(text_of(plates[0], "PlateRows")), int(text_of(plates[0], "PlateColumns"))
    there = _files(index.parent)
    images = tuple(image for image, _ in listed if image.path.name in there)
    return PlateListing(
        "Harmony",
        text_of(plates[0], "Name") or text_of(plates[0], "PlateID") or index.parent.name,
        images,
        size=size,
        channels={image.channel: _describe(e, image.channel, "ChannelName", shared) for image, e in reversed(listed)},
        wells=tuple(_listed_wells(plates[0])),
        spacing=_spacing(elements, shared),
        absent=tuple(image.path.name for image, _ in listed if image.path.name not in there),
        problems=_states(elements),
    )


def _files(folder: Path) -> frozenset[str]:
    with parse_errors(folder):
        return frozenset(path.name for path in folder.iterdir())


def _image(element: Element, folder: Path) -> PlateImage:
    row, column, z, t = (int(text_of(element, tag) or 0) for tag in ("Row", "Col", "PlaneID", "TimepointID"))
    url = text_of(element, "URL")
    if row < 1 or column < 1 or not url:
        raise ValueError("an image without row, column or name")
    name = url.replace("\\", "/").rpartition("/")[2]  # an index may not point out of its folder
    return PlateImage(
        Well.at(row - 1, column - 1), text_of(element, "FieldID"), text_of(element, "ChannelID"), z, t, folder / name
    )


def _listed_wells(plate: Element) -> Iterator[Well]:
    for element in plate.findall("Well"):
        number = element.get("id", "")
        if len(number) == 4 and number.isdecimal() and min(int(number[:2]), int(number[2:])) > 0:
            yield Well(int(number[:2]) - 1, int(number[2:]) - 1)


def _shared(root: Element) -> Defaults:
    """Return what ``Maps`` says of whole channels."""
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for entry in root.iterfind("Maps/Map/Entry"):
        found[entry.get("ChannelID", "")] |= {e.tag: (e.text or "").strip() for e in entry if len(e) == 0}
    return found


def _describe(element: Element, channel: str, tag: str, shared: Defaults) -> str:
    return text_of(element, tag) or shared.get(channel, {}).get(tag, "")


def _spacing(elements: list[Element], shared: Defaults) -> Spacing:
    if not elements:
        return Spacing()
    first = elements[0]
    channel = text_of(first, "ChannelID")
    y, x = (micrometres(_describe(first, channel, f"ImageResolution{axis}", shared), "m") for axis in "YX")
    stacks: defaultdict[tuple[str, ...], list[float]] = defaultdict(list)
    for element in elements:
        said = (_number(text_of(element, tag)) for tag in ("PositionZ", "AbsPositionZ"))
        height = next((number for number in said if number is not None), None)
        if height is not None:
            key = tuple(text_of(element, tag) for tag in ("Row", "Col", "FieldID", "TimepointID", "ChannelID"))
            stacks[key].append(height * 1e6)
    return Spacing(median_step(stacks.values()), y, x)


def _number(text: str) -> float | None:
    """Return a number, None for words as ``n/a``."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _states(elements: list[Element]) -> tuple[str, ...]:
    bad = [text_of(e, "URL") for e in elements if text_of(e, "State") not in ("", "Ok")]
    return (f"Harmony marks {len(bad)} images as not Ok, such as {bad[0]}",) if bad else ()
