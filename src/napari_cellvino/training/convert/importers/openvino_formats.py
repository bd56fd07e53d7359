"""Networks that OpenVINO reads by itself: ONNX, TensorFlow's SavedModel (without TensorFlow) and its own IR."""

from __future__ import annotations

from pathlib import Path

import openvino as ov

from napari_cellvino.core.errors import ModelPackageError
from napari_cellvino.training.convert.describe import EXPORTED, SourceWeights
from napari_cellvino.training.convert.graph import guess_axes, read_network, to_nchw
from napari_cellvino.training.convert.importers.imported import ImportedNetwork


def import_onnx(path: Path, *, axes: tuple[str, str] | None = None) -> ImportedNetwork:
    """Return the network in an ONNX file; ``axes`` of its input and output where they are known."""
    try:
        import onnx
    except ImportError:
        raise ModelPackageError("ONNX files need the train extra: pip install 'napari-cellvino[train]'") from None
    try:  # before OpenVINO, which prints what it cannot parse
        said = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf's own errors have no common base
        raise ModelPackageError(f"{path} is no ONNX file, or is cut short") from error
    opset = next((entry.version for entry in said.opset_import if entry.domain in {"", "ai.onnx"}), None)
    if opset is None or not said.graph.node:
        raise ModelPackageError(f"{path} is no ONNX file of a network")
    network = single(read_network(path), path, axes)
    external = any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in said.graph.initializer)
    weights = None if external else SourceWeights(EXPORTED.kind, EXPORTED.file, {"opset_version": int(opset)})
    return ImportedNetwork(network, "ONNX", weights, path if weights else None)


def import_saved_model(path: Path, *, axes: tuple[str, str] | None = None) -> ImportedNetwork:
    """Return the network in a SavedModel folder."""
    return ImportedNetwork(single(read_network(path), path, axes), "TensorFlow SavedModel")


def import_ir(path: Path) -> ImportedNetwork:
    """Return the network in an OpenVINO IR file."""
    if not path.with_suffix(".bin").is_file():
        raise ModelPackageError(f"{path} has no {path.stem}.bin beside it, which holds its weights")
    return ImportedNetwork(single(read_network(path), path, None), "OpenVINO IR")


def single(network: ov.Model, path: Path, axes: tuple[str, str] | None) -> ov.Model:
    """Return a network of one input and one output as (N, C, Y, X); ``axes`` where they are known.

    Raises
    ------
    ModelPackageError
        If there are more, or their axes cannot be told.
    """
    for what, values in (("inputs", network.inputs), ("outputs", network.outputs)):
        if len(values) != 1:
            names = ", ".join(sorted(value.get_any_name() for value in values if value.get_names())) or "without names"
            raise ModelPackageError(
                f"{path.name} has {len(values)} {what} ({names}); CellVINO runs networks with one image in and one "
                "array of maps out: join or leave out the others before exporting"
            )
    if not network.input(0).get_element_type().is_real():
        raise ModelPackageError(
            f"{path.name} takes {network.input(0).get_element_type().get_type_name()}; export it to take float32"
        )
    said = axes or ("", "")
    given, result = (
        words or guess_axes(value.get_partial_shape(), what)
        for words, value, what in zip(said, (network.input(0), network.output(0)), ("input", "output"), strict=True)
    )
    return to_nchw(network, given, result)
