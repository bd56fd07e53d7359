"""Olympus ScanR plates with their ``experiment_descriptor.xml``: the size of the plate and that of a pixel.

The size of the plate tells what the numbers of wells mean. The images lie beside the descriptor or in ``data``, and are
told by their names.

References
----------
LabVIEW's XML of the acquisition software: clusters of elements with ``Name`` and ``Val``
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from napari_cellvino.core.image import Spacing
from napari_cellvino.io.plates.name_pattern import match_names
from napari_cellvino.io.plates.plate_image import PlateListing, list_names_in
from napari_cellvino.io.plates.safe_xml import read_xml, text_of
from napari_cellvino.io.plates.vendor_name_patterns import SCANR
from napari_cellvino.io.units import micrometres

SCANR_NAME = "experiment_descriptor.xml"


def read_scanr(descriptor: Path) -> PlateListing:
    """Return the plate that an experiment descriptor is of.

    Raises
    ------
    ImageReadError
        If the descriptor cannot be read, or has fewer wells than the images have numbers.
    """
    said: dict[str, str] = {}
    for element in read_xml(descriptor).iter():
        if name := text_of(element, "Name"):
            said.setdefault(name, text_of(element, "Val"))
    folder, size = descriptor.parent, (_count(said.get("Rows")), _count(said.get("Columns")))
    pattern = replace(SCANR, size=size if all(size) else None)
    found = match_names(list_names_in(folder), pattern, kind="ScanR")
    pixel = micrometres(said.get("conversion factor um/pixel", "").replace(",", "."))
    name = said.get("plate name") or found.name
    return replace(found, name=name, spacing=Spacing(None, pixel, pixel))


def _count(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() and len(text) < 4 else 0
