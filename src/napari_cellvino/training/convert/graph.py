"""Inspect and change the graph of a foreign network: axes, sizes, memory, and receptive field."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops
from openvino._offline_transformations import apply_moc_transformations

from napari_cellvino.core.errors import ModelPackageError
from napari_cellvino.engines.openvino import compile_network, openvino_core

PLANES = "bcyx"
MOST_CHANNELS = 4  # of an image: a last axis of this length or less can only be channels
PROBED = (256, 320)  # px: what runs at both runs at every size that tiles have
MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
STRIDES = (1, 2, 4, 8, 16)
NOTICED = 0.02  # smallest change of a map, as a share of its range, that counts
HALO_STEP = 16  # px


def read_network(path: Path) -> ov.Model:
    """Return the network in a file or folder that OpenVINO reads, in its simplest form: batch norms folded, all f32.

    OpenVINO's converter does the same and cannot be called instead: it reports its use to its makers.

    Raises
    ------
    ModelPackageError
        If it cannot.
    """
    try:
        network = openvino_core().read_model(path)
    except RuntimeError as error:
        raise ModelPackageError(f"{path} cannot be read as a network: {last_line(error)}") from error
    apply_moc_transformations(network, cf=True, smart_reshape=False)
    return network


def guess_axes(shape: ov.PartialShape, what: str) -> str:
    """Return ``bcyx`` or ``byxc``, whichever a tensor's shape can be.

    Raises
    ------
    ModelPackageError
        If it has other than four axes, or the number of channels is nowhere said.
    """
    if shape.rank.is_dynamic or len(shape) != len(PLANES):
        axes = "an unknown number of" if shape.rank.is_dynamic else str(len(shape))
        raise ModelPackageError(
            f"the network's {what} has {axes} axes; CellVINO runs networks with four: batch, channel, height, width"
        )
    first, last = shape[1], shape[3]
    if first.is_static and (first.get_length() <= MOST_CHANNELS or not last.is_static):
        return PLANES
    if last.is_static and last.get_length() <= MOST_CHANNELS:
        return "byxc"
    if first.is_static and last.is_static:
        return PLANES if first.get_length() < last.get_length() else "byxc"
    raise ModelPackageError(
        f"the network's {what} has the shape {shape}, which does not say how many channels there are; "
        "export it with a fixed number of channels"
    )


def to_nchw(network: ov.Model, given: str, result: str) -> ov.Model:
    """Return a network that takes and gives (batch, channel, y, x), from one with the axes ``given`` and ``result``."""
    output = network.output(0)
    if given != PLANES:
        old = network.get_parameters()[0]
        shape = ov.PartialShape([old.get_partial_shape()[given.index(axis)] for axis in PLANES])
        new = ops.parameter(shape, old.get_element_type(), "image")
        turned = ops.transpose(new, ops.constant([PLANES.index(axis) for axis in given]))
        for reader in old.output(0).get_target_inputs():
            reader.replace_source_output(turned.output(0))
    else:
        new = network.get_parameters()[0]
    value = output.get_node().input_value(0)
    if result != PLANES:
        value = ops.transpose(value, ops.constant([result.index(axis) for axis in PLANES])).output(0)
    return ov.Model([value], [new], network.get_friendly_name())


def input_channels(network: ov.Model) -> int:
    """Return the number of channels that a network (N, C, Y, X) takes.

    Raises
    ------
    ModelPackageError
        If it is not said.
    """
    channels = network.input(0).get_partial_shape()[1]
    if channels.is_dynamic:
        raise ModelPackageError("the network takes any number of channels; export it with a fixed one")
    return int(channels.get_length())


def fixed_image_size(network: ov.Model) -> int | None:
    """Return the side of the only images, squares, that a network says it takes; None where it takes others.

    OpenVINO can give most such networks another size all the same.
    """
    height, width = network.input(0).get_partial_shape()[2], network.input(0).get_partial_shape()[3]
    return int(width.get_length()) if height.is_static and width.is_static and height == width else None


def fixed_batch_size(network: ov.Model) -> int | None:
    """Return the batch size that a network is limited to, None where it is not limited."""
    batch = network.input(0).get_partial_shape()[0]
    return int(batch.get_length()) if batch.is_static else None


def output_channels(network: ov.Model) -> int:
    """Return the number of output channels of a network (N, C, Y, X)."""
    return int(reshape_to(network, PROBED[0]).output(0).get_shape()[1])


def reshape_to(network: ov.Model, size: int) -> ov.Model:
    """Return the network for square images of ``size`` px.

    Raises
    ------
    ModelPackageError
        If it cannot run on them.
    """
    clone = network.clone()
    try:
        clone.reshape([1, input_channels(network), size, size])
    except RuntimeError as error:
        own = network.input(0).get_partial_shape()
        raise ModelPackageError(
            f"the network cannot run on {size} × {size} px (it was made for {own[2]} × {own[3]}): "
            f"export it with dynamic height and width ({last_line(error)})"
        ) from error
    if clone.output(0).get_partial_shape().is_dynamic:
        raise ModelPackageError("the size of the network's maps depends on more than the size of the image")
    return clone


def output_stride(network: ov.Model) -> int:
    """Return how many px of the image a px of the maps is wide.

    Raises
    ------
    ModelPackageError
        If the network does not run at every size, or its maps are no whole fraction of the image.
    """
    ratios = set()
    for size in PROBED:
        shape = list(reshape_to(network, size).output(0).get_shape())
        if shape[2] != shape[3] or shape[2] == 0 or size % shape[2] or size // shape[2] not in STRIDES:
            raise ModelPackageError(
                f"the network gives maps of {shape[3]} × {shape[2]} px for an image of {size} × {size}; they must be "
                "as large as the image, or 2, 4, 8 or 16 times smaller (use padded convolutions)"
            )
        ratios.add(size // shape[2])
    if len(ratios) > 1:
        raise ModelPackageError(
            "the network's maps are of one size for images of all sizes; they must follow the image"
        )
    return int(ratios.pop())


def size_multiple(network: ov.Model, stride: int) -> int:
    """Return the number of px, a power of 2, that image sizes must be multiples of."""
    for multiple in MULTIPLES:
        size = PROBED[0] + multiple
        try:
            if size % stride == 0 and list(reshape_to(network, size).output(0).get_shape()[2:]) == [size // stride] * 2:
                return multiple
        except ModelPackageError:
            continue
    return MULTIPLES[-1]


def infer_float32(network: ov.Model, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the output of a network for a batch (1, C, Y, X), calculated in float32."""
    fixed = network.clone()
    fixed.reshape(list(batch.shape))
    uncached = {"EXECUTION_MODE_HINT": "ACCURACY", "CACHE_DIR": ""}
    compiled = compile_network(fixed, "CPU", uncached)
    return np.array(compiled(batch)[0], np.float32)


