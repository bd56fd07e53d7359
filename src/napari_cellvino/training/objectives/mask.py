"""The mask of the one cell in the middle of a crop.

References
----------
González & Evans 2019, "Biomedical image processing with containers and deep learning" (a 32-64-128-256 U-Net on
200 x 200 px crops, Dice loss); Milletari et al. 2016, "V-Net" (Dice loss).
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  (torch's own convention)
from numpy.typing import NDArray
from scipy import ndimage as ndi
from torch import Tensor

from napari_cellvino.segmentation.normalise import intensity_range
from napari_cellvino.training.data.augment import change_intensities
from napari_cellvino.training.data.random_view import rotated_view
from napari_cellvino.training.fit.networks import UNet
from napari_cellvino.training.fit.plan import TrainingPlan
from napari_cellvino.training.objectives.objective import Field

MISPLACED = 0.1  # detectors miss a cell's middle by about this part of its diameter (standard deviation)
SMALLEST = 30  # px; smaller objects are crumbs of the annotation


class MaskObjective:
    """Targets (1, Y, X): the cell nearest to the middle."""

    maps = ("mask",)
    probabilities = 1

    def __init__(self, plan: TrainingPlan) -> None:
        self.plan = plan

    def initialise(self, net: UNet) -> None:
        """Leave random weights as they are."""

    def sample(self, field: Field, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return a crop (1, Y, X) round a random cell, normalised by its own percentiles, and its mask.

        Its box becomes about as large as the plan's reference: detectors do not know the size of a cell exactly.
        """
        ids, areas = np.unique(field.labels[field.labels > 0], return_counts=True)
        ids = ids[areas >= SMALLEST]
        own = field.labels == rng.choice(ids) if len(ids) else np.zeros(field.labels.shape, bool)
        middle = np.array(ndi.center_of_mass(own))[::-1] if len(ids) else np.array(own.shape[::-1]) / 2
        size = _box_side(own)
        low, high = np.log2(self.plan.scale)
        scale = self.plan.diameter_px.reference / size * 2.0 ** rng.triangular(low, 0.0, high)
        view = rotated_view(
            self.plan.crop_px, scale, middle + 0.5 + rng.normal(0, MISPLACED * size, 2), rng, any_angle=True
        )
        crop = view.image(field.image)[0]
        changed = change_intensities(crop, view.labels(field.labels), self.plan.style, rng)
        mask = _nearest_piece(view.labels(own.astype(np.int32)))
        return intensity_range(changed).apply(changed)[None], mask[None]

    def loss(self, out: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the Dice loss of each crop, on average, and a little cross entropy that steadies it."""
        p = torch.sigmoid(out)
        both, sizes = (p * target).sum((1, 2, 3)), p.sum((1, 2, 3)) + target.sum((1, 2, 3))
        dice = 1 - (2 * both + 1) / (sizes + 1)
        return {"dice": dice.mean(), "cross": 0.5 * F.binary_cross_entropy_with_logits(out, target)}

    def activate(self, out: Tensor) -> Tensor:
        """Return the probability of the mask."""
        return torch.sigmoid(out)


def _box_side(own: NDArray[np.bool_]) -> float:
    """Return the mean side in px of the box round a mask; of the whole where it is empty."""
    spans = [np.flatnonzero(own.any(axis)) for axis in (1, 0)]
    return float(np.mean([np.ptp(span) + 1 if len(span) else n for span, n in zip(spans, own.shape, strict=True)]))


def _nearest_piece(pieces: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the mask of the piece nearest to the middle: mirroring shows a cell at the edge more than once."""
    if not pieces.any():
        return np.zeros(pieces.shape, np.float32)
    y, x = np.ogrid[: pieces.shape[0], : pieces.shape[1]]
    far = (y - pieces.shape[0] / 2) ** 2 + (x - pieces.shape[1] / 2) ** 2
    return np.asarray(pieces == pieces.flat[np.where(pieces > 0, far, np.inf).argmin()], np.float32)
