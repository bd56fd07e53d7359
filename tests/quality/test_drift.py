"""A run that is unlike the earlier ones is found, its cause is named, and normal runs are left in peace."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_cellvino.measure.image_values import image_values
from napari_cellvino.quality.drift import RunValues, find_drift, run_values

USUAL = {
    "intensity": 2000.0, "background": 120.0, "noise": 9.0, "sharpness": 0.4, "size": 22.0, "confidence": 0.9,
    "count": 140.0, "doubtful": 0.08,
}  # fmt: skip
SPREAD = 0.06  # of a run, as a share


def normal_runs(count: int, seed: int = 3) -> list[RunValues]:
    chance = np.random.default_rng(seed)
    factors = np.exp(chance.normal(0, SPREAD, (count, len(USUAL))))
    shares = np.where([name == "confidence" for name in USUAL], 1 / np.maximum(1, factors), factors)  # at most 0.9
    return [
        RunValues(f"run {n}", "nuclei", float(n), 24, dict(zip(USUAL, np.array([*USUAL.values()]) * row, strict=True)))
        for n, row in enumerate(shares)
    ]


def test_one_normal_run_in_a_hundred_is_called_drifted():
    found = [sum(bool(run.drifted) for run in find_drift(normal_runs(200, seed))) for seed in range(20)]
    assert sum(found) / 4000 == pytest.approx(0.01, abs=0.004), found


@pytest.mark.parametrize(
    ("shift", "named"),
    [
        ({"intensity": 0.7}, "lamp"),
        ({"intensity": 1.6, "background": 1.6, "noise": 1.3}, "exposure"),
        ({"sharpness": 0.6, "intensity": 0.9, "confidence": 0.9}, "focus"),
        ({"size": 1.5, "count": 1 / 2.25, "sharpness": 0.7}, "magnification"),
        ({"count": 2.2}, "density"),
        ({"size": 1.4, "confidence": 0.75, "doubtful": 3.0}, "cell line"),
        ({"background": 1.8}, "stray light"),
        ({"noise": 1.7}, "gain"),
    ],
)
def test_shift_is_found_and_its_cause_is_named(shift, named):
    runs = normal_runs(25)
    moved = {name: value * shift.get(name, 1.0) for name, value in USUAL.items()}
    judged = find_drift([*runs, RunValues("moved", "nuclei", 99.0, 24, moved)])[-1]
    assert judged.run.name == "moved"
    assert {point.measure.name for point in judged.drifted} >= {max(shift, key=lambda n: abs(np.log(shift[n])))}
    assert named in judged.cause


def test_drifted_runs_do_not_become_usual_and_other_kinds_are_apart():
    dim = [RunValues(f"dim {n}", "nuclei", 50.0 + n, 24, USUAL | {"intensity": 900.0}) for n in range(4)]
    other = RunValues("other model", "cells", 60.0, 24, USUAL | {"size": 90.0})
    few = RunValues("two fields", "nuclei", 61.0, 2, USUAL | {"size": 90.0})
    judged = {run.run.name: bool(run.drifted) for run in find_drift([*normal_runs(25), *dim, other, few])}
    assert all(judged[run.name] for run in dim)
    assert not judged["other model"]
    assert not judged["two fields"]


def test_what_a_run_cannot_show_is_said():
    rng = np.random.default_rng(0)
    runs = [
        RunValues(f"r{n}", "k", float(n), 3, USUAL | {"count": float(np.median(rng.poisson(16, 3)))}) for n in range(4)
    ]
    twice = RunValues("twice", "k", 9.0, 3, USUAL | {"count": 32.0})
    two = RunValues("two", "k", 10.0, 2, USUAL)
    first, *_, judged, few = find_drift([*runs, twice, two])
    assert not judged.drifted
    count = next(point for point in judged.points if point.measure.name == "count")
    assert count.least_change == pytest.approx((count.high + 1) / (count.usual + 1))
    assert count.least_change > 2
    assert f"count {count.least_change:.2g} times" in judged.unseen
    assert "size" not in judged.unseen
    assert "there are 0" in first.unseen
    assert "this one has 2" in few.unseen
    assert not find_drift(normal_runs(40))[-1].unseen


def test_values_of_pictures_follow_light_focus_and_noise():
    chance = np.random.default_rng(0)
    cells = ndi.binary_dilation(chance.random((300, 400)) > 0.9999, iterations=9).astype(float)
    clean = 100 + 2000 * ndi.gaussian_filter(cells, 1)

    def values(picture):
        return image_values((picture + chance.normal(0, 4, picture.shape)).astype(np.float32)[None])

    sharp, blurred, dim = values(clean), values(ndi.gaussian_filter(clean, 4)), values(100 + (clean - 100) / 2)
    assert sharp["image_noise"] == pytest.approx(4, rel=0.1)
    assert sharp["image_low"] == pytest.approx(100, abs=15)
    assert dim["image_high"] - 100 == pytest.approx((sharp["image_high"] - 100) / 2, rel=0.05)
    assert blurred["image_sharpness"] < 0.75 * sharp["image_sharpness"]
    assert dim["image_sharpness"] == pytest.approx(sharp["image_sharpness"], rel=0.05)
    assert image_values(np.zeros((2, 1, 1), np.uint8))["image_sharpness"] == 0.0


def test_values_of_pictures_leave_out_what_is_not_finite():
    picture = np.random.default_rng(2).normal(100, 4, (1, 256, 256)).astype(np.float32)
    whole, holed = image_values(picture), picture.copy()
    holed[0, :9], holed[0, 100, 100:104] = np.nan, np.inf
    for name, value in image_values(holed).items():
        assert value == pytest.approx(whole[name], abs=1)
    assert image_values(np.full((1, 8, 8), np.nan, np.float32))["image_noise"] == 0.0


def test_grey_levels_are_said_as_numbers():
    judged = find_drift([*normal_runs(25), RunValues("dim", "nuclei", 99.0, 24, USUAL | {"intensity": 1100.0})])[-1]
    (point,) = judged.drifted
    assert str(point).startswith("intensity is 1,100 grey levels, usual are 1,")
    assert "e+" not in str(point)


def test_run_is_the_median_of_its_fields():
    fields = [{"count": 10.0, "size": float("nan")}, {"count": 12.0, "size": 20.0}, {"count": 90.0}]
    assert run_values("a", "k", 0.0, fields).values == {"size": 20.0, "count": 12.0}


@pytest.mark.parametrize("scale", [1e-28, 1.0, 1e30])
def test_sharpness_does_not_hang_on_the_size_of_the_numbers(scale):
    picture = np.random.default_rng(0).normal(500, 20, (64, 64)) + 400 * np.sin(np.arange(64) / 6)
    ordinary, scaled = (image_values((picture * by).astype(np.float32)[None]) for by in (1.0, scale))
    assert scaled["image_sharpness"] == pytest.approx(ordinary["image_sharpness"], rel=1e-3)
    assert scaled["image_noise"] == pytest.approx(ordinary["image_noise"] * scale, rel=1e-3)


def test_runs_without_any_doubtful_cell_are_usual():
    even = [replace(run, values=run.values | {"doubtful": 0.0, "confidence": 1.0}) for run in normal_runs(12)]
    judged = find_drift(even)
    assert not any(run.drifted for run in judged)
    (shares,) = [point for point in judged[-1].points if point.measure.name == "doubtful"]
    assert (shares.usual, shares.low) == (0.0, 0.0)
    last = replace(even[-1], at=99.0, values=even[-1].values | {"doubtful": 0.2})
    assert [point.measure.name for point in find_drift([*even, last])[-1].drifted] == ["doubtful"]
