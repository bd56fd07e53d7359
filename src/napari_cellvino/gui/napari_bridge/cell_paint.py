"""The colours of cells in a layer, each with its own, made ready in a thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from napari.utils import DirectLabelColormap
from numpy.typing import NDArray

from napari_cellvino.core.objects import Objects
from napari_cellvino.gui.napari_bridge.cell_labels import Texture, texture_of
from napari_cellvino.gui.napari_bridge.layer_style import (
    CLEAR,
    DRAWN,
    box_colours,
    class_colormap,
    outline_colormap,
)


@dataclass(frozen=True, slots=True, eq=False)
class Paint:
    """Colours of labels, and of the four sides of each box; the outlines of ``contour`` px in them, where made."""

    colormap: DirectLabelColormap
    sides: NDArray[np.float32]
    texture: Texture | None = None
    contour: int = 0


def paint_of(ids: NDArray[np.int32], hues: NDArray[np.uint8], labels: NDArray[np.int32] | None, contour: int) -> Paint:
    """Return the paint of cells with colours (N, 3) uint8; outlines in a plane are drawn, which takes its time."""
    rgba = np.concatenate([hues.astype(np.float32) / 255, np.ones((len(hues), 1), np.float32)], axis=1)
    fixed = {None: np.array(DRAWN), 0: np.array(CLEAR)}
    colormap = DirectLabelColormap(color_dict=fixed | dict(zip(ids.tolist(), rgba, strict=True)))
    return _drawn(colormap, np.repeat(rgba, 4, axis=0), labels, contour)


def plain_paint(
    objects: Objects, classes: Sequence[str], labels: NDArray[np.int32] | None, contour: int, *, light: bool
) -> Paint:
    """Return the paint that results have at first: one colour, or that of the class where there are several."""
    colormap = class_colormap(objects) if len(classes) > 1 else outline_colormap(light=light)
    return _drawn(colormap, box_colours(objects, classes), labels, contour)


def _drawn(
    colormap: DirectLabelColormap, sides: NDArray[np.float32], labels: NDArray[np.int32] | None, contour: int
) -> Paint:
    drawn = None if labels is None or labels.ndim != 2 or not contour else texture_of(labels, contour, colormap)
    return Paint(colormap, sides, drawn, contour)
