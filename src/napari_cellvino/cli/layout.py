"""``cellvino layout``: the plate map of a spreadsheet, and serial dilutions, as the layout that runs take."""

from __future__ import annotations

import argparse
import sys

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.plate import wells_in
from napari_cellvino.plates.layout import Layout, layout_text
from napari_cellvino.plates.layout_edits import dilute, goes_back, mark_controls
from napari_cellvino.plates.plate_maps import MapFormat, read_plate_map
from napari_cellvino.storage.atomic import atomic_path
from napari_cellvino.storage.json_text import json_text


def run(options: argparse.Namespace) -> int:
    """Write the layout, and say what it holds."""
    form = MapFormat(options.encoding or "utf-8-sig", options.decimal_comma)
    layout = read_plate_map(options.map, form) if options.map else Layout()
    for text in options.dilute:
        wells, compound, top, factor = _parts(text, 4, "--dilute WELLS=COMPOUND,TOP,FACTOR")
        back = goes_back(wells, down=options.down)
        layout = dilute(layout, wells_in(wells), compound, _number(top), _number(factor), down=options.down, back=back)
    for text in options.control:
        wells, control = _parts(text, 2, "--control WELLS=positive")
        layout = mark_controls(layout, wells_in(wells), control)
    if not layout:
        raise OptionError("there is nothing to write; name a map, or fill wells with --dilute")
    with atomic_path(options.out) as part:
        part.write_text(layout_text(layout), encoding="utf-8", newline="\n")
    for notice in layout.notices:
        print(notice, file=sys.stderr)
    compounds = sorted({content.compound for content in layout.contents.values()} - {""})
    if options.json:
        told = {"layout": options.out, "wells": len(layout.contents), "compounds": compounds, "unit": layout.unit}
        print(json_text(told), end="")
    else:
        unit = f", doses in {layout.unit}" if layout.unit else ""
        filled, many = len(layout.contents), len(compounds)
        print(f"{options.out}: {filled} well{'s' * (filled != 1)}, {many} compound{'s' * (many != 1)}{unit}")
    return 0


def _parts(text: str, count: int, usage: str) -> list[str]:
    """Return the parts of ``WELLS=A,B,…``."""
    wells, equals, rest = text.rpartition("=") if count == 2 else text.partition("=")
    parts = [wells, *(rest.rsplit(",", count - 2) if count > 2 else [rest])]
    if not equals or len(parts) != count:
        raise OptionError(f"{text!r} is not of the form {usage}")
    return [part.strip() for part in parts]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise OptionError(f"{text!r} is no number") from None
