"""How the cells of a result look in a viewer, as a value that a thread makes before the window shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from napari.utils import DirectLabelColormap
from numpy.typing import NDArray

from napari_cellvino.annotation import Annotation
from napari_cellvino.core.label_edges import outline_pixels
from napari_cellvino.core.objects import Objects
from napari_cellvino.gui.napari_bridge.cell_labels import CellLabels, Texture, texture_of
from napari_cellvino.gui.napari_bridge.layer_style import (
    class_colormap,
    object_features,
    outline_colormap,
)
from napari_cellvino.quality.known_cells import SelectedCells
from napari_cellvino.segmentation.heads import Decoded

if TYPE_CHECKING:
    import pandas as pd

CONTOUR_PX = 2
SMALL_PX = 24  # cells of a smaller diameter get a thinner outline


@dataclass(frozen=True, slots=True, eq=False)
class CellLook:
    """The cells, what the status bar says of each, width of outlines in px, colours, and the outlines in a plane."""

    objects: Objects
    features: pd.DataFrame
    contour: int
    colormap: DirectLabelColormap
    texture: Texture | None = None

    def texture_for(self, layer: CellLabels) -> Texture | None:
        """Return the outlines, if a layer draws outlines as wide and in colours of ours."""
        ours = isinstance(layer.colormap, DirectLabelColormap)
        return self.texture if ours and layer.contour == self.contour else None


def look_of(annotation: Annotation, classes: Sequence[str], *, light: bool) -> CellLook:
    """Return how an annotation looks over an image, without its outlines: the layer draws them."""
    objects = annotation.objects
    by_class = len(classes) > 1 and annotation.labels is not None  # the colours of boxes are those of their lines
    colormap = class_colormap(objects) if by_class else outline_colormap(light=light)
    return CellLook(objects, object_features(objects, classes), contour_px(objects), colormap)


def drawn_look(
    annotation: Annotation, classes: Sequence[str], *, light: bool, outline: NDArray[np.int64] | None = None
) -> CellLook:
    """Return how an annotation looks, in a plane with its ``outline``: what `outline_of` gives, where that is known."""
    look = look_of(annotation, classes, light=light)
    if annotation.labels is None or annotation.labels.ndim != 2:
        return look
    return replace(look, texture=texture_of(annotation.labels, look.contour, look.colormap, outline))


def outline_of(found: Decoded, selected: SelectedCells | None = None) -> NDArray[np.int64] | None:
    """Return the flat indices of the pixels of outlines of cells in a plane, perhaps of more cells; None of others.

    ``selected`` are the cells, where all is known of those that they were chosen from.
    """
    if found.labels is None or found.labels.ndim != 2:
        return None
    contour = contour_px(found.objects)
    return outline_pixels(found.labels, contour) if selected is None else selected.known.outline(contour)


def contour_px(objects: Objects) -> int:
    """Return the width of outlines: thin ones for small cells, whose stain they would hide."""
    if not len(objects) or objects.box.shape[1] == 6:
        return CONTOUR_PX
    diameter = float(np.median(objects.area_px)) ** 0.5
    return 1 if diameter < SMALL_PX else CONTOUR_PX
