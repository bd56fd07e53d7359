"""``cellvino run``: images in, results out."""

from __future__ import annotations

import argparse
import sys

from napari_cellvino.cli.plates import plate_input, run_plate_inputs
from napari_cellvino.cli.progress_report import Reporter
from napari_cellvino.cli.recipe_options import engines_from, recipe_from
from napari_cellvino.cli.track import track_films
from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.progress import finish
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.segmentation.pipeline import Pipeline, make_pipeline
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.workflows.run_fields import RunResult
from napari_cellvino.workflows.run_folder import describe_inputs, list_inputs, run_folder


def run(options: argparse.Namespace) -> int:
    """Run the recipe on all inputs, or track the films; 0 when every field was done, else 1."""
    if options.track:
        return track_films(options.inputs, options)
    pipeline = make_pipeline(recipe_from(options))
    with engines_from(options, pipeline.recipe) as engines:
        result = _run(pipeline, engines, options)
    if options.json:
        print(json_text({"fields": [o.row for o in result.outcomes], "run": result.info}), end="")
    return int(result.failed)


def _run(pipeline: Pipeline, engines: EngineProvider, options: argparse.Namespace) -> RunResult:
    source = plate_input(options, pipeline.recipe.overrides)
    if source is not None:
        if pipeline.recipe.frame == 0:
            raise OptionError("a plate is run one time point at a time; write --frame N instead of --frame all")
        return run_plate_inputs(source, pipeline, engines, options)
    files = list_inputs(options.inputs, pipeline.recipe.pattern)
    if not options.json:
        for said in describe_inputs(options.inputs, pipeline.recipe.pattern):
            print(said, file=sys.stderr)
    reporter = Reporter(len(files), quiet=options.json)
    result = finish(run_folder(files, pipeline, options.out, engines, overwrite=options.overwrite), reporter.report)
    reporter.end(result.outcomes)
    return result
