"""What comes out of a rewritten network is what came out before, and what cannot be rewritten is left alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from napari_cellvino.engines.openvino import openvino_core
from napari_cellvino.training.convert.upsample import fuse_upsampling

RNG = np.random.default_rng(3)
REPEATING = ("asymmetric", "floor")
HALF_PIXEL = ("half_pixel", "round_prefer_floor")


def weights(c_out: int, c_in: int, size: int = 3) -> ov.Node:
    return ops.constant(RNG.normal(size=(c_out, c_in, size, size)).astype(np.float32))


def doubled(x: ov.Node, how: tuple[str, str], factor: float = 2.0) -> ov.Node:
    scales = np.float32([1, 1, factor, factor])
    transformation, nearest = how
    return ops.interpolate(
        x,
        ops.constant(scales),
        "nearest",
        "scales",
        coordinate_transformation_mode=transformation,
        nearest_mode=nearest,
    )


def small_unet(join: Callable[[ov.Node, ov.Node], ov.Node], channels: int, *, bias: bool = True) -> ov.Model:
    """A level down, a level up, joined with what was there before and convolved."""
    image = ops.parameter([-1, 1, -1, -1], np.float32)
    skip = ops.relu(ops.convolution(image, weights(4, 1), [1, 1], [1, 1], [1, 1], [1, 1]))
    deep = ops.convolution(skip, weights(6, 4), [2, 2], [1, 1], [1, 1], [1, 1])
    merged = ops.convolution(join(deep, skip), weights(5, channels), [1, 1], [1, 1], [1, 1], [1, 1])
    if bias:
        merged = ops.add(merged, ops.constant(RNG.normal(size=(1, 5, 1, 1)).astype(np.float32)))
    return ov.Model([ops.relu(merged)], [image], "unet")


def run(model: ov.Model, batch: np.ndarray) -> np.ndarray:
    exact = {"EXECUTION_MODE_HINT": "ACCURACY", "CACHE_DIR": ""}
    return np.asarray(openvino_core().compile_model(model, "CPU", exact)(batch)[0])


@pytest.mark.parametrize("how", [REPEATING, HALF_PIXEL, ("asymmetric", "round_prefer_floor")])
@pytest.mark.parametrize(
    ("join", "channels"),
    [
        (lambda up, skip: ops.concat([up, skip], 1), 10),
        (lambda up, skip: ops.concat([skip, up], 1), 10),
        (lambda up, skip: ops.concat([skip, up, skip], -3), 14),
        (lambda up, skip: up, 6),
    ],
)
@pytest.mark.parametrize("bias", [True, False])
def test_a_rewritten_network_gives_the_same(how, join, channels, bias):
    model = small_unet(lambda deep, skip: join(doubled(deep, how), skip), channels, bias=bias)
    batches = [RNG.random((1, 1, *size), np.float32) for size in ((32, 48), (34, 62), (2, 6))]  # deep: even, odd, edge
    before = [run(model, batch) for batch in batches]
    assert fuse_upsampling(model) == 1
    types = [node.get_type_name() for node in model.get_ordered_ops()]
    assert "Interpolate" not in types
    assert types.count("ConvolutionBackpropData") == 1
    for batch, wanted in zip(batches, before, strict=True):
        assert np.abs(run(model, batch) - wanted).max() <= 1e-5 * np.abs(wanted).max()


@pytest.mark.parametrize(
    "join",
    [
        lambda deep, skip: ops.concat([doubled(deep, ("half_pixel", "floor")), skip], 1),
        lambda deep, skip: ops.concat([doubled(deep, ("align_corners", "round_prefer_floor")), skip], 1),
        lambda deep, skip: ops.concat([ops.relu(doubled(deep, REPEATING)), skip], 1),
    ],
)
def test_other_upsamplings_are_left_alone(join):
    model = small_unet(join, 10)
    batch = RNG.random((1, 1, 32, 32), np.float32)
    before = run(model, batch)
    assert fuse_upsampling(model) == 0
    np.testing.assert_array_equal(run(model, batch), before)


def test_an_upsampling_by_four_is_left_alone():
    image = ops.parameter([-1, 2, -1, -1], np.float32)
    result = ops.convolution(doubled(image, REPEATING, 4.0), weights(3, 2), [1, 1], [1, 1], [1, 1], [1, 1])
    assert fuse_upsampling(ov.Model([result], [image], "four")) == 0


def test_a_doubled_map_that_two_layers_read_is_left_alone():
    """It would be computed twice: once in the rewritten convolution, once for the other."""
    image = ops.parameter([-1, 2, -1, -1], np.float32)
    up = doubled(image, REPEATING)
    convolved = ops.convolution(up, weights(2, 2), [1, 1], [1, 1], [1, 1], [1, 1])
    assert fuse_upsampling(ov.Model([ops.add(convolved, up)], [image], "two")) == 0


@pytest.mark.parametrize(("size", "pad"), [(5, 2), (1, 0), (3, 0)])
def test_other_convolutions_are_left_alone(size, pad):
    image = ops.parameter([-1, 2, -1, -1], np.float32)
    kernel = weights(3, 2, size)
    result = ops.convolution(doubled(image, REPEATING), kernel, [1, 1], [pad, pad], [pad, pad], [1, 1])
    assert fuse_upsampling(ov.Model([result], [image], "other")) == 0
