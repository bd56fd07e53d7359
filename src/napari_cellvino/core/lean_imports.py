"""Import packages without those parts of theirs that no run needs: some take as long as all the rest.

A part that is left out can be imported at any later time.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import LazyLoader, find_spec, module_from_spec
from typing import Any, cast


def import_without(package: str, part: str) -> None:
    """Import a package that goes on where it cannot import a part of it; nothing is done where it is imported."""
    modules = cast("dict[str, Any]", sys.modules)
    if package in modules or part in modules:
        return
    modules[part] = None
    try:
        import_module(package)
    finally:
        modules.pop(part, None)


def import_when_used(name: str) -> None:
    """Import a module of a package when something in it is asked for; nothing is done where it is imported."""
    package, _, own = name.rpartition(".")
    spec = None if name in sys.modules else find_spec(name)
    if spec is None or spec.loader is None:
        return
    spec.loader = LazyLoader(spec.loader)
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    setattr(sys.modules[package], own, module)
