"""Measure what was promised and print it beside the goals: ``python -m benchmarks [--json] [--only PART ...]``.

A part that needs something which is not here (a model, the peer, the public images) says so and is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino as ov
import psutil

from benchmarks.asked import Asked
from benchmarks.cells import measure_cells
from benchmarks.cluster import measure_cluster
from benchmarks.drift import measure_drift
from benchmarks.edits import measure_edits, measure_stack_edits
from benchmarks.exports import measure_exports
from benchmarks.figure import Figure, NotMeasuredError, record, table
from benchmarks.finetune import measure_finetune
from benchmarks.many_fields import measure_many_fields
from benchmarks.memory import measure_memory
from benchmarks.pareto import measure_pareto
from benchmarks.particles import measure_particles
from benchmarks.peak import measure_peak
from benchmarks.peer import measure_stardist
from benchmarks.results import measure_results
from benchmarks.robustness import measure_robustness
from benchmarks.sizes import measure_sizes
from benchmarks.sliders import measure_sliders
from benchmarks.speed import measure_speed
from benchmarks.spots import measure_spots
from benchmarks.stalls import measure_stalls
from benchmarks.suggest import measure_suggest
from benchmarks.teach import measure_teach
from benchmarks.tracking import measure_tracking
from benchmarks.window_edits import measure_window_edits
from benchmarks.zoo import measure_contour, measure_grid, measure_int8
from napari_cellvino.engines.openvino import list_devices

Part = tuple[str, Callable[[Asked], list[Figure]]]

PARTS: dict[str, Part] = {
    "speed": ("A 1024 x 1024 uint16 field, read, to labels and table", lambda asked: measure_speed(asked.repeats)),
    "sliders": (
        "A parameter moved on 1024 x 1024, to new labels and changes",
        lambda asked: measure_sliders(asked.repeats),
    ),
    "edits": ("Corrections on 2048 x 2048 with 2,000 cells", lambda asked: measure_edits(asked.repeats)),
    "stack-edits": (
        "Corrections in a plane of 60 x 2048 x 2048, beside a single plane",
        lambda asked: measure_stack_edits(asked.repeats),
    ),
    "window-edits": (
        "Corrections in the window on 2048 x 2048, what they take of its thread",
        lambda asked: measure_window_edits(asked.repeats),
    ),
    "stalls": ("How long the window stands still, on 4096 x 4096 px", lambda _: measure_stalls()),
    "memory": ("A stack of 1 GB (ZCYX, uint8) through the command line", lambda _: measure_memory()),
    "results": ("10,000 finished fields in one folder", lambda _: measure_results()),
    "many_fields": ("10,000 small fields", lambda _: measure_many_fields()),
    "cluster": ("100,000 fields without work, given out by a scheduler", lambda _: measure_cluster()),
    "exports": ("Results to every format with cellvino export", lambda _: measure_exports()),
    "finetune": ("Five corrected fields of a new kind, with cellvino train", measure_finetune),
    "stardist": ("A 1024 x 1024 field of nuclei beside StarDist 2D", measure_stardist),
    "peak": ("Convolutions of the nuclei network beside the processor's peak", measure_peak),
    "pareto": ("Time of 1024 x 1024 px in each network beside its card's accuracy", measure_pareto),
    "int8": ("The nuclei network in INT8 beside bf16", measure_int8),
    "grid": ("cell-grid on 624 x 832 px of three channels", measure_grid),
    "contour": ("cell-contour on the cells of a field", measure_contour),
    "cells": ("Whole cells from nuclei on a field of Cell Painting (1080 x 1080)", measure_cells),
    "suggest": ("The right model named at first sight", measure_suggest),
    "sizes": ("Cells of other sizes, as a run sees them", measure_sizes),
    "teach": ("30 strokes on one field, and the cells of others", measure_teach),
    "drift": ("Normal runs called drifted, and shifts of instrument and culture that are found", measure_drift),
    "spots": ("Spots found, F1 at 2 px beside scikit-image's blob_log", measure_spots),
    "particles": ("Particles in cells of simulated dark-field stacks (gonzalez2019)", measure_particles),
    "tracking": ("Films tracked with their own outlines, beside laptrack and btrack", measure_tracking),
    "robustness": ("Counts of disturbed fields", measure_robustness),
}


def main() -> None:
    options = _options()
    asked = Asked(max(1, options.repeats), options.peer, options.data)
    machine = _machine()
    if not options.json:
        print(", ".join(f"{key} {value}" for key, value in machine.items()), flush=True)
    results: dict[str, object] = {}
    for name in options.only:
        title, measure = PARTS[name]
        try:
            figures = measure(asked)
        except NotMeasuredError as error:
            results[name] = {"not measured": str(error)}
            said = f"{title}\n  not measured: {error}"
        else:
            results[name] = [record(figure) for figure in figures]
            said = table(title, figures)
        if not options.json:
            print("\n" + said, flush=True)
    if options.json:
        print(json.dumps({"machine": machine, "figures": results}, indent=1))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    usual = Asked()
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--repeats", type=int, default=usual.repeats, metavar="N", help="median of N (default: 15)")
    parser.add_argument("--peer", type=Path, default=usual.peer, metavar="DIR", help="folder of the trained StarDist")
    parser.add_argument("--data", type=Path, default=usual.data, metavar="DIR", help="folder of public labelled images")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    return parser.parse_args()


def _machine() -> dict[str, object]:
    return {
        "device": ", ".join(d.full_name for d in list_devices() if d.name != "AUTO"),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": round(psutil.getloadavg()[0], 1),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "openvino": ov.__version__.split("-")[0],
    }


if __name__ == "__main__":
    main()
