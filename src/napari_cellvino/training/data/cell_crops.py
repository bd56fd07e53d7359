"""A crop round each cell of labelled fields: for scoring a model that outlines one cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_cellvino.model_package import ModelSpec
from napari_cellvino.segmentation.crops import crop_around
from napari_cellvino.segmentation.refine import crop_sides
from napari_cellvino.segmentation.rescale import resize_pixels
from napari_cellvino.training.data.datasets import LabelledImage
from napari_cellvino.training.data.true_cells import true_cells


def cut_cells(fields: Sequence[LabelledImage], spec: ModelSpec, min_area: int = 0) -> list[LabelledImage]:
    """Return a crop round the centre of each cell as the model sees it, with that cell alone in its labels.

    Crops are cut and resized by the cell's box, as those of cells that a detection model found, and mirrored at the
    edge of the image, picture and labels alike.
    """
    return [crop for field in fields for crop in _crops(field, spec, min_area)]


def _crops(field: LabelledImage, spec: ModelSpec, min_area: int) -> Iterator[LabelledImage]:
    cells, labels = true_cells(field, ("cell",), min_area), field.true_labels()[None]
    colour = field.image.ndim == 3
    image = np.moveaxis(field.image, -1, 0) if colour else field.image[None]
    centres = np.rint(cells.centre).astype(int).tolist()
    for number, (y, x), side in zip(cells.id.tolist(), centres, crop_sides(cells.box, spec).tolist(), strict=True):
        crop = resize_pixels(crop_around(image, y, x, side), (spec.tile, spec.tile))
        one = _nearest_piece(crop_around(labels, y, x, side)[0] == number)
        nearest = ((np.arange(spec.tile) + 0.5) * side / spec.tile).astype(int)
        shown = np.moveaxis(crop, 0, -1) if colour else crop[0]
        yield LabelledImage(
            f"{field.id} {number}", field.source, shown, labels=one[np.ix_(nearest, nearest)].astype(np.uint8)
        )


def _nearest_piece(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the piece nearest to the middle: mirroring shows a cell at the edge of the image more than once."""
    pieces, count = ndi.label(mask)
    if count < 2:
        return mask
    y, x = np.nonzero(pieces)
    nearest = np.argmin((y - mask.shape[0] // 2) ** 2 + (x - mask.shape[1] // 2) ** 2)
    return np.asarray(pieces == pieces[y[nearest], x[nearest]])
