"""From typed choices to a recipe."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.image import KeepDoubles, MetadataOverrides, Spacing
from napari_cellvino.core.recipe import OF_INPUTS, Recipe, SpotPlanes, WholeCellWay, load_recipe
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.engines.remote.address import is_address, parse_address
from napari_cellvino.workflows.named_pipelines import named_recipe
from napari_cellvino.workflows.recipe_choices import apply_choices, default_recipe


def recipe_from(options: argparse.Namespace, file: Path | None = None) -> Recipe:
    """Return the recipe file's choices (else the defaults and the device of the settings) with those typed over them.

    ``file`` takes the place of the recipe file, or the pipeline, that was typed.

    Raises
    ------
    OptionError
        If a choice is impossible.
    """
    path = file or getattr(options, "recipe", None)
    name = None if file else getattr(options, "pipeline", None)
    if path and name:
        raise OptionError("a recipe and a pipeline are two beginnings; give --recipe or --pipeline")
    base = load_recipe(path) if path else named_recipe(name, default_recipe()) if name else default_recipe()
    typed: dict[str, object] = {
        name: getattr(options, name)
        for name in ("model", "device", "precision", "channel", "z", "frame", "axes", *OF_INPUTS)
        if getattr(options, name, None) is not None
    }
    if getattr(options, "engine", None) is not None:
        typed["device"] = _server_of(options)
    if options.pixel_size is not None:
        typed["spacing_um"] = Spacing(None, options.pixel_size, options.pixel_size)
    if options.diameter is not None:
        typed["diameter_px"] = options.diameter
    if getattr(options, "outline", None) is not None:
        typed["outline"] = options.outline
    if options.whole_cells is not None:
        typed["whole_cells"] = None if options.whole_cells == "none" else options.whole_cells
        typed |= {"cell_channel": ""} if options.whole_cells != "propagate" else {}
    if options.cell_channel is not None:
        typed |= {"cell_channel": options.cell_channel}
        typed.setdefault("whole_cells", WholeCellWay.PROPAGATE)
    if options.spots is not None:
        typed["spots"] = None if options.spots == "none" else options.spots
    for name in ("spot_channel", "spot_partner"):
        if getattr(options, name) is not None:
            typed |= {name: getattr(options, name)}
            typed.setdefault("spots", base.spots or SpotPlanes.STACK)
    values = dict(_assignment(text) for text in options.set)
    return apply_choices(base, typed, values, source="the options")


def _server_of(options: argparse.Namespace) -> str:
    """Return the address of the server that was typed."""
    if options.device is not None:
        raise OptionError("a network runs on a server (--engine) or on a device here (--device); give one of them")
    parse_address(options.engine)
    return str(options.engine)


def engines_from(options: argparse.Namespace, *recipes: Recipe | None) -> EngineProvider:
    """Return the engines of a command, after saying where pixels go if they leave the computer."""
    given = (getattr(options, "engine", None), options.device)
    typed = [address for address in given if address and is_address(address)]
    for address in dict.fromkeys(recipe.device for recipe in recipes if recipe is not None):
        if is_address(address):
            print(f"pixels of tiles go to {parse_address(address).server}, and nothing else does", file=sys.stderr)
    return EngineProvider(servers=typed, fallback=getattr(options, "engine_fallback", ""))


def overrides_from(options: argparse.Namespace) -> MetadataOverrides:
    """Return what was typed on how files and folders are taken."""
    keep = None if options.keep_doubles is None else KeepDoubles(options.keep_doubles)
    return MetadataOverrides(
        pattern=options.pattern or "",
        acquisition=options.acquisition or "",
        keep_doubles=keep,
        level=options.level or 0,
        region=options.region or "",
    )


def _assignment(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        why = "is no number" if equals else "has no '='"
        raise OptionError(f"--set {text!r} {why}; write it like --set confidence=0.6") from None
