"""How cells look in a viewer: boxes as lines, colours of classes, and what the status bar says of a cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from napari.utils import DirectLabelColormap
from numpy.typing import NDArray

from napari_cellvino.core.objects import Objects
from napari_cellvino.figures.outlines import class_colours

if TYPE_CHECKING:
    import pandas as pd
    from napari.layers import Vectors

ON_DARK, ON_LIGHT = (
    (1.0, 0.84, 0.04, 1.0),
    (0.0, 0.2, 1.0, 1.0),
)  # outlines: yellow; blue on light pictures
ONE_CLASS = (1.0, 1.0, 0.0, 1.0)  # yellow: boxes of a model that knows one class
DRAWN = (0.8, 0.8, 0.8, 1.0)  # what a person paints has no class yet
CLEAR = (0.0, 0.0, 0.0, 0.0)
LOOK_EVERY_PX = 8  # at a picture, to tell whether it is light


def box_lines(boxes: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the four sides of boxes (N, 4) as vectors (4 N, 2, 2): start and direction, around the pixels."""
    y0, x0, y1, x1 = (boxes.astype(np.float32) - 0.5).T
    corners = np.stack([[y0, x0], [y0, x1], [y1, x1], [y1, x0]]).transpose(2, 0, 1)  # (N, 4, 2)
    sides = np.roll(corners, -1, 1) - corners
    return np.stack([corners, sides], 2).reshape(-1, 2, 2)


def box_colours(objects: Objects, classes: Sequence[str]) -> NDArray[np.float32]:
    """Return the colour (red, green, blue, alpha) of each side of each box (4 N, 4)."""
    if len(classes) == 1 or len(objects) == 0:
        return np.tile(np.array(ONE_CLASS, np.float32), (max(1, 4 * len(objects)), 1))
    return np.repeat(_rgba(objects), 4, axis=0)


def colour_lines(layer: Vectors, colours: NDArray[np.float32]) -> None:
    """Give each line its colour (red, green, blue, alpha), unless there are none, or others by now.

    Napari makes one white colour of what does not fit, and fails at the next line: whoever draws those of now gives
    them theirs. The same colours again take it a tenth of a second.
    """
    if 0 < len(colours) == len(layer.data) and not np.array_equal(layer.edge_color, colours):
        layer.edge_color = colours


def is_light(pixels: NDArray[np.generic], *, rgb: bool) -> bool:
    """Return whether pixels (C, Y, X) are a colour picture that is mostly light, on which yellow would not be seen."""
    if not rgb:
        return False
    looked_at = pixels[:3, ::LOOK_EVERY_PX, ::LOOK_EVERY_PX].astype(np.float32).mean(0)
    return bool(np.median(looked_at) > looked_at.max() / 2)


def outline_colormap(*, light: bool) -> DirectLabelColormap:
    """Return one colour for all outlines: napari's colours of labels are dim for some cells."""
    colour = np.array(ON_LIGHT if light else ON_DARK)
    return DirectLabelColormap(color_dict={None: colour, 0: np.array(CLEAR)})


def is_one_colour(colormap: object) -> bool:
    """Return whether all cells have one colour."""
    return isinstance(colormap, DirectLabelColormap) and len(colormap.color_dict) == 2


def class_colormap(objects: Objects) -> DirectLabelColormap:
    """Return the colours of labels by class."""
    fixed = {None: np.array(DRAWN), 0: np.array(CLEAR)}
    return DirectLabelColormap(color_dict=fixed | dict(zip(objects.id.tolist(), _rgba(objects), strict=True)))


def _rgba(objects: Objects) -> NDArray[np.float32]:
    opaque = np.full((len(objects), 1), 1, np.float32)
    return np.concatenate([class_colours(objects).astype(np.float32) / 255, opaque], 1)


def object_features(objects: Objects, classes: Sequence[str]) -> pd.DataFrame:
    """Return what napari's status bar shows of a cell; the first row is the background, as napari counts rows by id.

    Napari passes over None, and over a score that is no number where it is of float64.
    """
    import pandas as pd

    size = "volume_px" if objects.box.shape[1] == 6 else "area_px"
    columns: dict[str, object] = {
        "index": [0, *objects.id.tolist()],
        "score": np.append(np.nan, objects.score.astype(np.float64).round(3)),
        size: np.array([None, *objects.area_px.tolist()], object),
    }
    if len(classes) > 1:
        columns["class"] = ["", *(classes[index] for index in objects.class_index.tolist())]
    return pd.DataFrame(columns)
