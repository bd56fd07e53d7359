"""What the numbers in the label images of a film mean: cells, or one value for all of them; told by a few frames.

One word holds for the whole film: were it told of each frame, a cell in two pieces would be two cells in that frame.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.spread import spread_over
from napari_cellvino.formats.label_parts import find_parts, is_class_mask
from napari_cellvino.formats.label_values import check_parts

LOOKED_AT = 5  # frames

LabelsOfFrame = Callable[[int], NDArray[np.integer]]


def are_parts_cells(labels_of: LabelsOfFrame, path: Path, frames: list[int]) -> tuple[bool | None, tuple[str, ...]]:
    """Return whether the connected parts of label images are the cells, None where there are none yet, and what to say.

    Parameters
    ----------
    labels_of
        Gives the label image of a frame.
    path
        Where they are, for messages.
    frames
        The frames that have one.

    Raises
    ------
    ImageValueError
        If they hold neither cells nor masks of cells, but grey values, borders or outlines.
    """
    classes, looked, split, in_frames = 0, 0, 0, 0
    for place in spread_over(len(frames), LOOKED_AT):
        try:
            labels = _numbered(labels_of(frames[place]))
        except ImageReadError:  # told where the frame is read
            continue
        if not labels.any():
            continue
        pieces = find_parts(labels)
        check_parts(path, labels, pieces)
        looked, classes = looked + 1, classes + is_class_mask(pieces)
        apart = int((pieces.apart > 1).sum())
        split, in_frames = split + apart, in_frames + (apart > 0)
    if looked and classes == looked:
        return True, (
            f"{path.name} has one value for all cells, or one for each class: connected parts are taken as the cells, "
            "those that touch as one",
        )
    if split:
        return False, (
            f"{split} label{'s' * (split > 1)} of {path.name} stand{'s' * (split == 1)} on pieces that lie apart, in "
            f"{in_frames} of {looked} frames looked at: each is taken as one cell",
        )
    return (False if looked else None), ()


def parts_of(labels: NDArray[np.integer]) -> NDArray[np.int32]:
    """Return a label image of the connected parts of each value."""
    return find_parts(_numbered(labels)).labels


def _numbered(labels: NDArray[np.integer]) -> NDArray[np.int32]:
    """Return labels of 32 bits; larger ones are numbered anew."""
    if labels.max(initial=0) <= np.iinfo(np.int32).max:
        return labels.astype(np.int32)
    values, places = np.unique(labels, return_inverse=True)
    return np.asarray(places.reshape(labels.shape) + int(values[0] != 0), np.int32)
