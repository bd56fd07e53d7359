"""``cellvino import``: masks that others made become results."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from napari_cellvino.cli.progress_report import cells
from napari_cellvino.core.image import Spacing
from napari_cellvino.core.recipe import make_recipe
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.workflows.import_masks import ImportOutcome, import_masks
from napari_cellvino.workflows.run_folder import list_inputs


def run(options: argparse.Namespace) -> int:
    """Import and print the number of cells; 1 when an image has no result."""
    size = options.pixel_size
    choices: dict[str, object] = {
        "channel": options.channel,
        "z": options.z,
        "frame": options.frame,
        "axes": options.axes,
        "spacing_um": None if size is None else Spacing(None, size, size),
    }
    recipe = make_recipe(choices, source="the options")
    done = []
    images, in_um = list_inputs(options.image), options.outlines_in == "um"
    for one in import_masks(options.masks, images, options.out, recipe, overwrite=options.overwrite, in_um=in_um):
        _tell(one, quiet=options.json)
        done.append(one)
    if options.json:
        print(json_text({"fields": [{**one.row, "notices": one.notices} for one in done]}), end="")
    return int(any(one.failed for one in done))


def _tell(one: ImportOutcome, *, quiet: bool) -> None:
    if quiet:
        return
    name = Path(str(one.row["file"])).name
    outcome = f"failed: {one.row['error']}" if one.failed else cells(int(str(one.row["count"])))
    print(f"{name}: {outcome}", file=sys.stderr)
    for notice in one.notices:
        print(f"  {notice}", file=sys.stderr)
