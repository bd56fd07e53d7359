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
    return (folder if beside else Path.home()) / RESULTS_NAME
