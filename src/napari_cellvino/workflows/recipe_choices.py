"""From single choices to a recipe: the same for options that were typed and for keywords of Python."""

from __future__ import annotations

from collections.abc import Mapping

from napari_cellvino.core.recipe import Recipe, make_recipe
from napari_cellvino.core.settings import load_settings
from napari_cellvino.segmentation.pipeline import without_unused_parameters


def default_recipe() -> Recipe:
    """Return the defaults, with the device of the user's settings.

    Raises
    ------
    OptionError
        If the settings cannot be read.
    """
    return Recipe(device=load_settings().device)


def apply_choices(
    base: Recipe, choices: Mapping[str, object], values: Mapping[str, float], *, source: str = "the choices"
) -> Recipe:
    """Return a recipe with some choices made anew.

    Parameters
    ----------
    base
        What holds where nothing is chosen. Of another model's recipe, hashes, outline and parameters do not.
    choices
        By the names of the recipe's fields, without ``parameters``.
    values
        Parameters of the models' heads.
    source
        Where the choices come from, for errors.

    Raises
    ------
    OptionError
        If a choice is impossible.
    """
    chosen = dict(choices)
    other_model = chosen.get("model", base.model) != base.model
    if other_model:
        chosen = {"model_sha256": "", "outline": "", "outline_sha256": ""} | chosen
    if chosen.get("outline", base.outline) != base.outline:
        chosen["outline_sha256"] = ""
    steps = {name: chosen.get(name, getattr(base, name)) for name in ("z", "whole_cells", "spots")}
    same_steps = make_recipe(base.model_dump() | steps)
    kept = {} if other_model else without_unused_parameters(same_steps).parameters
    chosen["parameters"] = kept | dict(values)
    return make_recipe(base.model_dump() | chosen, source=source)
