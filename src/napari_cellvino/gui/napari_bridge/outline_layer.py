"""Outlines of one colour that are looked at and not edited."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Labels
from napari.utils import DirectLabelColormap
from numpy.typing import NDArray

Colour = tuple[float, float, float, float]


def outline_layer(labels: NDArray[np.int32], name: str, colour: Colour, *, width: int, space: dict[str, Any]) -> Labels:
    """Return a layer of the outlines of labels, ``width`` px wide, in a ``space`` as `inherited_space` gives it."""
    layer = Labels(labels, name=name, **space)
    layer.contour, layer.editable = width, False
    layer.colormap = DirectLabelColormap(color_dict={0: np.zeros(4), None: np.array(colour)})
    return layer
