"""Networks of a few weights that do find cells: bright pixels, by a threshold on the normalised image."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml

GAIN, SHIFT = 16.0, -5.6  # of a logit: foreground where a normalised pixel is above 0.35


@pytest.fixture
def write_network(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes an ONNX file whose every map is a gain times the first channel plus a shift."""
    onnx = pytest.importorskip("onnx", reason="needs the train extra")

    def write(
        name: str = "net.onnx",
        *,
        gains: Sequence[float] = (GAIN,),
        shifts: Sequence[float] = (SHIFT,),
        activation: str = "Sigmoid",
        channels: int = 1,
        size: Sequence[object] = ("y", "x"),
        pad: int = 0,
        stride: int = 1,
        batch: object = "batch",
    ) -> Path:
        helper, numpy_helper = onnx.helper, onnx.numpy_helper
        kernel = 3 if pad < 0 else 2 * pad + 1
        weights = np.zeros((len(gains), channels, kernel, kernel), np.float32)
        weights[:, 0, kernel // 2, kernel // 2] = gains
        padding = [max(0, pad)] * 4
        nodes = [
            helper.make_node("Conv", ["image", "w", "b"], ["made"], pads=padding, strides=[stride] * 2),
            helper.make_node(activation, ["made"], ["maps"], **({"axis": 1} if activation == "Softmax" else {})),
        ]
        image = helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, [batch, channels, *size])
        maps = helper.make_tensor_value_info("maps", onnx.TensorProto.FLOAT, [batch, len(gains), None, None])
        constants = [
            numpy_helper.from_array(weights, "w"),
            numpy_helper.from_array(np.asarray(shifts, np.float32), "b"),
        ]
        graph = helper.make_graph(nodes, "threshold", [image], [maps], constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.save(model, tmp_path / name)
        return tmp_path / name

    return write


@pytest.fixture
def describe(tmp_path: Path, write_network: Callable[..., Path]) -> Callable[..., Path]:
    """A function that writes a bioimage.io 0.5 model, with changes to its parts, and returns its folder.

    Its network gives a logit of the image normalised by mean and deviation; the description names the sigmoid.
    """

    def write(folder: str = "described", *, given: dict | None = None, result: dict | None = None, **changes) -> Path:
        out = tmp_path / folder
        out.mkdir()
        network = write_network(gains=(2.0,), shifts=(-1.0,), activation="Identity")
        network.rename(out / "net.onnx")
        raw = np.random.default_rng(4).gamma(2.0, 50.0, (1, 1, 64, 64)).astype(np.float32)
        standard = (raw - raw.mean()) / (raw.std() + 1e-6)
        np.save(out / "in.npy", raw)
        np.save(out / "out.npy", (1 / (1 + np.exp(1 - 2 * standard))).astype(np.float32))
        space = [{"type": "space", "id": axis, "size": {"min": 16, "step": 1}} for axis in "yx"]
        rdf = {
            "type": "model",
            "format_version": "0.5.4",
            "name": "Bright things",
            "description": "Finds what is bright",
            "version": "1.2.0",
            "license": "CC0-1.0",
            "authors": [{"name": "Ada"}],
            "cite": [{"text": "Ada 1843"}],
            "inputs": [
                {
                    "id": "raw",
                    "axes": [{"type": "batch"}, {"type": "channel", "channel_names": ["raw"]}, *space],
                    "preprocessing": [{"id": "zero_mean_unit_variance", "kwargs": {"axes": ["y", "x"]}}],
                    "test_tensor": {"source": "in.npy"},
                }
                | (given or {})
            ],
            "outputs": [
                {
                    "id": "probability",
                    "axes": [{"type": "batch"}, {"type": "channel", "channel_names": ["p"]}, *space],
                    "postprocessing": [{"id": "sigmoid"}],
                    "test_tensor": {"source": "out.npy"},
                }
                | (result or {})
            ],
            "weights": {"onnx": {"source": "net.onnx", "opset_version": 17}},
        } | changes
        (out / "rdf.yaml").write_text(yaml.safe_dump(json.loads(json.dumps(rdf))), encoding="utf-8")
        return out

    return write
