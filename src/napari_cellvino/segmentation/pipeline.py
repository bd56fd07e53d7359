"""The processing of a field as one frozen value: a recipe's steps with verified models and checked parameters.

`make_pipeline` is the only place that makes one; window, command line and plate runs all use it. A step declares its
input and output, so that steps can be chained without knowing each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from napari_cellvino.core.errors import ModelPackageError, OptionError
from napari_cellvino.core.image import MetadataOverrides
from napari_cellvino.core.recipe import Precision, Recipe
from napari_cellvino.engines.remote.address import is_address
from napari_cellvino.model_package import ModelInput, ModelOutput, ModelPackage, find_package
from napari_cellvino.segmentation.heads import FRAGMENTS, Parameter, check_parameters, head_parameters
from napari_cellvino.segmentation.refine import check_refiner
from napari_cellvino.segmentation.signal_test import signal_parameters
from napari_cellvino.segmentation.spots.step import PAIR_DISTANCE, SPOT_PARAMETERS, check_spots, spot_step_of
from napari_cellvino.segmentation.stitch_z import STITCHING, stitching_parameters
from napari_cellvino.segmentation.whole_cells import ALL_CELL_PARAMETERS, WholeCells, check_whole_cells, whole_cells_of


@dataclass(frozen=True, slots=True)
class Step:
    """One model of a pipeline, and its precision."""

    package: ModelPackage
    precision: Precision

    @property
    def takes(self) -> ModelInput:
        """Kind of input."""
        return self.package.spec.takes

    @property
    def gives(self) -> ModelOutput:
        """Kind of output."""
        return self.package.spec.gives

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Adjustable parameters, with the model's defaults."""
        return head_parameters(self.package.spec)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A recipe with its verified models: one step finds cells, an optional second one outlines them.

    Where they are nuclei, an optional step without a model makes whole cells of them; another one finds spots, and then
    ``find`` may be None. ``recipe`` holds the hashes of the models and the value of every parameter.
    """

    recipe: Recipe
    find: Step | None
    refine: Step | None = None

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps, in order."""
        return tuple(step for step in (self.find, self.refine) if step is not None)

    @property
    def package(self) -> ModelPackage:
        """The model that finds cells.

        Raises
        ------
        OptionError
            If only spots are sought.
        """
        if self.find is None:
            raise OptionError("this recipe finds spots and no cells: it has no model; name one")
        return self.find.package

    @property
    def outline(self) -> ModelPackage | None:
        """The model that outlines the cells, or None."""
        return self.refine.package if self.refine else None

    @property
    def whole_cells(self) -> WholeCells | None:
        """The step that makes whole cells of nuclei, or None."""
        return whole_cells_of(self.recipe)

    @property
    def label(self) -> str:
        """Names and versions of the models, for layer names."""
        return " + ".join(step.package.label for step in self.steps)

    @property
    def models(self) -> tuple[str, ...]:
        """SHA-256 hashes of the models."""
        return tuple(step.package.sha256 for step in self.steps)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes of cells, those of the model first."""
        return self.recipe.with_new_classes(self.find.package.spec.classes) if self.find else ()

    @property
    def values(self) -> dict[str, float]:
        """The value of every parameter."""
        return dict(self.recipe.parameters)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters of all steps, of z-stitching, of whole cells and of spots."""
        return parameters_of(self.recipe, self._found_by, self.outline)

    @property
    def _found_by(self) -> ModelPackage | None:
        return self.find.package if self.find else None

    def with_values(self, values: Mapping[str, float]) -> Pipeline:
        """Return the pipeline with other values of some parameters.

        Raises
        ------
        OptionError
            If a name is unknown or a value out of range.
        """
        return self.with_choices(parameters=self.values | dict(values))

    def with_overrides(self, overrides: MetadataOverrides) -> Pipeline:
        """Return the pipeline for an image with the user's metadata overrides."""
        return replace(self, recipe=self.recipe.with_overrides(overrides))

    def with_choices(self, **choices: object) -> Pipeline:
        """Return the pipeline with other recipe settings, apart from the models; parameters are checked again.

        Raises
        ------
        OptionError
            If a value is out of range, or whole cells cannot be made so.
        """
        recipe = without_unused_parameters(self.recipe.model_copy(update=choices))
        check_spots(recipe)
        if self.find is not None:
            check_whole_cells(recipe, self.package.spec, self.outline.spec if self.outline else None)
        values = check_values(recipe, self._found_by, self.outline)
        return replace(self, recipe=recipe.model_copy(update={"parameters": values}))


def make_pipeline(recipe: Recipe, packages: Iterable[ModelPackage] = ()) -> Pipeline:
    """Return the pipeline of a recipe.

    Parameters
    ----------
    recipe
        The settings; parameters that are not given have their defaults.
    packages
        Models already verified; others are searched and verified, which reads all their files.

    Raises
    ------
    ModelPackageError
        If a model is missing, broken, or another version than the recipe's.
    OptionError
        If the two models do not fit each other, whole cells cannot be made so, a gate gives a class of the model, a
        parameter is unknown or a value out of range.
    """
    check_spots(recipe)
    if not recipe.model:
        return Pipeline(recipe.model_copy(update={"parameters": check_values(recipe, None)}), None)
    packages = tuple(packages)
    known = {package.spec.name: package for package in packages} | {str(p.folder): p for p in packages}
    package = known.get(recipe.model) or find_package(recipe.model)
    outline = known.get(recipe.outline) or find_package(recipe.outline) if recipe.outline else None
    if outline is not None:
        check_refiner(package.spec, outline.spec)
    check_whole_cells(recipe, package.spec, outline.spec if outline else None)
    _check_hashes(recipe, package, outline)
    precision = resolve_precision(recipe, package)
    chosen = {
        "model_sha256": package.sha256,
        "outline_sha256": outline.sha256 if outline else "",
        "precision": precision,
        "parameters": check_values(recipe, package, outline),
    }
    refine = None if outline is None else Step(outline, _precision_of(outline, recipe))
    return Pipeline(recipe.model_copy(update=chosen), Step(package, precision), refine)


