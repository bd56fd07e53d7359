"""``cellvino run``: images in, results out."""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from napari_cellvino import __version__
from napari_cellvino.cli.choices import recipe_from
from napari_cellvino.cli.plates import plate_input, work_on_plate
from napari_cellvino.cli.report import Reporter
from napari_cellvino.errors import OptionError
from napari_cellvino.inference.openvino import OpenVinoEngine
from napari_cellvino.inference.outline import Outliner
from napari_cellvino.inference.progress import finish
from napari_cellvino.jobs.batch import Bench, FieldDone, list_inputs, run_batch
from napari_cellvino.jobs.field import resolved, values_of
from napari_cellvino.jobs.json_text import json_text
from napari_cellvino.jobs.models import check_hashes, find_outline, precision_of
from napari_cellvino.jobs.results import write_text
from napari_cellvino.package import ModelPackage, find_package
from napari_cellvino.recipe import Recipe


def run(options: argparse.Namespace) -> int:
    """Run the recipe on all inputs; 0 when every field was done, else 1."""
    bench = _bench(options)
    source = plate_input(options, bench.recipe.wishes)
    files = list_inputs(options.inputs)
    started = time.time()
    _write_facts(bench, _run_facts(bench, [], started))  # tells before the work whether the folder can be written
    if source is not None:
        if bench.recipe.frame == 0:
            raise OptionError("a plate is run one time point at a time; write --frame N instead of --frame all")
        done = work_on_plate(source, bench, options)
    else:
        done = _work(files, bench, Reporter(len(files), quiet=options.json))
    facts = _run_facts(bench, done, started) | {"complete": True}
    _write_facts(bench, facts)
    if options.json:
        print(json_text({"fields": [d.row for d in done], "run": facts}), end="")
    return int(any(d.failed for d in done))


def _bench(options: argparse.Namespace) -> Bench:
    recipe = recipe_from(options)
    package = find_package(recipe.model)
    outline = find_outline(recipe, package)
    recipe = _resolved(recipe, package, outline)
    engine = OpenVinoEngine(package, device=recipe.device, precision=recipe.precision)
    outliner = None
    if outline is not None:
        second = OpenVinoEngine(outline, device=recipe.device, precision=precision_of(outline, recipe))
        outliner = Outliner(outline, second)
    return Bench(options.out, recipe, package, engine, options.overwrite, outliner)


def _write_facts(bench: Bench, facts: dict[str, object]) -> None:
    write_text(bench.root / "run.json", json_text(facts))


def _resolved(recipe: Recipe, package: ModelPackage, outline: ModelPackage | None) -> Recipe:
    """Return the recipe with every parameter and the models' hashes written out."""
    check_hashes(recipe, package, outline)
    values = values_of(recipe, package, outline)
    return resolved(recipe, package, outline).model_copy(update={"parameters": values})


def _work(files: Sequence[Path], bench: Bench, reporter: Reporter) -> list[FieldDone]:
    done = finish(run_batch(files, bench), reporter.tell)
    reporter.end(done)
    return done


def _run_facts(bench: Bench, done: Sequence[FieldDone], started: float) -> dict[str, object]:
    names = ("numpy", "scipy", "scikit-image", "openvino", "tifffile")
    return {
        "napari-cellvino": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "versions": {name: version(name) for name in names},
        "model": _model_facts(bench.package),
        **({"outline": _model_facts(bench.outline)} if bench.outline else {}),
        "recipe": bench.recipe.fingerprint(),
        "complete": False,
        "devices": sorted({f"{d.facts.device} {d.facts.number_type}" for d in done if d.facts}),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(started)),
        "seconds": round(time.time() - started, 3),
        "fields": [
            {"folder": d.row["folder"], "file": d.row["file"], "seconds": round(d.seconds, 3), "kept": d.kept}
            | ({"notices": list(d.notices)} if d.notices else {})
            | ({"traceback": d.traceback} if d.traceback else {})
            for d in done
        ],
    }


def _model_facts(package: ModelPackage) -> dict[str, str]:
    return {"name": package.label, "sha256": package.sha256}
