"""``cellvino track``: a film in, tracks, lineage and measures out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from napari_cellvino.cli.film_bar import FilmBar
from napari_cellvino.cli.recipe_options import engines_from, recipe_from
from napari_cellvino.cli.stop_signals import stopped_by_signals
from napari_cellvino.cli.track_options import linking_from
from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.segmentation.pipeline import make_pipeline
from napari_cellvino.service.follow_film import Patience, follow_film
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.workflows.film import open_film
from napari_cellvino.workflows.film_labels import FilmLabels, FoundLabels, FoundOfGrowing, GivenOfGrowing, open_labels
from napari_cellvino.workflows.growing_film import GrowingTracks, LabelsOf
from napari_cellvino.workflows.track_film import TrackedFilm, TrackRequest, linking_alone, track_film

OF_FIELDS = ("cluster", "map", "workers", "only", "wells", "fields", "layout", "labels_back", "plate")


def run(options: argparse.Namespace) -> int:
    """Track a film and write its results; 0 when that was done."""
    return track_films([options.input], options)


def track_films(inputs: Sequence[Path], options: argparse.Namespace) -> int:
    """Track films one after the other, each frame by frame, and write their results; 0 when all were done."""
    if options.frame is not None:
        raise OptionError("a film is tracked over all its time points; leave --frame out")
    typed = [f"--{name.replace('_', '-')}" for name in OF_FIELDS if getattr(options, name, None)]
    if typed:
        raise OptionError(
            f"{', '.join(typed)}: of fields that are run by themselves; the frames of a film follow each other, here, "
            "and are tracked in one process; leave it out"
        )
    recipes = dict(getattr(options, "recipes", {}))
    film = recipes.pop("film", None)
    if recipes:
        raise OptionError(f"films are tracked, and --recipe {next(iter(recipes))}=… is for none of them; leave it out")
    recipe = linking_from(options, recipe_from(options, film))
    summaries = []
    with engines_from(options, recipe) as engines:
        for path in inputs:
            summaries.append(_track(path, recipe, engines, options))
    if options.json:
        print(json_text(summaries[0] if len(summaries) == 1 else {"films": summaries}), end="")
    return 0


def _track(path: Path, recipe: Recipe, engines: EngineProvider, options: argparse.Namespace) -> dict[str, object]:
    if options.follow is not None:
        return _follow(path, recipe, engines, options)
    film = open_film(path, recipe.overrides)
    labels: FilmLabels
    if options.masks is not None:
        labels, made_with = open_labels(options.masks, film), linking_alone(recipe)
    else:
        pipeline = make_pipeline(recipe)
        labels, made_with = FoundLabels(film, pipeline, engines), pipeline.recipe
    with FilmBar(film.name, quiet=options.json) as bar:
        tracked = finish(track_film(film, labels, _request(options, made_with)), bar.report)
    if not options.json:
        _say(tracked, bar)
    return _summary(tracked, bar)


def _summary(tracked: TrackedFilm, bar: FilmBar) -> dict[str, object]:
    return tracked.tables.summary | {"folder": str(tracked.folder), "frames_per_second": round(bar.rate, 2)}


def _follow(path: Path, recipe: Recipe, engines: EngineProvider, options: argparse.Namespace) -> dict[str, object]:
    """Track a folder while frames are written into it."""
    if not path.is_dir():
        raise OptionError(f"{path} is no folder, and only a folder of frames can be followed; leave --follow out")
    if options.tracks is not None:
        raise OptionError("--tracks is of a whole film, and --follow tracks one that grows; leave one of them out")
    if options.masks is not None:
        labels_of: LabelsOf = GivenOfGrowing(options.masks)
        made_with = linking_alone(recipe)
    else:
        pipeline = make_pipeline(recipe)
        labels_of, made_with = FoundOfGrowing(pipeline, engines), pipeline.recipe
    patience = Patience(options.settle, options.follow, min(1.0, max(options.settle, 0.05)))
    tracks = GrowingTracks(path, labels_of, _request(options, made_with), recipe.overrides)
    with closing(tracks), stopped_by_signals() as stop, FilmBar(path.absolute().name, quiet=options.json) as bar:
        tracked = finish(follow_film(path, tracks, patience, stop), bar.report)
    if tracked is None:
        if not options.json:
            print(f"{tracks.folder}: no new frames in {path}", file=sys.stderr)
        return {"folder": str(tracks.folder), "frames_new": 0}
    if not options.json:
        _say(tracked, bar)
    return _summary(tracked, bar)


def _request(options: argparse.Namespace, recipe: Recipe) -> TrackRequest:
    return TrackRequest(
        recipe,
        options.interval,
        options.out,
        overwrite=options.overwrite,
        strips=options.strips,
        formats=tuple(name for text in options.to for name in text.split(",")),
        masks="" if options.masks is None else options.masks.name,
        tracks=options.tracks,
    )


def _say(tracked: TrackedFilm, bar: FilmBar) -> None:
    summary = tracked.tables.summary
    known = [(int(str(summary[f"{name}s"])), name) for name in ("frame", "cell", "track", "division")]
    counts = ", ".join(f"{count:,} {name}{'s' * (count != 1)}" for count, name in known)
    print(f"{tracked.folder}: {counts} ({bar.rate:.1f} frames per second)", file=sys.stderr)
    for notice in tracked.notices:
        print(f"  {notice}", file=sys.stderr)
