"""Paths without links, where each folder is looked at once: the files of a run lie in few."""

from __future__ import annotations

import os
from pathlib import Path


class RealPaths:
    """Resolves the paths of files; folders that change meanwhile are not seen."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def of(self, path: Path | str) -> str:
        """Return a path as `os.path.realpath` does."""
        folder, name = os.path.split(path)
        if name in ("", ".", "..") or os.path.islink(path):
            return os.path.realpath(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        return os.path.join(self._folders[folder], name)
