"""Instances of any shape: foreground, how deep in its cell each pixel lies, and how large the cell is.

Depth is the distance to the edge of the own cell as a share of the largest there: a ridge along every rod and a hill
in every round cell, with a valley where two cells touch, whatever their size. Offsets to a centre were ruled out: they
do not part touching rods.

References
----------
Naylor et al. 2019, "Segmentation of nuclei in histopathology images by deep regression of the distance map".
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  (torch's own convention)
from numpy.typing import NDArray
from scipy import ndimage as ndi
from torch import Tensor

from napari_cellvino.training.fit.networks import UNet
from napari_cellvino.training.fit.plan import TrainingPlan
from napari_cellvino.training.objectives.instances import foreground_loss, random_crop
from napari_cellvino.training.objectives.objective import Field

BORDER_WEIGHT = 4.0  # of a pixel between touching cells
LN2 = math.log(2.0)  # ONNX has no power of two
OCTAVES = 3.0  # range of sizes, in octaves around the reference


class DepthObjective:
    """Targets (4, Y, X): foreground, depth, log2 of the diameter over the reference, weight."""

    maps = ("foreground", "depth", "diameter")
    probabilities = 2

    def __init__(self, plan: TrainingPlan) -> None:
        self.plan = plan

    def initialise(self, net: UNet) -> None:
        """Leave random weights as they are."""

    def sample(self, field: Field, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return a crop (1, Y, X) and its targets, now and then an empty field."""
        crop, labels = random_crop(field, self.plan, rng)
        return crop[None], depth_targets(labels, self.plan.diameter_px.reference)

    def loss(self, out: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the losses of foreground (cross entropy + Dice), depth (cross entropy) and size."""
        truth, depth, size, weight = target.unbind(1)
        error = F.smooth_l1_loss(torch.sigmoid(out[:, 1]), depth, reduction="none", beta=0.1)
        size_error = F.smooth_l1_loss(out[:, 2], size, reduction="none", beta=0.5)
        shared = (weight * (1 + truth)).sum()
        return {
            "foreground": foreground_loss(out[:, 0], truth, weight),
            "depth": 4 * (error * weight * (1 + truth)).sum() / shared,
            "size": 1.0 * (size_error * truth).sum() / truth.sum().clamp(min=1),
        }

    def activate(self, out: Tensor) -> Tensor:
        """Return foreground probability, depth (0 to 1) and diameter in px."""
        octaves = out[:, 2:].clamp(-OCTAVES, OCTAVES)
        return torch.cat([torch.sigmoid(out[:, :2]), self.plan.diameter_px.reference * torch.exp(LN2 * octaves)], 1)


def depth_targets(labels: NDArray[np.integer], reference: float) -> NDArray[np.float32]:
    """Return foreground, depth, log2(diameter / ``reference``) and weight, (4, Y, X), of a label image (Y, X).

    Cells cut by the edge of the crop go on beyond it: that edge is none of theirs.
    """
    low, high = ndi.minimum_filter(labels, 3, mode="nearest"), ndi.maximum_filter(labels, 3, mode="nearest")
    inside = labels > 0
    edge = inside & (low != high)
    count = int(labels.max()) + 1
    depth = np.zeros(labels.shape, np.float32)
    if inside.any():
        distance = ndi.distance_transform_edt(~edge) + 1 if edge.any() else np.ones(labels.shape)
        deepest = ndi.maximum(distance, labels, np.arange(count))
        depth[inside] = (distance / np.maximum(deepest, 1e-3)[labels])[inside]
    area = np.bincount(labels.reshape(-1), minlength=count)
    diameter = np.sqrt(4 / np.pi * np.maximum(area, 1))[labels]
    octaves = np.where(inside, np.log2(diameter / reference), 0)
    weight = np.where(_between_cells(labels), BORDER_WEIGHT, 1.0)
    return np.stack([inside, depth, octaves, weight]).astype(np.float32)


def _between_cells(labels: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return where two different cells lie within two pixels."""
    high = ndi.maximum_filter(labels, size=3)
    low = ndi.minimum_filter(np.where(labels == 0, labels.max() + 1, labels), size=3)
    return np.asarray((high > 0) & (low <= labels.max()) & (high != low))
