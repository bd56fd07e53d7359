"""What strokes make of features: a depth that a base sees is used where strokes agree with it."""

from __future__ import annotations

import numpy as np
import openvino as ov
import pytest

from napari_cellvino.segmentation.heads.taught import TaughtHead
from napari_cellvino.training.teach.feature_graph import FeatureGraph
from napari_cellvino.training.teach.lesson import learn
from napari_cellvino.training.teach.package import CellSize
from napari_cellvino.training.teach.painted import NO_CLASS, Painted
from napari_cellvino.training.teach.teach import smallest_of

COUNT = 60  # pixels of a kind, four strokes each


@pytest.mark.parametrize(("sees", "used"), [(2.0, True), (0.0, False), (-2.0, False)])
@pytest.mark.parametrize("between", [True, False])
def test_depth_is_used_where_it_tells_cells_from_what_lies_between(sees: float, used: bool, between: bool) -> None:
    rng = np.random.default_rng(0)
    kinds = np.repeat(np.arange(3 if between else 2), COUNT)
    features = rng.normal(size=(len(kinds), 5)).astype(np.float32)
    features[np.arange(len(kinds)), kinds] += 3
    features[:, 4] += sees * (kinds == 0)
    found = Painted(np.zeros((len(kinds), 2), int), kinds, np.full(len(kinds), NO_CLASS), np.arange(len(kinds)) // 15)
    depth = np.array([0, 0, 0, 0, 1], np.float32)
    graph = FeatureGraph(ov.Model([], [], "none"), (1,), np.full(5, 0.5, np.float32), depth)
    lesson = learn(features, found, graph)
    assert (lesson.depth is not None) == (used and between)
    if lesson.depth is not None:
        np.testing.assert_array_equal(lesson.depth.weights[:, 0], depth)


def test_the_smallest_area_of_very_large_cells_is_one_that_a_run_takes() -> None:
    (smallest,) = (p for p in TaughtHead.parameters if p.name == "smallest")
    smallest.check(smallest_of(CellSize(400.0, 0.1)))
