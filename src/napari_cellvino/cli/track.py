"""``cellvino track``: a film in, tracks, lineage and measures out."""

from __future__ import annotations

import argparse
import sys

from napari_cellvino.cli.film_bar import FilmBar
from napari_cellvino.cli.recipe_options import recipe_from
from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.progress import finish
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.segmentation.pipeline import make_pipeline
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.tracking.linking import LinkOptions
from napari_cellvino.workflows.film import open_film
from napari_cellvino.workflows.film_labels import FilmLabels, FoundLabels, open_labels
from napari_cellvino.workflows.track_film import TrackedFilm, TrackRequest, track_film


def run(options: argparse.Namespace) -> int:
    """Track a film and write its results; 0 when that was done."""
    if options.frame is not None:
        raise OptionError("a film is tracked over all its time points; leave --frame out")
    recipe = recipe_from(options)
    film = open_film(options.input, recipe.overrides)
    with EngineProvider() as engines:
        labels: FilmLabels
        choices: dict[str, object]
        if options.masks is not None:
            labels, choices = open_labels(options.masks, film), {"masks": options.masks.name}
        else:
            pipeline = make_pipeline(recipe)
            labels = FoundLabels(film, pipeline, engines)
            choices = {"recipe": pipeline.recipe.model_dump(mode="json")}
        work = track_film(film, labels, _request(options, choices))
        with FilmBar(film.name, quiet=options.json) as bar:
            tracked = finish(work, bar.report)
    _say(tracked, options)
    return 0


def _request(options: argparse.Namespace, choices: dict[str, object]) -> TrackRequest:
    return TrackRequest(
        LinkOptions(options.reach, options.end_cost, options.division_cost, options.gap),
        options.interval,
        options.out,
        overwrite=options.overwrite,
        formats=tuple(name for text in options.to for name in text.split(",")),
        choices=choices,
    )


def _say(tracked: TrackedFilm, options: argparse.Namespace) -> None:
    summary = tracked.tables.summary
    if options.json:
        print(json_text(summary | {"folder": str(tracked.folder)}), end="")
        return
    counts = ", ".join(f"{summary[name]:,} {name}" for name in ("frames", "cells", "tracks", "divisions"))
    print(f"{tracked.folder}: {counts}", file=sys.stderr)
    for notice in tracked.notices:
        print(f"  {notice}", file=sys.stderr)
