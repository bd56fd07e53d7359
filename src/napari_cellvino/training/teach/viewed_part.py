"""The part of an image that is looked at while a model is taught."""

from __future__ import annotations

from dataclasses import dataclass

from napari_cellvino.core.image import ZChoice

Box = tuple[int, int, int, int]
"""y0, x0, y1, x1 in px of a plane."""


@dataclass(frozen=True, slots=True)
class ViewedPart:
    """The number of the image, from 0, the way along z, and the part in px of the plane."""

    image: int
    way: ZChoice
    box: Box
