"""Exact rewrite of upsampling before a convolution, on the OpenVINO graph, so that any model gains.

A U-Net's decoder often doubles a map by repeating pixels, joins it with a skip connection and convolves the result.
Three quarters of what that convolution reads of the doubled map are copies. The same sums follow from a convolution
of the skip alone plus a transposed convolution of the small map::

    conv3x3(concat(repeat2(x), skip), w)  =  conv3x3(skip, w_skip) + conv_transpose4x4_stride2(x, K)
    K = M w_x Mᵀ for each pair of channels,  M = [[0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]]

Row ``t`` of M says which rows of the kernel meet the small pixel that lies ``t`` rows of the result away: the kernel
is 3 rows high, a small pixel 2. Zero padding of one pixel falls on absent small pixels, so edges agree as well.
Doing it in torch was ruled out: networks that come as ONNX or SavedModel would not gain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops

MIX = np.array([[0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]], np.float32)
PROBED_SIZES = (256, 320)  # px: an upsampling by 2 is one at both
# How a result pixel's place is mapped and rounded, where that repeats every pixel twice.
REPEATING = {
    "asymmetric": {"floor", "simple", "round_prefer_floor"},
    "half_pixel": {"round_prefer_floor", "round_prefer_ceil"},
    "pytorch_half_pixel": {"round_prefer_floor", "round_prefer_ceil"},
    "tf_half_pixel_for_nn": {"floor", "simple"},
}


@dataclass(frozen=True, slots=True)
class _Place:
    """A convolution that reads a doubled map: ``first`` is the map's first channel among those it reads."""

    convolution: ov.Node
    weights: NDArray[np.float32]  # (out, in, 3, 3)
    upsample: ov.Node
    others: tuple[ov.Output, ...]
    first: int
    channels: int


def fuse_upsampling(model: ov.Model) -> int:
    """Rewrite every upsampling by 2 that one 3x3 convolution reads, in place, and return how many there were.

    Results are the same but for the order of sums. Maps are taken to be (N, C, Y, X).
    """
    doubling = _doubling(model)
    places = [place for node in model.get_ordered_ops() if (place := _place(node, doubling)) is not None]
    for place in places:
        _rewrite(place)
    model.validate_nodes_and_infer_types()
    return len(places)


def _doubling(model: ov.Model) -> set[str]:
    """Return the names of the Interpolate nodes that repeat every pixel of a map twice along y and x."""
    named = [node for node in model.get_ordered_ops() if node.get_type_name() == "Interpolate" and _repeats(node)]
    if not named:
        return set()
    names = {node.get_friendly_name() for node in named}
    for size in PROBED_SIZES:
        probe = model.clone()
        probe.reshape([1, model.input().partial_shape[1].get_length(), size, size])
        names &= {node.get_friendly_name() for node in probe.get_ordered_ops() if _doubles(node)}
    return names


def _repeats(node: ov.Node) -> bool:
    said = node.get_attributes()
    rounding = REPEATING.get(said["coordinate_transformation_mode"], set())
    padded = any(said.get("pads_begin", ())) or any(said.get("pads_end", ()))
    return said["mode"] == "nearest" and said["nearest_mode"] in rounding and not padded


def _doubles(node: ov.Node) -> bool:
    if node.get_type_name() != "Interpolate":
        return False
    small, large = node.get_input_partial_shape(0), node.get_output_partial_shape(0)
    if small.is_dynamic or large.is_dynamic or len(small) != 4:
        return False
    batch, channels, height, width = small.to_shape()
    return list(large.to_shape()) == [batch, channels, 2 * height, 2 * width]


def _place(node: ov.Node, doubling: set[str]) -> _Place | None:
    """Return where a doubled map enters ``node``, or None if that is no convolution to rewrite."""
    weights = _constant(node.input_value(1)) if _keeps_size(node) else None
    if weights is None or weights.shape[2:] != (3, 3):
        return None
    read = node.input_value(0)
    joined = read.get_node()
    parts = _parts(joined) if joined.get_type_name() == "Concat" else (read,)
    widths = [part.get_partial_shape()[1] for part in parts]
    if any(width.is_dynamic for width in widths) or (len(parts) > 1 and len(read.get_target_inputs()) > 1):
        return None
    for index, part in enumerate(parts):
        upsample = part.get_node()
        if upsample.get_friendly_name() in doubling and len(part.get_target_inputs()) == 1:
            first = sum(width.get_length() for width in widths[:index])
            others = (*parts[:index], *parts[index + 1 :])
            return _Place(node, weights, upsample, others, first, widths[index].get_length())
    return None


def _keeps_size(node: ov.Node) -> bool:
    """Return whether a node is a convolution that a 3x3 kernel lets keep the size of its map."""
    if node.get_type_name() != "Convolution":
        return False
    said = node.get_attributes()
    dense = said["strides"] == said["dilations"] == [1, 1]
    padded = said["pads_begin"] == said["pads_end"] == [1, 1]
    return bool(dense and (said["auto_pad"] in {"same_upper", "same_lower"} or padded))


def _parts(concat: ov.Node) -> tuple[ov.Output, ...]:
    if concat.get_attributes()["axis"] not in {1, -3}:
        return (concat.output(0),)
    return tuple(concat.input_value(index) for index in range(concat.get_input_size()))


def _constant(value: ov.Output) -> NDArray[np.float32] | None:
    """Return a constant as float32, through the conversion that compressed weights have before them."""
    node = value.get_node()
    if node.get_type_name() == "Convert":
        node = node.input_value(0).get_node()
    return node.get_data().astype(np.float32) if node.get_type_name() == "Constant" else None


def _rewrite(place: _Place) -> None:
    """Put the two convolutions in the place of one; a bias that follows it goes to the first of them."""
    own = slice(place.first, place.first + place.channels)
    kernel = np.einsum("ti,ocij,uj->cotu", MIX, place.weights[:, own], MIX).astype(np.float32)
    small, one = place.upsample.input_value(0), [1, 1]
    total = ops.convolution_backprop_data(small, ops.constant(kernel), [2, 2], pads_begin=one, pads_end=one)
    last = place.convolution
    if place.others:
        of_skip = _convolve(place.others, np.delete(place.weights, own, axis=1))
        bias = _following_bias(last)
        if bias is not None:
            last, shift = bias
            of_skip = ops.add(of_skip, shift)
        total = ops.add(of_skip, total)
    total.set_friendly_name(last.get_friendly_name())
    for reader in last.output(0).get_target_inputs():
        reader.replace_source_output(total.output(0))


def _convolve(parts: Sequence[ov.Output], weights: NDArray[np.float32]) -> ov.Node:
    read = ops.concat(list(parts), 1) if len(parts) > 1 else parts[0]
    return ops.convolution(read, ops.constant(weights), [1, 1], [1, 1], [1, 1], [1, 1])


def _following_bias(convolution: ov.Node) -> tuple[ov.Node, ov.Output] | None:
    """Return the addition of a constant that alone reads a convolution, and that constant."""
    readers = list(convolution.output(0).get_target_inputs())
    if len(readers) != 1 or readers[0].get_node().get_type_name() != "Add":
        return None
    add = readers[0].get_node()
    other = add.input_value(1 - readers[0].get_index())
    return (add, other) if _constant(other) is not None else None
