"""Find the folders that ship with the package: next to the modules in a wheel, at the top of the source tree else."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def shipped_folder(name: str) -> Path:
    """Return the shipped folder ``models`` or ``sample_data``."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parents[1] / name
