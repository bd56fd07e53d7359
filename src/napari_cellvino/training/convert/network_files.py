"""The files a network is shipped in: ONNX for other programs, OpenVINO IR to run, and the tensors that check both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from napari_cellvino.core.recipe import Precision
from napari_cellvino.engines.selftest import check_model
from napari_cellvino.model_package import ModelPackage
from napari_cellvino.training.convert.describe import EXPORTED, TEST_TENSORS
from napari_cellvino.training.convert.graph import read_network
from napari_cellvino.training.convert.upsample import fuse_upsampling

if TYPE_CHECKING:
    from torch import nn

ONNX, IR = "model.onnx", "model.xml"
LEAST_STORED = 64  # numbers; smaller tensors stay 32-bit floats
FLOORS = {Precision.EXACT: 0.005, Precision.FAST: 0.02, Precision.INT8: 0.03}  # what any computer may differ by
FACTORS = {Precision.EXACT: 3.0, Precision.FAST: 3.0, Precision.INT8: 1.5}  # of the difference measured here


def export_network(module: nn.Module, folder: Path, test_input: NDArray[np.float32]) -> None:
    """Write ``model.onnx``, ``model.xml``/``.bin`` and the test tensors of a network that gives a package's maps.

    Parameters
    ----------
    module
        Takes (1, C, Y, X) float32 and gives (1, M, Y / stride, X / stride): maps as a head wants them.
    folder
        The package; made where it is missing.
    test_input
        Normalised, (1, C, Y, X). The expected output is torch's own, in float32: every runtime is checked against it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    expected = write_onnx(module, folder / EXPORTED.file, test_input)
    store_as_f16(folder / EXPORTED.file)
    network = read_network(folder / EXPORTED.file)
    fuse_upsampling(network)
    save_network(network, folder / IR)
    save_test_tensors(folder, test_input, expected)


def write_onnx(module: nn.Module, path: Path, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    """Write a network as ONNX, of any batch, height and width, and return what torch makes of ``batch``."""
    import torch

    module.eval()
    example = torch.from_numpy(batch)
    with torch.no_grad():
        expected: NDArray[np.float32] = module(example).numpy()
    anything = {0: "batch", 2: "y", 3: "x"}
    torch.onnx.export(
        module,
        (example,),
        path,
        input_names=["image"],
        output_names=["maps"],
        dynamic_axes={"image": anything, "maps": anything},
        opset_version=EXPORTED.facts["opset_version"],
        training=torch.onnx.TrainingMode.PRESERVE,  # BatchNorm stays, and weights keep their names: see `weights`
        do_constant_folding=False,
        dynamo=False,  # the newer exporter gives the same network and trips over its own deprecations
    )
    return expected


def write_with_example(
    module: nn.Module, folder: Path, example: NDArray[np.float32], *, names: tuple[str, str]
) -> None:
    """Write a network as ``model.onnx`` and ``model.xml`` (float32), an example (1, C, Y, X), and what it gives.

    ``names`` are those of the files of the example and of what it gives.
    """
    onnx = folder / ONNX
    expected = write_onnx(module, onnx, example)
    ov.save_model(read_network(onnx), folder / IR, compress_to_fp16=False)
    for name, tensor in zip(names, (example, expected), strict=True):
        np.save(folder / name, tensor)


def store_as_f16(path: Path) -> None:
    """Rewrite an ONNX file in place with large float32 constants stored as float16 behind a cast."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(path)
    graph = model.graph
    casts = []
    for constant in graph.initializer:
        values = numpy_helper.to_array(constant)
        if values.dtype == np.float32 and values.size >= LEAST_STORED:
            name = constant.name
            constant.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.f16"))
            casts.append(helper.make_node("Cast", [f"{name}.f16"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.save(model, path)


def save_network(network: ov.Model, path: Path) -> None:
    """Write an OpenVINO network, its weights as f16, to ``path`` (``.xml``) and the ``.bin`` beside it."""
    ov.save_model(network, path, compress_to_fp16=True)


def save_test_tensors(folder: Path, given: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    """Write a package's test input (1, C, Y, X) and its expected output."""
    for name, tensor in zip(TEST_TENSORS, (given, expected), strict=True):
        np.save(folder / name, tensor)


def tolerances(package: ModelPackage) -> dict[str, float]:
    """Return the differences a check allows: some times those measured here, at least the floors."""
    measured = {check.precision: check.difference for check in check_model(package)}
    return {str(p): round(max(FLOORS[p], FACTORS[p] * difference), 4) for p, difference in measured.items()}
