"""A model of fluorescence says so when the background of an image is bright."""

from __future__ import annotations

import numpy as np

from napari_cellvino.model_package import find_package
from napari_cellvino.segmentation.bright_background import describe_bright_background


def test_only_dark_cells_on_bright_are_remarked_and_only_to_models_of_fluorescence() -> None:
    y, x = np.mgrid[:200, :200] % 40 - 20
    cells = (40 + 180 * (np.hypot(y, x) < 9)).astype(np.uint8)[None]
    nuclei, stained = find_package("nuclei").spec, find_package("nuclei-stained").spec
    assert describe_bright_background(cells, nuclei) == ()
    (said,) = describe_bright_background(255 - cells, nuclei)
    assert "nuclei" in said
    assert describe_bright_background(255 - cells, stained) == ()
    assert describe_bright_background(np.full((1, 8, 8), np.nan), nuclei) == ()
