"""Every model looks at a crop, and the one that suits the image comes first."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cellvino import Stack, suggest_models
from napari_cellvino.cli import main
from napari_cellvino.core.objects import Objects
from napari_cellvino.core.recipe import Precision
from napari_cellvino.engines.engine import Engine
from napari_cellvino.engines.provider import EngineProvider, open_engine
from napari_cellvino.model_package import ModelPackage
from napari_cellvino.workflows.first_sight import Suggestion
from napari_cellvino.workflows.suggest_models import order_of

MODELS = ("nuclei", "cells-phase")


MADE: set[tuple[str, Precision]] = set()


@pytest.fixture(scope="module")
def engines() -> EngineProvider:
    def make(package: ModelPackage, device: str, precision: Precision) -> Engine:
        MADE.add((package.spec.name, precision))
        return open_engine(package, device, precision)

    return EngineProvider(make)


@pytest.mark.parametrize(("image", "best"), [("nuclei_stack.ome.tif", "nuclei"), ("phase_field.tif", "cells-phase")])
def test_the_model_of_the_kind_is_named(root: Path, engines: EngineProvider, image: str, best: str) -> None:
    sight = suggest_models(root / "sample_data" / image, models=MODELS, engines=engines)
    assert sight.best is not None
    assert sight.best.model == best
    assert sight.best.count > 5
    assert sight.best.diameter_px is not None
    assert sight.best.labels is not None
    assert sight.best.labels.shape == sight.best.pixels.shape[1:]
    assert sight.best.choices["model"] == best
    assert sight.says.startswith(f"{sight.best.title} suits it best")
    assert {
        ("nuclei", Precision.INT8),
        ("cells-phase", Precision.FAST),
    } == MADE  # as a run: INT8 where the card shows it


def test_of_unnamed_channels_the_one_with_cells_is_named(root: Path, engines: EngineProvider) -> None:
    shown = tifffile.imread(root / "sample_data" / "nuclei_stack.ome.tif")[6, :256, :256]
    noise = np.random.default_rng(0).normal(500, 10, shown.shape).astype(shown.dtype)
    sight = suggest_models(np.stack([noise, shown]), axes="CYX", models=["nuclei"], engines=engines)
    assert sight.best is not None
    assert sight.best.choices["channel"] == "2"


def test_none_of_them_is_said_of_an_image_without_cells(engines: EngineProvider) -> None:
    flat = Stack.from_array(np.full((300, 300), 7, np.uint8))
    sight = suggest_models(flat, models=MODELS, engines=engines)
    assert sight.best is None
    assert sight.says.startswith("None of the models")
    assert {one.reason for one in sight.suggestions} == {"the field looks empty: all its pixels have one value"}


def test_the_command_prints_json_and_draws(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "models.png"
    image = root / "sample_data" / "phase_field.tif"
    named = [word for model in MODELS for word in ("--model", model)]
    assert main(["suggest", str(image), "--json", "--picture", str(picture), *named]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["best"] == "cells-phase"
    assert {one["model"] for one in said["suggestions"]} == set(MODELS)
    assert picture.stat().st_size > 10_000


@pytest.mark.parametrize(("count", "diameter", "alike"), [(16, 57.0, True), (16, 30.0, False), (4, 57.0, False)])
def test_a_model_that_finds_the_cells_of_a_model_for_all_kinds_is_the_one_made_for_them(
    count: int, diameter: float, alike: bool
) -> None:
    nothing, none = np.zeros((1, 40, 40), np.float32), np.zeros(0)
    cells = Objects.found(score=none, box=np.zeros((0, 4)), centroid=np.zeros((0, 2)), area_px=none)
    general = Suggestion("cells", "", 1.0, 17, 56.0, None, "", "", (0, 0, 40, 40), nothing, None, cells)
    nuclei = replace(general, model="nuclei", score=0.9, count=count, diameter_px=diameter, given_diameter_px=40.0)
    first = min((general, nuclei), key=lambda one: order_of(one, [general]))
    assert first.model == ("nuclei" if alike else "cells")
