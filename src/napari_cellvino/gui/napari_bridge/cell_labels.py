"""A labels layer whose outlines are quick to draw, or are drawn in another thread beforehand.

For 4096 x 4096 px napari's own outlines take half a second of the window's thread, at each of three steps: when the
layer is made, gets its outlines, and gets its colours. Lines as vectors were ruled out: half a million sides of pixels
are slower than a texture, and napari's brush would not show until its stroke ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from napari.layers import Labels
from napari.utils import DirectLabelColormap
from numpy.typing import NDArray

from napari_cellvino.core.label_edges import edge_bands, outline_pixels

Ids = NDArray[np.integer[Any]]
Texture = NDArray[np.integer[Any]]


class CellLabels(Labels):
    """Labels with outlines of ``contour`` px; ``texture`` is what `texture_of` makes of ``data``, if known."""

    def __init__(
        self,
        data: Ids,
        *,
        contour: int,
        colormap: DirectLabelColormap,
        texture: Texture | None = None,
        **options: object,
    ) -> None:
        self._texture = texture
        super().__init__(data, **options)
        self.contour = contour
        self.colormap = colormap

    def _post_init(self) -> None:
        super()._post_init()  # draws once more
        self._texture = None

    @contextmanager
    def drawn(self, texture: Texture | None) -> Iterator[None]:
        """Show this as the whole of the labels, for as long as the block lasts; None has them drawn."""
        self._texture = texture
        try:
            yield
        finally:
            self._texture = None

    @property
    def _type_string(self) -> str:
        return "labels"  # which napari takes from the name of the class

    def _raw_to_displayed(self, raw: Ids, data_slice: tuple[slice, ...] | None = None) -> Texture:
        if data_slice is None and self._texture is not None and self._texture.shape == raw.shape:
            return self._texture
        texture: Texture = super()._raw_to_displayed(raw, data_slice)
        return texture

    def _calculate_contour(self, labels: Ids, data_slice: tuple[slice, ...]) -> Ids | None:
        if self.contour < 1 or labels.ndim > 2:  # in 3D there are surfaces
            return None
        near = tuple(
            slice(max(part.start - self.contour, 0), min(part.stop + self.contour, size))
            for part, size in zip(data_slice, labels.shape, strict=True)
        )
        inside = tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(data_slice, near, strict=True))
        return outlines_of(labels[near], self.contour)[inside]


def texture_of(
    labels: Ids, contour: int, colormap: DirectLabelColormap, outline: NDArray[np.int64] | None = None
) -> Texture:
    """Return what napari sends to the screen for labels (Y, X): small numbers of colours.

    ``outline`` are the flat indices of pixels of outlines, where they are known; where cells are gone it is clear.
    """
    clear = colormap._data_to_texture(np.zeros(1, labels.dtype))
    texture: Texture = np.full(labels.shape, clear[0], clear.dtype)
    where = outline_pixels(labels, contour) if outline is None else outline
    texture.reshape(-1)[where] = colormap._data_to_texture(labels.reshape(-1)[where])
    return texture


def outlines_of(labels: Ids, px: int) -> Ids:
    """Return labels (Y, X) with the inside of cells cleared: pixels that have no others in reach of ``px`` steps."""
    outlines: Ids = np.zeros_like(labels)
    for rows, edge in edge_bands(labels, px):
        np.copyto(outlines[rows], labels[rows], where=edge)
    return outlines
