"""``cellvino benchmark``: how fast each device and precision is on an image, and what it changes in the counts."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Generator
from pathlib import Path

from napari_cellvino.cli.recipe_options import recipe_from
from napari_cellvino.core.compiled import get_ready
from napari_cellvino.core.image import Stack
from napari_cellvino.core.progress import Progress
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.io import open_source
from napari_cellvino.quality.changes import Changes
from napari_cellvino.segmentation.pipeline import make_pipeline
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.workflows.benchmark import Timing, compare_trials, plan_trials

SAMPLE = "nuclei_stack.ome.tif"
COMPILED = {True: "loops compiled by Numba", False: "loops by NumPy"}
COLUMNS = (
    ("device", "<10"),
    ("precision", "<9"),
    ("runs as", "<12"),
    ("ready s", ">8"),
    ("network s", ">10"),
    ("field s", ">8"),
    ("tiles/s", ">8"),
    ("Mpx/s", ">7"),
    ("cells", ">7"),
    ("against Exact", ">13"),
)


def run(options: argparse.Namespace) -> int:
    """Time all trials and print a table; 1 when one of them failed."""
    pipeline = make_pipeline(recipe_from(options))
    package = pipeline.package
    chosen = None if options.precision is None else pipeline.recipe.precision
    trials = plan_trials(package, device=options.device, precision=chosen)
    stack = _stack(options.input)
    loops = get_ready()  # as a run of many fields has them
    results = compare_trials(stack, pipeline, trials, repeats=options.repeats)
    if not options.json:
        print(
            f"{stack.origin.name}: {stack.describe()}; {package.label}; medians of {options.repeats}; {COMPILED[loops]}"
        )
        print(_line([title for title, _ in COLUMNS]))
    timings = list(_timings(results, quiet=options.json))
    if options.json:
        header = {
            "image": stack.origin.path,
            "model": package.label,
            "repeats": options.repeats,
            "compiled_loops": loops,
        }
        print(json_text(header | {"timings": [_record(timing) for timing in timings]}), end="")
    return int(any(timing.problem for timing in timings))


def _stack(path: Path | None) -> Stack:
    source = open_source(path.absolute() if path else shipped_folder("sample_data") / SAMPLE)
    return source.read(source.positions[0])


def _timings(
    results: Generator[Progress | Timing, None, tuple[Timing, ...]], *, quiet: bool
) -> Generator[Timing, None, None]:
    for item in results:
        if isinstance(item, Timing):
            if not quiet:
                print(_format(item), flush=True)
            yield item
        elif not quiet and sys.stderr.isatty():
            print(f"{item.done}/{item.total} {item.noun}", end="\r", file=sys.stderr)


def _format(timing: Timing) -> str:
    trial, info = timing.trial, timing.engine_info
    if info is None:
        return f"{trial.device:10} {trial.precision:9} failed: {timing.problem}"
    figures = (
        f"{timing.ready_s:.2f}",
        f"{timing.network_s:.4f}",
        f"{timing.field_s:.4f}",
        f"{timing.tiles_per_s:.1f}",
        f"{timing.megapixels_per_s:.2f}",
        f"{timing.count:,}",
        _difference(timing.changes),
    )
    return _line([trial.device, trial.precision, f"{info.number_type} {info.device}", *figures])


def _difference(changes: Changes | None) -> str:
    return "unknown" if changes is None else f"+{changes.added} / -{changes.removed}"


def _line(cells: list[str]) -> str:
    return " ".join(f"{cell:{width}}" for cell, (_, width) in zip(cells, COLUMNS, strict=True)).rstrip()


def _record(timing: Timing) -> dict[str, object]:
    info, changes = timing.engine_info, timing.changes
    return {
        "device": timing.trial.device,
        "precision": timing.trial.precision,
        "ran_on": info.device if info else None,
        "number_type": info.number_type if info else None,
        "ready_s": timing.ready_s,
        "network_s": timing.network_s,
        "field_s": timing.field_s,
        "tiles": timing.tiles,
        "tiles_per_s": timing.tiles_per_s,
        "megapixels_per_s": timing.megapixels_per_s,
        "count": timing.count,
        "added": changes.added if changes else None,
        "removed": changes.removed if changes else None,
        "problem": timing.problem,
    }
