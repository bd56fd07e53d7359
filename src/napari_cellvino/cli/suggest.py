"""``cellvino suggest``: which model suits an image, with what each of them finds in a crop of it."""

from __future__ import annotations

import argparse

from napari_cellvino.core.image import MetadataOverrides
from napari_cellvino.core.progress import finish
from napari_cellvino.core.settings import load_settings
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.io import open_as
from napari_cellvino.model_package import find_package
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.workflows.first_sight import FirstSight, Suggestion, panels_of
from napari_cellvino.workflows.suggest_models import suggest_models


def run(options: argparse.Namespace) -> int:
    """Print the models, the best first; 1 when none suits the image."""
    source = open_as(
        options.image.absolute(), MetadataOverrides(options.axes, level=options.level, region=options.region)
    )
    stack = source.read(source.positions[0])
    with EngineProvider() as engines:
        device = options.device or load_settings().device
        packages = [find_package(name) for name in options.model] or None
        looking = suggest_models(stack, engines, device=device, frame=options.frame, packages=packages)
        sight = finish(looking)
    if options.picture is not None:
        from napari_cellvino.figures.model_panels import write_panels

        write_panels(options.picture, panels_of(sight))
    print(json_text(_record(sight)) if options.json else _text(sight), end="" if options.json else "\n")
    return int(sight.best is None)


def _text(sight: FirstSight) -> str:
    lines = [f"{sight.image}: {sight.says}"]
    lines += [f"  {one.model:16} {one.score:4.2f}  {one.says}: {one.reason}" for one in sight.suggestions]
    if sight.best is not None:
        lines.append(f"run it with: cellvino run IMAGE --out DIR {_typed(sight.best)}")
    return "\n".join([*lines, *sight.notices])


def _typed(best: Suggestion) -> str:
    """Return the options to type."""
    names = {"model": "--model", "channel": "--channel", "diameter_px": "--diameter"}
    given = {names[key]: value for key, value in best.choices.items() if value is not None}
    return " ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in given.items()
    )


def _record(sight: FirstSight) -> dict[str, object]:
    best = sight.best
    return {
        "image": sight.image,
        "best": best.model if best else None,
        "says": sight.says,
        "suggestions": [_suggestion(one) for one in sight.suggestions],
        "notices": list(sight.notices),
    }


def _suggestion(one: Suggestion) -> dict[str, object]:
    return {
        "model": one.model,
        "title": one.title,
        "score": round(one.score, 3),
        "fits": one.fits,
        "count": one.count,
        "diameter_px": one.diameter_px,
        "channel": one.channel,
        "reason": one.reason,
        "crop": list(one.box),
        "choices": dict(one.choices),
    }
