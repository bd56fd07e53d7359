"""Where results go unless the user says otherwise."""

from __future__ import annotations

import os
from pathlib import Path

from napari_cellvino.core.resources import shipped_folder

RESULTS_NAME = "cellvino-results"


def results_beside(image: Path) -> Path:
    """Return the usual folder of results: beside the image, or at home where that is no place of the user's."""
    folder, ours = image.parent, shipped_folder("sample_data")
    beside = folder.is_absolute() and os.access(folder, os.W_OK) and ours not in (folder, *folder.parents)
    return folder / RESULTS_NAME if beside else results_at_home()


def results_at_home() -> Path:
    """Return the folder for results of all images that cannot have one beside them; they have nothing in common."""
    return Path.home() / RESULTS_NAME
