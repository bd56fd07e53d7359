"""Find, outline, correct and count cells with OpenVINO: in napari, from the command line and from Python.

Three lines from an image to labels::

    from napari_cellvino import segment
    found = segment("image.tif", "nuclei")
    found.labels, found.table, found.counts

What Python users call is loaded when it is asked for: importing the package itself loads nothing heavy.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

# OpenVINO and NNCF send an event to a web analytics service at every import, under an id that they keep in the home
# folder, unless they cannot import their package for it. Python runs this before any other module of ours, and so in
# every process that is ours; whoever imported OpenVINO before us has sent that event already.
cast("dict[str, Any]", sys.modules)["openvino_telemetry"] = None

if TYPE_CHECKING:
    from napari_cellvino.api import (
        EngineProvider,
        FieldResults,
        Results,
        Segmentation,
        Stack,
        answer_plates,
        classify_cells,
        evaluate,
        evaluate_model,
        kymograph,
        list_models,
        load_model,
        load_pipeline,
        open_results,
        read_image,
        run_folder,
        run_plate,
        segment,
        suggest_models,
        teach,
        track,
    )

    __version__: str

__all__ = [
    "EngineProvider",
    "FieldResults",
    "Results",
    "Segmentation",
    "Stack",
    "answer_plates",
    "classify_cells",
    "evaluate",
    "evaluate_model",
    "kymograph",
    "list_models",
    "load_model",
    "load_pipeline",
    "open_results",
    "read_image",
    "run_folder",
    "run_plate",
    "segment",
    "suggest_models",
    "teach",
    "track",
]


def __getattr__(name: str) -> object:
    """Return the version, or a name of the front door, which is loaded now; both are looked for once."""
    if name == "__version__":
        found: object = _version()
    elif name in __all__:
        found = getattr(import_module("napari_cellvino.api"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """Return all names, those that are not loaded yet too."""
    return sorted({*globals(), *__all__, "__version__"})


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("napari-cellvino")
    except PackageNotFoundError:  # running from a source tree that was never installed
        return "0.0.0"
