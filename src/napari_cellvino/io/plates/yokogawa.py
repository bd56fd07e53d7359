"""Yokogawa CV7000 and CV8000 plates: ``MeasurementData.mlf`` has the images, ``.mrf`` the scale, ``.mes`` the channels.

References
----------
Yokogawa, BTS schema 1.0 (http://www.yokogawa.co.jp/BTS/BTSSchema/1.0)
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

DATA_NAME = "MeasurementData.mlf"
DETAIL_NAME = "MeasurementDetail.mrf"


def read_yokogawa(data: Path) -> PlateListing:
    """Return the plate that a ``.mlf`` file lists; without the ``.mrf`` beside it, its scale is unknown.

    Raises
    ------
    ImageReadError
        If one of its files cannot be read.
    """
    folder, root = data.parent, read_xml(data)
    detail = read_xml(folder / DETAIL_NAME) if (folder / DETAIL_NAME).is_file() else None
    records = root.findall("MeasurementRecord")
    with parse_errors(data):
        listed = [(_image(e, folder), e) for e in records if e.get("Type") == "IMG"]
        there = frozenset(path.name for path in folder.iterdir())
    failed = sum(e.get("Type") == "ERR" for e in records)
    return PlateListing(
        "Yokogawa",
        (detail.get("Title") if detail is not None else "") or folder.name,
        tuple(image for image, _ in listed if image.path.name in there),
        size=_size(detail),
        channels=_channels(folder, detail),
        spacing=_spacing(detail, listed),
        absent=tuple(image.path.name for image, _ in listed if image.path.name not in there),
        problems=_problems(failed, detail is None),
    )


def _image(record: Element, folder: Path) -> PlateImage:
    row, column, z, t = (int(record.attrib[key]) for key in ("Row", "Column", "ZIndex", "TimePoint"))
    name = (record.text or "").strip().replace("\\", "/").rpartition("/")[2]
    if not name or row < 1 or column < 1:
        raise ValueError("a record without row, column or name")
    well = Well.at(row - 1, column - 1)
    return PlateImage(well, record.attrib["FieldIndex"], record.attrib["Ch"], z, t, folder / name)


def _size(detail: Element | None) -> tuple[int, int] | None:
    if detail is None or not (detail.get("RowCount") and detail.get("ColumnCount")):
        return None
    with parse_errors(Path(DETAIL_NAME)):
        return int(detail.attrib["RowCount"]), int(detail.attrib["ColumnCount"])


def _channels(folder: Path, detail: Element | None) -> dict[str, str]:
    """Return fluorophores, else filters, by channel number, from the settings that the ``.mrf`` names."""
    name = (detail.get("MeasurementSettingFileName") or "") if detail is not None else ""
    settings = folder / name.replace("\\", "/").rpartition("/")[2]
    if not name or not settings.is_file():
        return {}
    try:
        channels = read_xml(settings).findall("ChannelList/Channel")
    except ImageReadError:  # names are a comfort: without them channels have numbers
        return {}
    return {c.get("Ch", ""): c.get("Fluorophore") or c.get("Acquisition") or "" for c in channels}


def _spacing(detail: Element | None, listed: list[tuple[PlateImage, Element]]) -> Spacing:
    channel = detail.find("MeasurementChannel") if detail is not None else None
    y, x = (
        micrometres(channel.get(f"{a}PixelDimension", "")) if channel is not None else None
        for a in ("Vertical", "Horizontal")
    )
    stacks: defaultdict[tuple[object, ...], list[float]] = defaultdict(list)
    with parse_errors(Path(DATA_NAME)):
        for image, record in listed:
            stacks[image.well, image.field, image.channel, image.t].append(float(record.get("Z", "0")))
    return Spacing(median_step(stacks.values()), y, x)


def _problems(failed: int, no_detail: bool) -> tuple[str, ...]:
    said = [
        f"the instrument could not take {failed} images (records of type ERR)" if failed else "",
        f"{DETAIL_NAME} is missing: plate size and scale are unknown" if no_detail else "",
    ]
    return tuple(sentence for sentence in said if sentence)
