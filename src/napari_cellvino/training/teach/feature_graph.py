"""The network that gives the features of every pixel: the inner maps of shipped networks, beside classical filters.

The shipped U-Nets take one channel; each channel of an image goes through them by itself. Their maps at all strides are
taken where a block ends, on the way down and on the way up, and the values before their last activation at full size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops

from napari_cellvino.core.errors import ModelPackageError
from napari_cellvino.core.recipe import Precision
from napari_cellvino.model_package import ModelPackage
from napari_cellvino.training.convert.graph import read_network
from napari_cellvino.training.teach.filters import filters

BLOCK_ENDS = {"MaxPool", "ConvolutionBackpropData"}  # what reads the end of a block
PROBED = 64  # px, to see how much smaller a map is
# Wide maps know where a stroke lies better than what it shows: few strokes are learnt by heart from them.
INNER_WEIGHTS = {1: 1.0, 2: 1.0, 4: 0.5, 8: 0.3, 16: 0.1}
FILTER_WEIGHT = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class FeatureGraph:
    """A network from images (1, C, Y, X) to one output (1, F, Y / stride, X / stride) for each of ``strides``.

    ``weight`` (all F,) says how freely a learner may use a feature: those of a block share the weight of the block.
    ``depth`` (all F,) sums features up to the logit of how deep a pixel lies in its cell, as bases of the head
    ``depth`` know it; all zero without such a base.
    """

    network: ov.Model
    strides: tuple[int, ...]
    weight: NDArray[np.float32]
    depth: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Maps (N, F, Y / stride, X / stride) that are alike, their weight, and which of them is a depth, if any."""

    stride: int
    maps: ov.Output
    weight: float
    depth: int | None = None

    @property
    def count(self) -> int:
        return int(self.maps.get_partial_shape()[1].get_length())


def feature_graph(bases: Sequence[ModelPackage], channels: int) -> FeatureGraph:
    """Return the network that gives the features of images with so many channels.

    Raises
    ------
    ModelPackageError
        If a base is no U-Net of one channel.
    """
    image = ops.parameter(ov.PartialShape([1, channels, -1, -1]), np.float32, "image")
    single = ops.transpose(image, np.array([1, 0, 2, 3])).output(0)
    inner = [block for base in bases for block in _inner_blocks(base, single)]
    blocks = [*inner, *(_Block(part.stride, part.features, FILTER_WEIGHT) for part in filters(single))]
    strides = tuple(sorted({block.stride for block in blocks}))
    by_stride = [[block for block in blocks if block.stride == stride] for stride in strides]
    results = [_result([block.maps for block in part], channels) for part in by_stride]
    weight = [w / channels for part in by_stride for w in [_weights(part)] * channels]  # channels are much alike
    depth = np.concatenate([d for part in by_stride for d in [_depths(part)] * channels])
    depth /= max(float(depth.sum()), 1.0)
    return FeatureGraph(ov.Model(results, [image], "features"), strides, np.concatenate(weight), depth)


def _depths(blocks: Sequence[_Block]) -> NDArray[np.float32]:
    return np.concatenate([(np.arange(b.count) == b.depth).astype(np.float32) for b in blocks])


def _weights(blocks: Sequence[_Block]) -> NDArray[np.float32]:
    return np.concatenate([np.full(b.count, b.weight / np.sqrt(b.count), np.float32) for b in blocks])


def _result(parts: list[ov.Output], channels: int) -> ov.Node:
    """Return the maps of one stride of all channels, (1, F, Y, X)."""
    joined = ops.concat(parts, 1)
    if channels > 1:
        count = joined.get_output_partial_shape(0)[1].get_length()
        sides = ops.gather(ops.shape_of(joined), np.array([2, 3], np.int64), np.int64(0))
        whole = ops.concat([ops.constant(np.array([1, channels * count], np.int64)), sides], 0)
        joined = ops.reshape(joined, whole, False)
    return ops.result(joined)


def _inner_blocks(base: ModelPackage, image: ov.Output) -> list[_Block]:
    """Return the inner maps of a base on ``image`` (N, 1, Y, X); the last are those before its last activation."""
    network = read_network(base.weights(Precision.EXACT))
    ends = _block_ends(network)
    if not ends or base.spec.input_channels != 1:
        raise ModelPackageError(f"model {base.label} cannot be taught on: it is no U-Net of one channel as those here")
    small = network.clone()
    small.reshape([1, 1, PROBED, PROBED])
    strides = [PROBED // end.get_shape()[2] for end in _block_ends(small)]
    old = network.get_parameters()[0]
    for reader in old.output(0).get_target_inputs():
        reader.replace_source_output(image)
    depth = base.spec.maps.index("depth") if "depth" in base.spec.maps else None
    blocks = [_Block(stride, maps, INNER_WEIGHTS[stride]) for stride, maps in zip(strides, ends, strict=True)]
    return [*blocks[:-1], replace(blocks[-1], depth=depth)]


def _block_ends(network: ov.Model) -> list[ov.Output]:
    """Return what the blocks of a U-Net give, and what it gives before its last activation."""
    nodes = network.get_ordered_ops()
    ends = [node.input_value(0) for node in nodes if node.get_type_name() in BLOCK_ENDS]
    shuffles = [node for node in nodes if node.get_type_name() == "DepthToSpace"]
    if not ends or not shuffles:
        return []
    relus = [node for node in _before(shuffles[-1]) if node.get_type_name() == "Relu"]
    return [*ends, relus[1].output(0), shuffles[-1].output(0)]


def _before(node: ov.Node) -> list[ov.Node]:
    """Return the nodes before one, following the first input of each, as far as it is a single line."""
    line = []
    while node.get_input_size():
        node = node.input_value(0).get_node()
        line.append(node)
    return line