def bytes_per_pixel(network: ov.Model) -> int:
    """Return the most memory that tensors take at one time, per px of the image, float32."""
    size = PROBED[0]
    order = reshape_to(network, size).get_ordered_ops()
    last = {value: index for index, node in enumerate(order) for value in _read(node)}
    alive = peak = 0
    ends: dict[int, int] = {}
    for index, node in enumerate(order):
        for output in node.outputs():
            if node.get_type_name() == "Constant" or output.get_partial_shape().is_dynamic:
                continue
            count = 4 * int(np.prod(list(output.get_shape())))
            alive += count
            end = last.get((node.get_friendly_name(), output.get_index()), index)
            ends[end] = ends.get(end, 0) + count
        peak = max(peak, alive)
        alive -= ends.pop(index, 0)
    return max(1, -(-peak // size**2))


def _read(node: ov.Node) -> list[tuple[str, int]]:
    values = (node.input_value(index) for index in range(node.get_input_size()))
    return [(value.get_node().get_friendly_name(), value.get_index()) for value in values]


def receptive_radius(network: ov.Model, image: NDArray[np.float32], most: int) -> int:
    """Return the radius of the receptive field in px, at most ``most``: the halo that a tile needs.

    The right half of an image (1, C, size, size) is replaced by its mirror image from top to bottom.
    """
    changed, middle = image.copy(), image.shape[-1] // 2
    changed[..., middle:] = image[:, :, ::-1, middle:]
    before, after = (infer_float32(network, batch) for batch in (image, changed))
    scale = np.ptp(before, axis=(0, 2, 3))[:, None] + 1e-6
    change = (np.abs(after - before).max(axis=(0, 2)) / scale).max(axis=0)  # (columns,)
    stride = image.shape[-1] // before.shape[-1]
    noticed = np.flatnonzero(change[: middle // stride] > NOTICED)
    reach = middle - int(noticed[0]) * stride if len(noticed) else 0
    return min(most, -(-max(1, reach) // HALO_STEP) * HALO_STEP)


def last_line(error: BaseException) -> str:
    """Return the last line of a long error message, which names the problem."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
