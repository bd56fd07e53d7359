"""Test-time augmentation: a tile is also inferred flipped and transposed, and the maps are averaged.

The eight augmentations are all symmetries of a square. Maps with a direction are transformed back accordingly: offsets
change their sign or axis, heights become widths. Models for stains, which may be dark on bright or bright on dark, get
half of the augmentations as negatives: an image and its negative then give nearly the same result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.engines.engine import Engine
from napari_cellvino.model_package import ModelSpec

TRANSPOSED_NAMES = {"offset_y": "offset_x", "offset_x": "offset_y", "height": "width", "width": "height"}


@dataclass(frozen=True, slots=True)
class Augmentation:
    """One symmetry of a normalised image (…, Y, X): transposed first, then flipped; optionally as its negative."""

    transposed: bool
    flipped_y: bool
    flipped_x: bool
    negative: bool = False

    def apply(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return pixels (…, Y, X) transformed."""
        transposed = pixels.swapaxes(-1, -2) if self.transposed else pixels
        flipped = self._flip(transposed)
        return np.ascontiguousarray(1 - flipped if self.negative else flipped)

    def invert(self, maps: NDArray[np.float32], names: Sequence[str]) -> NDArray[np.float32]:
        """Return maps (M, Y, X) of a transformed image, transformed back; ``names`` are those of the maps."""
        signs = np.array([self._sign(name) for name in names], np.float32)[:, None, None]
        result: NDArray[np.float32] = self._flip(maps) * signs
        if not self.transposed:
            return result
        order = [
            names.index(TRANSPOSED_NAMES[name]) if TRANSPOSED_NAMES.get(name) in names else i
            for i, name in enumerate(names)
        ]
        return result.swapaxes(-1, -2)[order]

    def _flip(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        return pixels[..., :: -1 if self.flipped_y else 1, :: -1 if self.flipped_x else 1]

    def _sign(self, name: str) -> int:
        flipped = (name == "offset_y" and self.flipped_y) or (name == "offset_x" and self.flipped_x)
        return -1 if flipped else 1


AUGMENTATIONS = tuple(Augmentation(bool(n & 4), bool(n & 2), bool(n & 1)) for n in range(8))
AUGMENTATIONS_WITH_NEGATIVES = tuple(
    Augmentation(v.transposed, v.flipped_y, v.flipped_y ^ v.flipped_x, v.flipped_x) for v in AUGMENTATIONS
)


def augmentations_for(spec: ModelSpec) -> tuple[Augmentation, ...]:
    """Return the augmentations that a model uses; the identity alone where it uses none."""
    if spec.views == 1:
        return AUGMENTATIONS[:1]
    return AUGMENTATIONS_WITH_NEGATIVES if spec.negatives else AUGMENTATIONS


def infer_augmented(
    engine: Engine, batches: Iterable[NDArray[np.float32]], spec: ModelSpec
) -> Iterator[NDArray[np.floating]]:
    """Yield the maps (M, Y, X) of each tile (1, C, Y, X), averaged over the model's augmentations."""
    augmentations = augmentations_for(spec)
    if len(augmentations) == 1:
        yield from (maps[0] for maps in engine.infer_all(batches))
        return
    outputs = engine.infer_all(augmentation.apply(batch) for batch in batches for augmentation in augmentations)
    for maps in outputs:
        total = augmentations[0].invert(maps[0].astype(np.float32), spec.maps)
        for augmentation, more in zip(augmentations[1:], outputs, strict=False):
            total = total + augmentation.invert(more[0].astype(np.float32), spec.maps)
        yield total / np.float32(spec.views)
