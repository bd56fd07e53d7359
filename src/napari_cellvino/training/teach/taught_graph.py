"""The network of a taught model: the feature graph, and the learners as convolutions of one pixel on top of it.

A linear layer and bilinear enlarging can change places, so that only a few sums per stride are enlarged, not hundreds
of maps. What comes out are the maps of the head ``taught``: the probability of cell rather than background, that of
"between cells", how deep a pixel lies in its cell where a base knows it, and the probability of each class for a pixel
of a cell.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops

from napari_cellvino.training.teach.feature_graph import FeatureGraph
from napari_cellvino.training.teach.learner import Learner

CELL, BACKGROUND, BETWEEN = range(3)  # kinds of the learner


def taught_graph(features: FeatureGraph, kinds: Learner, depth: Learner | None, classes: Learner | None) -> ov.Model:
    """Return the network from an image to the maps of a taught model."""
    clone, strides = features.network.clone(), features.strides
    outputs = [result.input_value(0) for result in clone.get_results()]
    maps = _kind_maps(_logits(outputs, strides, kinds))
    if depth is not None:
        maps.append(ops.sigmoid(_logits(outputs, strides, depth)).output(0))
    if classes is not None:
        maps.append(ops.softmax(_logits(outputs, strides, classes), 1).output(0))
    return ov.Model([ops.result(ops.concat(maps, 1), "maps")], clone.get_parameters(), "taught")


def map_names(kinds: Learner, depth: Learner | None, classes: Learner | None) -> tuple[str, ...]:
    """Return the names of the maps of a taught model."""
    between = ("between",) if len(kinds.bias) > BETWEEN else ()
    deep = () if depth is None else ("depth",)
    named = range(1, 1 + (0 if classes is None else len(classes.bias)))
    return ("foreground", *between, *deep, *(f"class_{n}" for n in named))


def maps_of_logits(
    kinds: NDArray[np.float32], depth: NDArray[np.float32] | None, classes: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """Return the maps (M, Y, X) of logits (K, Y, X), as the network computes them."""
    foreground = 1 / (1 + np.exp(kinds[BACKGROUND] - kinds[CELL]))
    parts = [foreground[None]]
    if len(kinds) > BETWEEN:
        powers = np.exp(kinds - kinds.max(0))
        parts.append((powers[BETWEEN] / powers.sum(0))[None])
    if depth is not None:
        parts.append(1 / (1 + np.exp(-depth)))
    if classes is not None:
        powers = np.exp(classes - classes.max(0))
        parts.append(powers / powers.sum(0))
    return np.concatenate(parts)


def _kind_maps(logits: ov.Output) -> list[ov.Output]:
    kinds = ops.split(logits, 1, logits.get_partial_shape()[1].get_length()).outputs()
    foreground = ops.sigmoid(ops.subtract(kinds[CELL], kinds[BACKGROUND])).output(0)
    if len(kinds) <= BETWEEN:
        return [foreground]
    return [foreground, ops.split(ops.softmax(logits, 1), 1, len(kinds)).output(BETWEEN)]


def _logits(outputs: list[ov.Output], strides: Sequence[int], learner: Learner) -> ov.Output:
    """Return logits (1, K, Y, X) at the size of the image."""
    total = ops.constant(learner.bias.reshape(1, -1, 1, 1)).output(0)
    first = 0
    for output, stride in zip(outputs, strides, strict=True):
        last = first + output.get_partial_shape()[1].get_length()
        kernel = np.ascontiguousarray(learner.weights[first:last].T)[:, :, None, None]
        part = ops.convolution(output, kernel, [1, 1], [0, 0], [0, 0], [1, 1]).output(0)
        total = ops.add(total, part if stride == 1 else _enlarged(part, stride)).output(0)
        first = last
    return total


def _enlarged(maps: ov.Output, stride: int) -> ov.Output:
    factor = np.array([stride, stride], np.float32)
    axes = np.array([2, 3], np.int64)
    return ops.interpolate(
        maps, factor, "linear_onnx", "scales", axes=axes, coordinate_transformation_mode="half_pixel"
    ).output(0)
