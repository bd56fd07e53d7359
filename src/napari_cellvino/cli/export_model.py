"""``cellvino export-model``: a model as servers take it."""

from __future__ import annotations

import argparse

from napari_cellvino.core.recipe import Precision, Recipe
from napari_cellvino.model_package import find_package
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.workflows.export_model import export_for_bentoml, export_for_mlserver, export_for_ovms


def run(options: argparse.Namespace) -> int:
    """Write the model."""
    package, precision = find_package(options.name), Precision(options.precision)
    if options.server == "bentoml":
        folder = export_for_bentoml(package, options.out, recipe=Recipe(precision=precision))
    else:
        export = {"ovms": export_for_ovms, "mlserver": export_for_mlserver}[options.server]
        folder = export(package, options.out, precision=precision)
    print(json_text({"folder": folder}).rstrip() if options.json else f"written to {folder}")
    return 0
