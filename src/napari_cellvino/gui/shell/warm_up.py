"""Have done in a thread, once the window stands, what would hold it up when it is first needed.

The first layer of napari reads the definitions of all units (pint) and imports xarray, if that is here, the first
labels import pandas and compute patterns of dashes: two seconds in all, most of them of the window's thread.
"""

from __future__ import annotations

import importlib
import importlib.util

import pint
from vispy.visuals.line.dash_atlas import DashAtlas

MODULES = ("pandas", "xarray", "scipy.stats", "skimage.measure")


def prepare() -> pint.UnitRegistry | None:
    """Import heavy modules and return a registry of units, or None where there is one already."""
    registry = pint.UnitRegistry(on_redefinition="raise") if _is_missing() else None
    for name in MODULES:
        if importlib.util.find_spec(name.partition(".")[0]) is not None:
            importlib.import_module(name)
    DashAtlas()  # vispy keeps its patterns
    return registry


def use_registry(registry: pint.UnitRegistry | None) -> None:
    """Let napari use this registry of units, unless it uses another one already; units of two do not mix."""
    if registry is not None and _is_missing():
        pint.set_application_registry(registry)


def is_done() -> bool:
    """Return whether an earlier window in this process did it all."""
    return not _is_missing()


def _is_missing() -> bool:
    return not isinstance(pint.application_registry.get(), pint.UnitRegistry)
