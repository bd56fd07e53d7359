"""Measure what was promised and print it beside the goals: ``python -m benchmarks [--json] [--only PART ...]``."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable

import numpy as np
import openvino as ov
import psutil

from benchmarks.figure import Figure, record, table
from benchmarks.memory import measure_memory
from benchmarks.sliders import measure_sliders
from benchmarks.speed import measure_speed
from napari_cellvino.inference.openvino import list_devices

Part = tuple[str, Callable[[int], list[Figure]]]

PARTS: dict[str, Part] = {
    "speed": ("A 1024 x 1024 uint16 field, read, to labels and table", measure_speed),
    "sliders": ("A parameter moved on 1024 x 1024, to new labels and changes", measure_sliders),
    "memory": ("A stack of 1 GB (ZCYX, uint8) through the command line", lambda _: measure_memory()),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--repeats", type=int, default=15, metavar="N", help="median of N (default: 15)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    options = parser.parse_args()
    machine = _machine()
    if not options.json:
        print(", ".join(f"{key} {value}" for key, value in machine.items()), flush=True)
    measured = {}
    for name in options.only:
        title, measure = PARTS[name]
        measured[name] = measure(max(1, options.repeats))
        if not options.json:
            print("\n" + table(title, measured[name]), flush=True)
    if options.json:
        results = {name: [record(figure) for figure in figures] for name, figures in measured.items()}
        print(json.dumps({"machine": machine, "figures": results}, indent=1))


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
