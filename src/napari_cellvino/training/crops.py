"""A crop round each cell of labelled fields: what a model that outlines one cell is judged on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from napari_cellvino.inference.crops import crop_round
from napari_cellvino.training.datasets import LabelledImage
from napari_cellvino.training.true_cells import true_cells


def cut_cells(fields: Sequence[LabelledImage], side: int, min_area: int = 0) -> list[LabelledImage]:
    """Return a square crop of ``side`` px round the centre of each cell, with that cell alone in its labels.

    Crops are mirrored at the edge of the image, picture and labels alike.
    """
    return [crop for field in fields for crop in _crops(field, side, min_area)]


def _crops(field: LabelledImage, side: int, min_area: int) -> Iterator[LabelledImage]:
    cells, labels = true_cells(field, ("cell",), min_area), field.true_labels()[None]
    colour = field.image.ndim == 3
    image = np.moveaxis(field.image, -1, 0) if colour else field.image[None]
    for number, (y, x) in zip(cells.id.tolist(), np.rint(cells.centre).astype(int).tolist(), strict=True):
        crop, there = (crop_round(pixels, y, x, side) for pixels in (image, labels))
        one = (there[0] == number).astype(np.uint8)
        shown = np.moveaxis(crop, 0, -1) if colour else crop[0]
        yield LabelledImage(f"{field.id} {number}", field.source, shown, labels=one)
