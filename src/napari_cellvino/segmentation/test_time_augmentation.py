"""Test-time augmentation: a tile seen flipped and transposed, and the maps of all views averaged.

Eight views are all symmetries of a square. Maps that have a direction turn with the view: offsets change their sign or
their axis, heights become widths. Models of stains, which may be dark on bright or bright on dark, see half of the
views as negatives: an image and its negative then give nearly the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.engines.engine import Engine
from napari_cellvino.model_package import ModelSpec

TURNED = {"offset_y": "offset_x", "offset_x": "offset_y", "height": "width", "width": "height"}


@dataclass(frozen=True, slots=True)
class View:
    """One way to look at a normalised image (…, Y, X): transposed first, then flipped; perhaps as its negative."""

    transposed: bool
    flipped_y: bool
    flipped_x: bool
    negative: bool = False

    def of(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return pixels (…, Y, X) as this view shows them."""
        turned = pixels.swapaxes(-1, -2) if self.transposed else pixels
        seen = self._flip(turned)
        return np.ascontiguousarray(1 - seen if self.negative else seen)

    def back(self, maps: NDArray[np.float32], names: Sequence[str]) -> NDArray[np.float32]:
        """Return maps (M, Y, X) of a view as those of the image; ``names`` says which of them have a direction."""
        signs = np.array([self._sign(name) for name in names], np.float32)[:, None, None]
        result: NDArray[np.float32] = self._flip(maps) * signs
        if not self.transposed:
            return result
        order = [names.index(TURNED[name]) if TURNED.get(name) in names else i for i, name in enumerate(names)]
        return result.swapaxes(-1, -2)[order]

    def _flip(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        return pixels[..., :: -1 if self.flipped_y else 1, :: -1 if self.flipped_x else 1]

    def _sign(self, name: str) -> int:
        flipped = (name == "offset_y" and self.flipped_y) or (name == "offset_x" and self.flipped_x)
        return -1 if flipped else 1


VIEWS = tuple(View(bool(n & 4), bool(n & 2), bool(n & 1)) for n in range(8))
MIXED = tuple(View(v.transposed, v.flipped_y, v.flipped_y ^ v.flipped_x, v.flipped_x) for v in VIEWS)


def views_for(spec: ModelSpec) -> tuple[View, ...]:
    """Return the views in which a model sees each tile; the first alone where it asks for no augmentation."""
    if spec.views == 1:
        return VIEWS[:1]
    return MIXED if spec.negatives else VIEWS


def infer_views(
    engine: Engine, batches: Iterable[NDArray[np.float32]], spec: ModelSpec
) -> Iterator[NDArray[np.floating]]:
    """Yield the maps (M, Y, X) of each tile (1, C, Y, X), averaged over as many views as the model asks for."""
    views = views_for(spec)
    if len(views) == 1:
        yield from (maps[0] for maps in engine.infer_all(batches))
        return
    answers = engine.infer_all(view.of(batch) for batch in batches for view in views)
    for maps in answers:
        total = views[0].back(maps[0].astype(np.float32), spec.maps)
        for view, more in zip(views[1:], answers, strict=False):
            total = total + view.back(more[0].astype(np.float32), spec.maps)
        yield total / np.float32(spec.views)
