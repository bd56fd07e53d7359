"""Whether a plane looks like dark cells on a bright background, where a model expects bright cells on a dark one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.model_package import ModelSpec
from napari_cellvino.segmentation.order_statistics import values_of

BRIGHT = 0.6  # of the range of a plane: where the middle pixel lies above it, most of the image is bright
STEP = 4  # px between the pixels that are looked at
FLUORESCENCE = "fluorescence"  # tag of models that expect bright cells


def describe_bright_background(inputs: NDArray[np.generic], spec: ModelSpec) -> tuple[str, ...]:
    """Return what to say of inputs (K, Y, X) whose background is bright, to a model of fluorescence; else nothing."""
    if FLUORESCENCE not in spec.tags:
        return ()
    values = values_of(np.ascontiguousarray(inputs[0, ::STEP, ::STEP]))
    if not values.size:
        return ()
    low, middle, high = values.percentiles((1, 50, 99.8))
    if middle - low <= BRIGHT * (high - low):
        return ()
    return (
        f"The background looks bright, and {spec.name} expects bright cells on a dark one: where the cells are dark, "
        "invert the image or take a model of transmitted light",
    )
