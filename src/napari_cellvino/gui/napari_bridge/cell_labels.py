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

BAND_ROWS = 128  # looked at at once

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
    clear = colormap._data_to_texture(np.zeros(1, labels.dtype))
    texture: Texture = np.full(labels.shape, clear[0], clear.dtype)
    for rows, edge in _edges(labels, contour):
        where = np.flatnonzero(edge & (labels[rows] != 0))
        texture[rows].reshape(-1)[where] = colormap._data_to_texture(labels[rows].reshape(-1)[where])
    return texture


def outlines_of(labels: Ids, px: int) -> Ids:
    """Return labels (Y, X) with the inside of cells cleared: pixels that have no others in reach of ``px`` steps."""
    outlines: Ids = np.zeros_like(labels)
    for rows, edge in _edges(labels, px):
        np.copyto(outlines[rows], labels[rows], where=edge)
    return outlines


def _edges(labels: Ids, px: int) -> Iterator[tuple[slice, NDArray[np.bool_]]]:
    """Yield bands of rows, which stay in the processor's cache, and which of their pixels are on outlines."""
    for top in range(0, len(labels), BAND_ROWS):
        first, last = max(top - px, 0), min(top + BAND_ROWS + px, len(labels))
        near, edge = labels[first:last], np.zeros((last - first, labels.shape[1]), bool)
        for axis in range(2):
            before, after = _sides(axis)
            differs = near[before] != near[after]
            edge[before] |= differs
            edge[after] |= differs
        for _ in range(px - 1):
            edge = _widened(edge)
        yield slice(top, min(top + BAND_ROWS, len(labels))), edge[top - first : top - first + BAND_ROWS]


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