def resolve_precision(recipe: Recipe, package: ModelPackage) -> Precision:
    """Return the precision that a model runs at: the recipe's, or what its card and the device allow."""
    if recipe.precision is not Precision.AUTO:
        return recipe.precision
    return automatic_precision(package, recipe.device)


def automatic_precision(package: ModelPackage, device: str) -> Precision:
    """Return the precision that a model runs at on a device where nobody says: a server has its own weights."""
    return Precision.FAST if is_address(device) else package.automatic_precision


def _check_rules(recipe: Recipe, classes: tuple[str, ...]) -> None:
    """Raise OptionError where gates or a classifier have no cells to decide on, or give a class of the model."""
    if recipe.has_rules and not recipe.model:
        raise OptionError("this recipe has gates or a classifier, and no model that finds cells; name one")
    taken = [name for name in recipe.new_classes if name in classes]
    if taken:
        raise OptionError(
            f"a gate or classifier gives the class {taken[0]!r}, which the model gives itself; choose another name"
        )


def parameters_of(recipe: Recipe, package: ModelPackage | None, outline: ModelPackage | None) -> tuple[Parameter, ...]:
    """Return the adjustable parameters: those of the models' heads, and of the steps that need no model."""
    if package is None:
        return _without_model(recipe)
    unused = _unused_in(recipe)
    heads = (p for p in head_parameters(package.spec, outline.spec if outline else None) if p.name not in unused)
    return (*heads, *signal_parameters(package.spec), *_without_model(recipe))


def _unused_in(recipe: Recipe) -> tuple[str, ...]:
    """Return the parameters of heads that a run does not use: in 3D, fragments are told by their volume."""
    return (FRAGMENTS,) if recipe.z_choice.joined else ()


def _without_model(recipe: Recipe) -> tuple[Parameter, ...]:
    """Return the parameters of z-stitching, of whole cells and of spots, where a recipe asks for them."""
    asked = (step.parameters for step in (whole_cells_of(recipe), spot_step_of(recipe)) if step is not None)
    return (*stitching_parameters(recipe.z_choice), *(parameter for parameters in asked for parameter in parameters))


def check_values(recipe: Recipe, package: ModelPackage | None, outline: ModelPackage | None = None) -> dict[str, float]:
    """Return the value of every parameter of a run.

    Raises
    ------
    OptionError
        If a name is unknown or a value out of range, or a gate or classifier gives a class of the model.
    """
    _check_rules(recipe, package.spec.classes if package else ())
    more = (*(signal_parameters(package.spec) if package else ()), *_without_model(recipe))
    values = check_parameters(
        package.spec if package else None, recipe.parameters, outline.spec if outline else None, more
    )
    unused = _unused_in(recipe)
    return {name: value for name, value in values.items() if name not in unused}


def _precision_of(outline: ModelPackage, recipe: Recipe) -> Precision:
    """Return the precision of the mask model: the recipe's, or Fast where it has no such weights."""
    precision = resolve_precision(recipe, outline)
    return precision if precision in outline.precisions else Precision.FAST


def _check_hashes(recipe: Recipe, package: ModelPackage, outline: ModelPackage | None) -> None:
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


def fit_to_model(recipe: Recipe, package: ModelPackage, choices: Mapping[str, object]) -> Recipe:
    """Return a recipe for another model: settings that do not fit it and are not in ``choices`` get their defaults."""
    fitting: dict[str, object] = {} if "parameters" in choices else {"parameters": {}}
    if recipe.precision not in (Precision.AUTO, *package.precisions):
        fitting["precision"] = Precision.AUTO
    if package.spec.gives is not ModelOutput.BOXES and "outline" not in choices:
        fitting["outline"] = ""
    if package.spec.gives is ModelOutput.BOXES and "whole_cells" not in choices:
        fitting |= {"whole_cells": None, "cell_channel": ""}
    return recipe.model_copy(update=fitting)


def without_parameters_of(recipe: Recipe, outline: ModelPackage) -> Recipe:
    """Return a recipe without the parameters of an outlining model."""
    return _without(recipe, {p.name for p in head_parameters(outline.spec)})


def without_unused_parameters(recipe: Recipe) -> Recipe:
    """Return a recipe without the parameters of z-stitching, whole cells and spots, unless it asks for them."""
    used = {p.name for p in _without_model(recipe)}
    return _without(
        recipe, {p.name for p in (*STITCHING, *ALL_CELL_PARAMETERS, *SPOT_PARAMETERS, PAIR_DISTANCE)} - used
    )


def _without(recipe: Recipe, names: set[str]) -> Recipe:
    kept = {name: value for name, value in recipe.parameters.items() if name not in names}
    return recipe if len(kept) == len(recipe.parameters) else recipe.model_copy(update={"parameters": kept})
