"""The models of a run: the one that finds cells, and the one that outlines them where it finds boxes only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from napari_cellvino.core.errors import ModelPackageError
from napari_cellvino.core.recipe import Precision, Recipe
from napari_cellvino.model_package import ModelPackage, find_package
from napari_cellvino.segmentation.heads import head_parameters
from napari_cellvino.segmentation.refine import check_refiner
from napari_cellvino.segmentation.stitch_z import JOINING


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A recipe with its verified models: the one that finds cells, and the one that outlines them, if any."""

    recipe: Recipe
    package: ModelPackage
    outline: ModelPackage | None = None

    @property
    def label(self) -> str:
        """Names and versions of the models, as layers show them."""
        return " + ".join(model.label for model in (self.package, self.outline) if model is not None)

    @property
    def models(self) -> tuple[str, ...]:
        """Fingerprints of the models."""
        return tuple(model.sha256 for model in (self.package, self.outline) if model is not None)


def find_outline(recipe: Recipe, package: ModelPackage) -> ModelPackage | None:
    """Return the verified model that outlines what ``package`` finds, or None where the recipe names none.

    Raises
    ------
    ModelPackageError
        If there is no such model.
    OptionError
        If one of the two is of another kind.
    """
    if not recipe.outline:
        return None
    outline = find_package(recipe.outline)
    check_refiner(package.spec, outline.spec)
    return outline


def precision_of(outline: ModelPackage, recipe: Recipe) -> Precision:
    """Return the precision that a model of masks runs at: the recipe's, or Fast where it has no such weights."""
    return recipe.precision if recipe.precision in outline.precisions else Precision.FAST


def check_hashes(recipe: Recipe, package: ModelPackage, outline: ModelPackage | None) -> None:
    """Raise ModelPackageError if the recipe was made with other versions of its models."""
    found = {"model": (recipe.model, recipe.model_sha256, package.sha256)}
    if outline is not None:
        found["outline"] = (recipe.outline, recipe.outline_sha256, outline.sha256)
    for choice, (name, wanted, sha256) in found.items():
        if wanted not in ("", sha256):
            raise ModelPackageError(
                f"the recipe was made with another {name} ({wanted[:12]}… instead of {sha256[:12]}…); "
                f"install that version, or empty {choice}_sha256 in the recipe to use this one"
            )


def for_model(recipe: Recipe, package: ModelPackage, choices: Mapping[str, object]) -> Recipe:
    """Return a recipe for another model: what was not chosen with it and does not fit it is at its default."""
    fitting: dict[str, object] = {} if "parameters" in choices else {"parameters": {}}
    if recipe.precision not in package.precisions:
        fitting["precision"] = Precision.FAST
    if package.spec.task != "detection" and "outline" not in choices:
        fitting["outline"] = ""
    return recipe.model_copy(update=fitting)


def without_parameters_of(recipe: Recipe, outline: ModelPackage) -> Recipe:
    """Return a recipe without the parameters of a model that outlined."""
    names = {p.name for p in head_parameters(outline.spec)}
    return recipe.model_copy(update={"parameters": {k: v for k, v in recipe.parameters.items() if k not in names}})


def for_z(recipe: Recipe) -> Recipe:
    """Return a recipe without the parameters of joining where it joins nothing along z."""
    if recipe.z_choice.joined:
        return recipe
    names = {p.name for p in JOINING}
    return recipe.model_copy(update={"parameters": {k: v for k, v in recipe.parameters.items() if k not in names}})
