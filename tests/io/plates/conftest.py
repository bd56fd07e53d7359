"""The vendors' folders, and plates made as the vendors name theirs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile


@pytest.fixture
def copy_of(hcs_folders: Path, tmp_path: Path) -> Callable[[str], Path]:
    """A function that copies one of the vendors' folders, to be broken."""

    def copy(name: str) -> Path:
        return Path(shutil.copytree(hcs_folders / name, tmp_path / "copy"))

    return copy


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes small images of the given names, each full of its own number from 1."""

    def write(*names: str, side: int = 16) -> Path:
        for number, name in enumerate(names, 1):
            path = tmp_path / "plate" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(path, np.full((side, side), number, np.uint16), metadata=None)
        return tmp_path / "plate"

    return write
