"""The shipped model on a labelled set made of the shipped samples."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest

from napari_cellvino.core.errors import DeviceError
from napari_cellvino.core.progress import Progress, finish
from napari_cellvino.core.recipe import Precision
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.engines.openvino import OpenVinoEngine
from napari_cellvino.model_package import ModelPackage, find_package
from napari_cellvino.training.data.datasets import LabelledImage, read_set
from napari_cellvino.training.metrics.evaluate import (
    LabelledSet,
    as_scores,
    as_stack,
    infer_field,
    score_maps,
    score_package,
    scored_fields,
)

WELLS = ("A01_s1", "B03_s1")


@pytest.fixture(scope="module")
def package() -> ModelPackage:
    return find_package("nuclei")


@pytest.fixture(scope="module")
def plate(tmp_path_factory: pytest.TempPathFactory) -> LabelledSet:
    folder, plate = tmp_path_factory.mktemp("plate"), shipped_folder("sample_data") / "plate"
    for kind, source, ending in (("images", plate, ".ome.tif"), ("labels", plate / "labels", ".tif")):
        (folder / kind).mkdir()
        for well in WELLS:
            shutil.copy(source / f"{well}{ending}", folder / kind)
    return LabelledSet("plate", tuple(read_set(folder)), min_area=16)


def test_a_package_is_scored_at_every_precision(package: ModelPackage, plate: LabelledSet) -> None:
    news: list[Progress] = []
    scores = finish(score_package(package, plate), news.append)
    assert [n.done for n in news] == list(range(1, 2 * len(package.precisions) + 1))
    assert {n.total for n in news} == {2 * len(package.precisions)}
    assert {s.set for s in scores} == {"plate"}
    by_metric = {(s.metric, s.precision): s.value for s in scores}
    for precision in package.precisions:
        assert by_metric["fields", precision] == 2
        assert by_metric["true", precision] == 58 + 26
        assert by_metric["f1_50", precision] > 0.85


def test_maps_serve_any_number_of_parameters(package: ModelPackage, plate: LabelledSet) -> None:
    engine = OpenVinoEngine(package)
    maps = [infer_field(field, package.spec, engine) for field in scored_fields(plate, package.spec)]
    usual, strict = (score_maps(plate, maps, package.spec, p) for p in ({}, {"confidence": 0.95}))
    assert strict["predicted"] < usual["predicted"]
    fast = finish(score_package(package, plate, [Precision.FAST]))
    assert as_scores("plate", Precision.FAST, usual) == fast


def test_a_given_diameter_is_used(package: ModelPackage, plate: LabelledSet) -> None:
    tiny = LabelledSet("plate", plate.fields[:1], diameter_px=4 * package.spec.diameter_px.reference)
    assert finish(score_package(package, tiny, [Precision.FAST])) != finish(
        score_package(package, LabelledSet("plate", plate.fields[:1]), [Precision.FAST])
    )


def test_a_precision_that_the_package_lacks(package: ModelPackage, plate: LabelledSet) -> None:
    weights = {"float": package.spec.weights["float"]}
    lacking = replace(package, spec=package.spec.model_copy(update={"weights": weights}))
    with pytest.raises(DeviceError, match="no int8 weights"):
        finish(score_package(lacking, plate, [Precision.INT8]))


def test_figures_that_are_none_are_left_out() -> None:
    assert [s.metric for s in as_scores("a", Precision.FAST, {"count_r": float("nan"), "ap50": 0.5})] == ["ap50"]


def test_colours_stay_colours() -> None:
    image = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    stack = as_stack(LabelledImage("a", "set", image, labels=np.zeros((2, 3), np.uint16)))
    assert (stack.rgb, stack.shape.c) == (True, 3)
    assert (stack.plane(c=1) == image[..., 1]).all()
    grey = as_stack(LabelledImage("a", "set", image[..., 0], labels=np.zeros((2, 3), np.uint16)))
    assert (grey.rgb, grey.shape.c) == (False, 1)
