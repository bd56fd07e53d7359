"""Instances: foreground, and for each of its pixels the way to the centre of its cell.

References
----------
Neven et al. 2019, "Instance segmentation by jointly optimizing spatial embeddings and clustering bandwidth";
Cheng et al. 2020, "Panoptic-DeepLab" (centre regression by offsets).
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  (torch's own convention)
from numpy.typing import NDArray
from torch import Tensor

from napari_cellvino.training.data.targets import make_targets
from napari_cellvino.training.fit.networks import UNet
from napari_cellvino.training.fit.plan import TrainingPlan
from napari_cellvino.training.objectives.instances import foreground_loss, random_crop
from napari_cellvino.training.objectives.objective import Field

OFFSET_SCALE = 16.0  # the network predicts offsets in units of this many px


class CentreOffsetObjective:
    """Targets (5, Y, X): foreground, offset y and x, diameter (all three in units of 16 px), weight."""

    maps = ("foreground", "offset_y", "offset_x")
    probabilities = 1

    def __init__(self, plan: TrainingPlan) -> None:
        self.plan = plan

    def initialise(self, net: UNet) -> None:
        """Leave random weights as they are."""

    def sample(self, field: Field, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return a crop (1, Y, X) and its targets, now and then an empty field."""
        crop, labels = random_crop(field, self.plan, rng)
        t = make_targets(labels)
        target = np.stack([t.foreground, *(t.offset_yx / OFFSET_SCALE), t.diameter / OFFSET_SCALE, t.weight])
        return crop[None], target.astype(np.float32)

    def loss(self, out: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the foreground loss (weighted cross entropy + Dice) and the offset loss (error in diameters)."""
        truth, offset, diameter, weight = target[:, 0], target[:, 1:3], target[:, 3], target[:, 4]
        error = F.smooth_l1_loss(out[:, 1:3], offset, reduction="none", beta=0.05).sum(1) * truth
        # relative to the diameter, and pixels of small objects weigh more: between per pixel and per object
        share = truth * weight / diameter.clamp(min=0.25)
        relative = (error / diameter.clamp(min=0.25) * share).sum() / share.sum().clamp(min=1)
        return {"foreground": foreground_loss(out[:, 0], truth, weight), "offset": 4 * relative}

    def activate(self, out: Tensor) -> Tensor:
        """Return foreground probability and offsets in px."""
        return torch.cat([torch.sigmoid(out[:, :1]), out[:, 1:] * OFFSET_SCALE], 1)
