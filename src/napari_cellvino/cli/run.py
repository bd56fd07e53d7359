"""``cellvino run``: images in, results out."""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from napari_cellvino import __version__
from napari_cellvino.cli.plates import plate_input, work_on_plate
from napari_cellvino.cli.progress_report import Reporter
from napari_cellvino.cli.recipe_options import recipe_from
from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.engines.openvino import OpenVinoEngine
from napari_cellvino.model_package import ModelPackage, find_package
from napari_cellvino.results.field_result import resolved, values_of
from napari_cellvino.results.folder import write_text
from napari_cellvino.segmentation.pipeline import check_hashes, find_outline, precision_of
from napari_cellvino.segmentation.refine import MaskRefiner
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.workflows.run_folder import FieldOutcome, RunContext, list_inputs, run_batch


def run(options: argparse.Namespace) -> int:
    """Run the recipe on all inputs; 0 when every field was done, else 1."""
    context = _run_context(options)
    source = plate_input(options, context.recipe.overrides)
    files = list_inputs(options.inputs)
    started = time.time()
    _write_run_info(context, _run_info(context, [], started))  # tells before the work whether the folder can be written
    if source is not None:
        if context.recipe.frame == 0:
            raise OptionError("a plate is run one time point at a time; write --frame N instead of --frame all")
        done = work_on_plate(source, context, options)
    else:
        done = _work(files, context, Reporter(len(files), quiet=options.json))
    facts = _run_info(context, done, started) | {"complete": True}
    _write_run_info(context, facts)
    if options.json:
        print(json_text({"fields": [d.row for d in done], "run": facts}), end="")
    return int(any(d.failed for d in done))


def _run_context(options: argparse.Namespace) -> RunContext:
    recipe = recipe_from(options)
    package = find_package(recipe.model)
    outline = find_outline(recipe, package)
    recipe = _resolved(recipe, package, outline)
    engine = OpenVinoEngine(package, device=recipe.device, precision=recipe.precision)
    refiner = None
    if outline is not None:
        second = OpenVinoEngine(outline, device=recipe.device, precision=precision_of(outline, recipe))
        refiner = MaskRefiner(outline, second)
    return RunContext(options.out, recipe, package, engine, options.overwrite, refiner)


def _write_run_info(context: RunContext, facts: dict[str, object]) -> None:
    write_text(context.root / "run.json", json_text(facts))


def _resolved(recipe: Recipe, package: ModelPackage, outline: ModelPackage | None) -> Recipe:
    """Return the recipe with every parameter and the models' hashes written out."""
    check_hashes(recipe, package, outline)
    values = values_of(recipe, package, outline)
    return resolved(recipe, package, outline).model_copy(update={"parameters": values})


def _work(files: Sequence[Path], context: RunContext, reporter: Reporter) -> list[FieldOutcome]:
    done = finish(run_batch(files, context), reporter.tell)
    reporter.end(done)
    return done


def _run_info(context: RunContext, done: Sequence[FieldOutcome], started: float) -> dict[str, object]:
    names = ("numpy", "scipy", "scikit-image", "openvino", "tifffile")
    return {
        "napari-cellvino": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "versions": {name: version(name) for name in names},
        "model": _model_info(context.package),
        **({"outline": _model_info(context.outline)} if context.outline else {}),
        "recipe": context.recipe.fingerprint(),
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


def _model_info(package: ModelPackage) -> dict[str, str]:
    return {"name": package.label, "sha256": package.sha256}
