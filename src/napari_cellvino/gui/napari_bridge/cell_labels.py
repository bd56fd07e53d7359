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


def texture_of(labels: Ids, contour: int, colormap: DirectLabelColormap) -> Texture:
    """Return what napari sends to the screen for labels (Y, X): small numbers of colours."""
    texture: Texture = colormap._data_to_texture(outlines_of(labels, contour))
    return texture


def outlines_of(labels: Ids, px: int) -> Ids:
    """Return labels (Y, X) with the inside of cells cleared: pixels that have no others in reach of ``px`` steps."""
    edge = np.zeros(labels.shape, bool)
    for axis in range(2):
        before, after = _sides(axis)
        differs = labels[before] != labels[after]
        edge[before] |= differs
        edge[after] |= differs
    for _ in range(px - 1):
        edge = _widened(edge)
    outlines: Ids = np.where(edge, labels, 0)
    return outlines


def _widened(edge: NDArray[np.bool_]) -> NDArray[np.bool_]:
    wide = edge.copy()
    for axis in range(2):
        before, after = _sides(axis)
        wide[before] |= edge[after]
        wide[after] |= edge[before]
    return wide


def _sides(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return all but the last, and all but the first, of the pixels along an axis."""
    whole = [slice(None), slice(None)]
    before, after = whole.copy(), whole.copy()
    before[axis], after[axis] = slice(None, -1), slice(1, None)
    return tuple(before), tuple(after)
