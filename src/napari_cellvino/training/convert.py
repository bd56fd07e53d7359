"""Turn a fitted network into a model package: ONNX, OpenVINO IR with f16 weights, test tensors, description, sums."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import torch
import yaml
from numpy.typing import NDArray

from napari_cellvino.inference.check import check_model
from napari_cellvino.package import ModelPackage
from napari_cellvino.package.spec import SPEC_NAME
from napari_cellvino.recipe import Precision
from napari_cellvino.training.networks import CentreOffsetNet, ExportedNet

Config = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PackageText:
    """The words of a package: what the description and the model card say."""

    name: str
    title: str
    version: str
    description: str
    card: str
    licence: str = "CC-BY-4.0"
    authors: tuple[str, ...] = ("The napari-cellvino developers",)
    cite: tuple[dict[str, str], ...] = ()
    config: Config = field(default_factory=dict)


def export_network(net: CentreOffsetNet, folder: Path, test_input: NDArray[np.float32]) -> None:
    """Write ``model.onnx``, ``model.xml``/``.bin`` and the test tensors; ``test_input`` is (1, C, Y, X).

    The promised output is torch's own, in float32: every runtime is checked against it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    exported = ExportedNet(net).eval()
    example = torch.from_numpy(test_input)
    with torch.no_grad():
        promised = exported(example).numpy()
    torch.onnx.export(
        exported,
        (example,),
        folder / "model.onnx",
        input_names=["image"],
        output_names=["maps"],
        dynamic_axes={"image": {0: "batch", 2: "y", 3: "x"}, "maps": {0: "batch", 2: "y", 3: "x"}},
        opset_version=17,
        dynamo=False,  # the newer exporter gives the same network and trips over its own deprecations
    )
    ov.save_model(ov.convert_model(folder / "model.onnx"), folder / "model.xml", compress_to_fp16=True)
    np.save(folder / "test_input.npy", test_input)
    np.save(folder / "test_output.npy", promised)


def network_difference(package: ModelPackage, precision: Precision) -> float:
    """Return the root-mean-square difference between what a package promises and what it does here."""
    return next(check.difference for check in check_model(package) if check.precision is precision)


def write_description(folder: Path, text: PackageText) -> None:
    """Write ``README.md`` and ``rdf.yaml`` (bioimage.io model 0.5) for the files in ``folder``."""
    (folder / "README.md").write_text(text.card, encoding="utf-8")
    sums = {p.name: _sha256(p) for p in sorted(folder.iterdir()) if p.is_file() and p.name != SPEC_NAME}
    rdf = _common(text) | _tensors(sums, text.config) | {"config": {"cellvino": text.config | {"sha256": sums}}}
    (folder / SPEC_NAME).write_text(yaml.safe_dump(rdf, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _common(text: PackageText) -> Config:
    return {
        "format_version": "0.5.4",
        "type": "model",
        "name": text.title,
        "version": text.version,
        "description": text.description,
        "authors": [{"name": name} for name in text.authors],
        "license": text.licence,
        "cite": list(text.cite),
        "documentation": "README.md",
        "tags": ["segmentation", "nuclei", "instance-segmentation", "fluorescence", "openvino"],
    }


def _tensors(sums: dict[str, str], config: Config) -> Config:
    channels, maps = config["input_channels"], config["maps"]
    size = [{"type": "space", "id": axis, "size": {"min": 64, "step": 16}} for axis in "yx"]
    same = [{"type": "space", "id": a, "size": {"tensor_id": "image", "axis_id": a}} for a in "yx"]
    scale = {"id": "scale_range", "kwargs": {"axes": ["y", "x"], "min_percentile": 1.0, "max_percentile": 99.8}}
    names = [f"channel{i}" for i in range(channels)]
    return {
        "inputs": [
            {
                "id": "image",
                "axes": [{"type": "batch"}, {"type": "channel", "channel_names": names}, *size],
                "data": {"type": "float32"},
                "preprocessing": [scale],
                "test_tensor": {"source": "test_input.npy", "sha256": sums["test_input.npy"]},
            }
        ],
        "outputs": [
            {
                "id": "maps",
                "axes": [{"type": "batch"}, {"type": "channel", "channel_names": list(maps)}, *same],
                "data": {"type": "float32"},
                "test_tensor": {"source": "test_output.npy", "sha256": sums["test_output.npy"]},
            }
        ],
        "weights": {"onnx": {"source": "model.onnx", "sha256": sums["model.onnx"], "opset_version": 17}},
        "attachments": [{"source": name, "sha256": sums[name]} for name in ("model.xml", "model.bin")],
    }


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
