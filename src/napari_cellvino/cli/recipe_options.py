"""From typed choices to a recipe."""

from __future__ import annotations

import argparse

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.image import Spacing
from napari_cellvino.core.recipe import Recipe, load_recipe, make_recipe
from napari_cellvino.core.settings import load_settings
from napari_cellvino.segmentation.pipeline import without_unused_parameters


def recipe_from(options: argparse.Namespace) -> Recipe:
    """Return the recipe file's choices (else the defaults and the device of the settings) with those typed over them.

    Raises
    ------
    OptionError
        If a choice is impossible.
    """
    path = getattr(options, "recipe", None)
    base = load_recipe(path) if path else Recipe(device=load_settings().device)
    typed: dict[str, object] = {
        name: getattr(options, name)
        for name in ("model", "device", "precision", "channel", "z", "frame", "axes")
        if getattr(options, name) is not None
    }
    if options.pixel_size is not None:
        typed["spacing_um"] = Spacing(None, options.pixel_size, options.pixel_size)
    if options.diameter is not None:
        typed["diameter_px"] = options.diameter
    other_model = typed.get("model", base.model) != base.model
    if other_model:
        typed |= {"model_sha256": "", "outline": "", "outline_sha256": ""}
    outline = getattr(options, "outline", None)
    if outline is not None:
        other_outline = outline != base.outline
        typed |= {"outline": outline} | ({"outline_sha256": ""} if other_outline else {})
    along_z = make_recipe(base.model_dump() | {"z": typed.get("z", base.z)})
    kept = {} if other_model else without_unused_parameters(along_z).parameters
    typed["parameters"] = kept | dict(_assignment(text) for text in options.set)
    return make_recipe(base.model_dump() | typed, source="the options")


def _assignment(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        why = "is no number" if equals else "has no '='"
        raise OptionError(f"--set {text!r} {why}; write it like --set confidence=0.6") from None
