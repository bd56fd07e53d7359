"""Paths without links, where each folder is looked at once: the files of a run lie in few."""

from __future__ import annotations

import os
from pathlib import Path


class RealPaths:
    """Resolves the paths of files, each once; folders and links that change meanwhile are not seen."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}
        self._files: dict[str, str] = {}

    def of(self, path: Path | str) -> str:
        """Return a path as `os.path.realpath` does."""
        text = str(path)
        found = self._files.get(text)
        if found is None:
            found = self._files[text] = self._resolved(text)
        return found

    def _resolved(self, path: str) -> str:
        folder, name = os.path.split(path)
        if name in ("", ".", "..") or os.path.islink(path):
            return os.path.realpath(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        return os.path.join(self._folders[folder], name)
