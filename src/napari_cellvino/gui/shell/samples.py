"""The sample images that napari.yaml names: ours, and two that scikit-image fetches."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError

LayerData = tuple[Any, dict[str, Any], str]


def nuclei_stack() -> list[LayerData]:
    """Return the z-stack of nuclei that ships."""
    return _shipped("nuclei_stack.ome.tif")


def plate_well() -> list[LayerData]:
    """Return a well without the drug: nuclei, and a reporter in them."""
    return _shipped("plate/A01_s1.ome.tif")


def treated_well() -> list[LayerData]:
    """Return a well with the drug: the reporter has left the nuclei."""
    return _shipped("plate/A03_s1.ome.tif")


def phase_field() -> list[LayerData]:
    """Return the field of cells in phase contrast that ships."""
    return _shipped("phase_field.tif")


def cells3d() -> list[LayerData]:
    """Return scikit-image's cells: nuclei and membranes in 60 planes."""
    data = _fetched("cells3d")
    space = {"scale": (0.29, 0.26, 0.26), "units": ("micrometer",) * 3, "axis_labels": ("z", "y", "x")}
    membrane = {"name": "cells3d: membrane", "colormap": "magenta", "blending": "additive", **space}
    nuclei = {"name": "cells3d: nuclei", "colormap": "cyan", "blending": "additive", **space}
    return [(data[:, 0], membrane, "image"), (data[:, 1], nuclei, "image")]


def human_mitosis() -> list[LayerData]:
    """Return scikit-image's field of human nuclei, some dividing."""
    return [(_fetched("human_mitosis"), {"name": "human_mitosis"}, "image")]


def _shipped(name: str) -> list[LayerData]:
    from napari_cellvino.core.resources import shipped_folder
    from napari_cellvino.gui.napari_bridge import prepare_layers
    from napari_cellvino.io import open_source

    recipes = prepare_layers(open_source(shipped_folder("sample_data") / name).read())
    return [(recipe.data, recipe.arguments, "image") for recipe in recipes]


def _fetched(name: str) -> NDArray[np.generic]:
    """Return an image of scikit-image, which downloads it once."""
    from skimage import data

    try:
        return np.asarray(getattr(data, name)())
    except (OSError, ImportError) as error:  # no network, or no pooch
        raise ImageReadError(
            f"the sample {name} could not be downloaded ({type(error).__name__}); connect to the internet and install "
            "pooch (pip install pooch), or use the samples that ship with CellVINO"
        ) from error
