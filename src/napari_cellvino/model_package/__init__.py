"""Model packages: verified folders with a network, its requirements and its measured scores."""

from napari_cellvino.model_package.package import ModelPackage, open_package
from napari_cellvino.model_package.registry import find_package, list_packages
from napari_cellvino.model_package.spec import (
    ModelInput,
    ModelOutput,
    ModelSpec,
    check_model_name,
    model_name_like,
    read_spec,
)

__all__ = [
    "ModelInput",
    "ModelOutput",
    "ModelPackage",
    "ModelSpec",
    "check_model_name",
    "find_package",
    "list_packages",
    "model_name_like",
    "open_package",
    "read_spec",
]
