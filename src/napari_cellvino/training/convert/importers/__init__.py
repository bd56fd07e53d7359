"""Read networks that others made: one file per form they come in."""

from __future__ import annotations

from pathlib import Path

from napari_cellvino.core.errors import ModelPackageError
from napari_cellvino.training.convert.importers.imported import ImportedNetwork, ModelInfo, ReferenceTensors
from napari_cellvino.training.convert.importers.openvino_formats import import_ir, import_onnx, import_saved_model
from napari_cellvino.training.convert.importers.rdf import import_described, is_described
from napari_cellvino.training.convert.importers.torch_file import TORCH_SUFFIXES, import_torch

__all__ = ["ImportedNetwork", "ModelInfo", "ReferenceTensors", "import_network"]

FORMS = (
    "an ONNX file, a PyTorch file (.pt, .pth) with --architecture, a TorchScript file, a TensorFlow SavedModel folder, "
    "an OpenVINO network (.xml) or a bioimage.io folder, zip or YAML file"
)


def import_network(
    path: Path, scratch: Path, *, architecture: str = "", channels: int | None = None
) -> ImportedNetwork:
    """Return the network that ``path`` names, whatever form it comes in.

    Parameters
    ----------
    path
        A file or folder: see `FORMS`.
    scratch
        An empty folder for what is unpacked or exported on the way; it must live as long as what is returned.
    architecture
        ``FILE.py:NAME`` or ``module:NAME`` of the class or function that builds a PyTorch network.
    channels
        How many channels a PyTorch network takes; by default what it runs on is tried.

    Raises
    ------
    ModelPackageError
        If there is nothing, or nothing that can be read.
    """
    if not path.exists():
        raise ModelPackageError(f"there is no {path}; name {FORMS}")
    suffix = path.suffix.lower()
    if is_described(path):
        return import_described(path, scratch)
    if architecture and suffix not in TORCH_SUFFIXES:
        raise ModelPackageError(f"--architecture goes with a PyTorch file (.pt, .pth), and {path.name} is none")
    if suffix in TORCH_SUFFIXES:
        return import_torch(path, scratch, architecture, channels)
    if suffix == ".onnx":
        return import_onnx(path)
    if suffix == ".xml":
        return import_ir(path)
    if path.is_dir() and (path / "saved_model.pb").is_file():
        return import_saved_model(path)
    raise ModelPackageError(f"{path} is no network that can be read; name {FORMS}")
