"""Pixels without a value, as round images that were registered or stitched: cells that end there were cut off."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MANY = 0.005  # of the pixels


def describe_missing(inputs: NDArray[np.generic]) -> tuple[str, ...]:
    """Return how much of inputs (K, Y, X) has no value, and what that does to cells; nothing of hardly any."""
    if inputs.dtype.kind != "f":
        return ()
    missing = 1 - float(np.isfinite(inputs).all(0).mean())
    if missing < MANY:
        return ()
    return (
        f"{missing:.0%} of the pixels have no value (NaN or infinite), as round images that were moved or stitched: "
        "cells that end there may be cut off, and are not marked as touching the edge",
    )
