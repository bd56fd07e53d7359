"""Random crops of labelled fields and the loss of the foreground, for all objectives of instance segmentation."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  (torch's own convention)
from numpy.typing import NDArray
from torch import Tensor

from napari_cellvino.training.data.augment import change_intensities
from napari_cellvino.training.data.random_view import random_view
from napari_cellvino.training.fit.plan import TrainingPlan
from napari_cellvino.training.objectives.objective import Field
from napari_cellvino.training.synthetic.empty_fields import empty_field


def random_crop(
    field: Field, plan: TrainingPlan, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return an augmented crop (Y, X) and its labels; some crops are empty fields, as often as the plan says."""
    if rng.random() < plan.empty_fraction:
        return empty_field(plan.crop_px, rng), np.zeros((plan.crop_px, plan.crop_px), np.int32)
    view = random_view(field.labels.shape, field.diameter, plan, rng)
    labels = view.labels(field.labels)
    return change_intensities(view.image(field.image)[0], labels, plan.style, rng), labels


def foreground_loss(logit: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Return the weighted cross entropy plus half of the Dice loss of a foreground map (N, Y, X)."""
    cross_entropy = F.binary_cross_entropy_with_logits(logit, truth, weight, reduction="sum") / weight.sum()
    p = torch.sigmoid(logit)
    dice = 1 - (2 * (p * truth).sum() + 1) / (p.sum() + truth.sum() + 1)
    return cross_entropy + 0.5 * dice
