"""A pipeline is made whole or not at all: models verified, values checked, hashes written out."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from small_models import write_finder, write_outliner

from napari_cellvino.core.errors import ModelPackageError, OptionError
from napari_cellvino.core.image import MetadataOverrides, Spacing
from napari_cellvino.core.recipe import Precision, Recipe
from napari_cellvino.model_package import ModelInput, ModelOutput, ModelPackage, find_package, open_package
from napari_cellvino.segmentation.known_sizes import describe_unknown_size, find_unknown_size
from napari_cellvino.segmentation.pipeline import Pipeline, make_pipeline
from napari_cellvino.segmentation.rescale import zoom_for


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelPackage, ModelPackage]:
    folder = tmp_path_factory.mktemp("models")
    return open_package(write_finder(folder / "finder")), open_package(write_outliner(folder / "outliner"))


@pytest.fixture
def pipeline(models: tuple[ModelPackage, ModelPackage]) -> Pipeline:
    return make_pipeline(Recipe(model="finder", outline="outliner", parameters={"confidence": 0.4}), models)


def test_recipe_names_models_by_hash_and_every_value(pipeline, models):
    recipe = pipeline.recipe
    assert (recipe.model_sha256, recipe.outline_sha256) == tuple(model.sha256 for model in models)
    assert recipe.parameters == pipeline.values
    assert pipeline.values.keys() == {p.name for p in pipeline.parameters}
    assert pipeline.values["confidence"] == 0.4


def test_steps_say_what_they_take_and_give(pipeline):
    assert [(step.takes, step.gives) for step in pipeline.steps] == [
        (ModelInput.FIELD, ModelOutput.BOXES),
        (ModelInput.CROP, ModelOutput.MASK),
    ]


def test_the_same_recipe_makes_the_same_pipeline_again(pipeline, models):
    assert make_pipeline(pipeline.recipe, models) == pipeline
    with pytest.raises(dataclasses.FrozenInstanceError):
        pipeline.refine = None


def test_packages_are_found_by_name():
    assert make_pipeline(Recipe(model="nuclei")).package.sha256 == find_package("nuclei").sha256


@pytest.mark.parametrize(
    ("choices", "error", "fact"),
    [
        ({"model": "finder", "model_sha256": "0" * 64}, ModelPackageError, "000000000000"),
        ({"model": "finder", "parameters": {"magic": 1.0}}, OptionError, "magic"),
        ({"model": "finder", "parameters": {"confidence": 7.0}}, OptionError, "7"),
        ({"model": "outliner", "outline": "outliner"}, OptionError, "outliner"),
        ({"model": "missing"}, ModelPackageError, "missing"),
    ],
)
def test_what_is_impossible_is_told_with_its_value(models, choices, error, fact):
    with pytest.raises(error, match=fact):
        make_pipeline(Recipe.model_validate(choices), models)


def test_choices_and_values_are_checked_again(pipeline):
    assert pipeline.with_values({"outline": 0.7}).values["outline"] == 0.7
    assert pipeline.with_values({"outline": 0.7}).values["confidence"] == 0.4
    with pytest.raises(OptionError, match="magic"):
        pipeline.with_values({"magic": 0.7})
    said = pipeline.with_overrides(MetadataOverrides(spacing=Spacing(None, 0.5, 0.5)))
    assert said.recipe.spacing_um == Spacing(None, 0.5, 0.5)
    assert pipeline.with_choices(frame=3).recipe.frame == 3


def test_joining_has_parameters_only_where_planes_are_joined():
    flat = make_pipeline(Recipe())
    joined = flat.with_choices(z="3d")
    assert set(joined.values) - set(flat.values) == {"z_overlap", "z_cut", "z_trim", "z_planes", "z_smallest"}
    assert set(flat.values) - set(joined.values) == {"fragments"}  # in 3D they are told by their volume
    assert {p.name for p in joined.parameters} == set(joined.values)
    assert joined.with_choices(z="mip") == flat


def test_precision_is_int8_where_the_card_shows_that_it_costs_nothing():
    """live-dead loses 0.0036 of AP@0.5 to it, and a server has weights of its own."""
    precisions = [make_pipeline(Recipe(model=m)).find.precision for m in ("nuclei", "cells", "live-dead")]
    assert precisions == [Precision.INT8, Precision.FAST, Precision.FAST]
    assert make_pipeline(Recipe()).recipe.precision is Precision.INT8  # what ran is what is recorded
    assert make_pipeline(Recipe(device="grpc://127.0.0.1:9000")).recipe.precision is Precision.FAST


def test_a_refiner_without_such_weights_runs_fast(models):
    outliner = models[1]
    assert Precision.INT8 not in outliner.precisions
    pipeline = make_pipeline(Recipe(model="finder", outline="outliner", precision=Precision.INT8), models)
    assert (pipeline.find.precision, pipeline.refine.precision) == (Precision.INT8, Precision.FAST)


@pytest.mark.parametrize(
    ("sides", "diameter_px", "said"),
    [
        ((90, 85, 80, 95, 88, 12), None, "larger than 98 px across, and this model knows cells of 7 to 70 px"),
        ((4, 5, 4, 5, 6), None, "smaller than 6 px"),
        ((30, 40, 20, 50, 90), None, ""),
        ((90, 85, 80, 95, 88, 12), 96.0, ""),  # seen a quarter as large: 7 to 70 px are 28 to 280
        ((10, 11, 12, 13, 14), 96.0, "smaller than 14 px across, and this model knows cells of 28 to 280 px"),
        ((90, 85, 80, 95), None, ""),  # too few to say
    ],
)
def test_cells_of_a_size_that_the_model_does_not_know_are_told(
    sides: tuple[int, ...], diameter_px: float | None, said: str
) -> None:
    spec, area_px = find_package("nuclei").spec, np.square(np.array(sides))
    found = find_unknown_size(area_px, spec, zoom_for(spec, diameter_px))
    assert (found is None) == (said == "")
    assert found is None or said in describe_unknown_size(found)[0]
