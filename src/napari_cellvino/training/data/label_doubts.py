"""Labels of a training set that lie on no edges of their images: a model that learns from them learns nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_cellvino.quality.masks_fit import describe_masks_fit
from napari_cellvino.training.data.datasets import LabelledImage


@dataclass(frozen=True, slots=True)
class LabelDoubts:
    """Sentences on labels that are doubted, one a field, and how many ``fields`` were looked at."""

    sentences: tuple[str, ...] = ()
    fields: int = 0

    @property
    def mostly(self) -> bool:
        """Whether more than half of the fields are doubted, so that scores on such labels say nothing."""
        return 2 * len(self.sentences) > self.fields


NO_DOUBTS = LabelDoubts()


def doubt_labels(fields: Sequence[LabelledImage]) -> LabelDoubts:
    """Return what to say of labels that lie on no edges of their images, or on steeper ones if they were turned."""
    said: list[str] = []
    for field in fields:
        image = np.moveaxis(field.image, -1, 0) if field.image.ndim > len("YX") else field.image[None]
        if field.labels is not None and image.shape[1:] == field.labels.shape:
            said += describe_masks_fit(field.id, field.labels.astype(np.int32), image)
    return LabelDoubts(tuple(said), len(fields))
