"""Have done in a thread, once the window stands, what would hold it up when it is first needed.

The first layer of napari reads the definitions of all units (pint) and imports xarray, if that is here, the first
labels import pandas and compute patterns of dashes: two seconds in all, most of them of the window's thread. All cells
are plotted with matplotlib, which takes half a second more.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

MODULES = (
    "openvino",
    "pandas",
    "xarray",
    "scipy.optimize",
    "scipy.stats",
    "skimage.measure",
    "zarr",
    "matplotlib.backends.backend_qtagg",
    "matplotlib.figure",
    "matplotlib.widgets",
)


def prepare() -> object:
    """Import heavy modules and return a registry of units, or None where there is one already."""
    registry = None if is_done() else _pint().UnitRegistry(on_redefinition="raise")
    for name in MODULES:
        if importlib.util.find_spec(name.partition(".")[0]) is not None:
            importlib.import_module(name)
    importlib.import_module("vispy.visuals.line.dash_atlas").DashAtlas()  # vispy keeps its patterns
    return registry


def use_registry(registry: object) -> None:
    """Let napari use this registry of units, unless it uses another one already; units of two do not mix."""
    if registry is not None and not is_done():
        _pint().set_application_registry(registry)


def is_done() -> bool:
    """Return whether there is a registry of units: an earlier window of this process, or an image, needed all this."""
    pint = _pint()
    return isinstance(pint.application_registry.get(), pint.UnitRegistry)


def _pint() -> Any:  # noqa: ANN401 (pint's functions have no types)
    return importlib.import_module("pint")


def import_readers() -> None:
    """Have the slow imports of plate readers done before a plate is asked for."""
    import zarr  # noqa: F401  (imported for later)

    import napari_cellvino.io.plates.ome_zarr  # noqa: F401  (imported for later)
