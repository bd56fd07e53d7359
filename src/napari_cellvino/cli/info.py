"""``cellvino info``: what is understood of image files, without reading their pixels."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from napari_cellvino.errors import CellvinoError
from napari_cellvino.image import Stack
from napari_cellvino.io import open_source
from napari_cellvino.jobs.batch import list_inputs
from napari_cellvino.jobs.json_text import json_text


def run(options: argparse.Namespace) -> int:
    """Describe every position of every file; 1 when some could not be read."""
    records: list[dict[str, object]] = []
    failed = 0
    for path in list_inputs(options.inputs):
        try:
            source = open_source(path)
            stacks = [source.read(position) for position in source.positions]
        except CellvinoError as error:
            failed += 1
            records.append({"file": str(path), "error": str(error)})
            if not options.json:
                print(error, file=sys.stderr)
            continue
        records += [_record(path, stack) for stack in stacks]
        if not options.json:
            print("\n".join(_words(path, stack) for stack in stacks))
    if options.json:
        print(json_text(records), end="")
    return int(failed > 0)


def _record(path: Path, stack: Stack) -> dict[str, object]:
    return {
        "file": str(path),
        "position": stack.origin.position,
        "shape": stack.shape._asdict(),
        "dtype": str(stack.dtype),
        "rgb": stack.rgb,
        "spacing_um": {"z": stack.spacing.z, "y": stack.spacing.y, "x": stack.spacing.x},
        "channels": list(stack.channels),
        "assumptions": list(stack.assumptions),
    }


def _words(path: Path, stack: Stack) -> str:
    place = f" {stack.origin.position}" if stack.origin.position else ""
    lines = [f"{path}{place}", stack.describe(), stack.describe_spacing()]
    if stack.shape.c > 1:
        lines.append("channels: " + ", ".join(f"{n} {name}" for n, name in enumerate(stack.channels, 1)))
    guesses = [a for a in stack.assumptions if stack.spacing.known or not a.startswith("pixel size unknown")]
    return "\n  ".join([*lines, *guesses])
