"""Model packages: verified folders with a network, its requirements and its measured scores."""

from napari_cellvino.model_package.package import ModelPackage, open_package
from napari_cellvino.model_package.registry import find_package, list_packages
from napari_cellvino.model_package.spec import ModelInput, ModelOutput, ModelSpec, read_spec

__all__ = [
    "ModelInput",
    "ModelOutput",
    "ModelPackage",
    "ModelSpec",
    "find_package",
    "list_packages",
    "open_package",
    "read_spec",
]
