"""``cellvino kymograph``: the pixels along a cell, or along a line, through time."""

from __future__ import annotations

import argparse
import sys

from napari_cellvino.core.progress import finish
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.workflows.kymograph import KymographRequest, make_kymograph, write_kymograph


def run(options: argparse.Namespace) -> int:
    """Make a kymograph and write it; 0 when that was done."""
    request = KymographRequest(
        options.input, options.track, options.line, options.channel, options.width, options.interval
    )
    made = finish(make_kymograph(request))
    where = "line" if request.track is None else f"track {request.track}"
    write_kymograph(options.out, made, f"{options.input.absolute().name}, {where}")
    frames, length = made.values.shape
    if options.json:
        print(json_text({"picture": str(options.out), "frames": frames, "length_px": length}), end="")
    else:
        print(f"{options.out}: {frames:,} frames, {length:,} px", file=sys.stderr)
    return 0
