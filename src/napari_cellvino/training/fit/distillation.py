"""Learn a new kind of image without losing the old one, and without the images that the model was made from.

Beside each batch of new crops, the network sees crops of the simulated samples that ship with CellVINO, and is asked
to say of them what it said before. What it says is compared, not the truth: where the network before was wrong or
unsure, it may stay so. The statistics of its BatchNorm layers stay as they were: a few fields would pull them away
from every other kind of image at once.

At the end the weights before and after are averaged: on the way back, the old kind returns before the new one is lost.
The head's defaults stay as well: chosen anew for the new images, they alone cost more of the old kind than the weights.

References
----------
Li and Hoiem 2016, "Learning without forgetting" (the network before as the teacher);
Wortsman et al. 2022, "Robust fine-tuning of zero-shot models" (the average of weights).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  (torch's own convention)
from torch import Tensor, nn

from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.training.data.crop_stream import crop_batches
from napari_cellvino.training.data.datasets import LabelledImage, read_picture
from napari_cellvino.training.fit.networks import UNet
from napari_cellvino.training.fit.plan import StyleName, TrainingPlan
from napari_cellvino.training.objectives import objective_for, prepare

WEIGHT = 2.0  # of what was said before, beside the lesson's losses
SHARES = (0.5, 0.6, 0.7, 0.8, 0.9)  # of the weights after
KEPT_GAIN = 0.5  # of what was gained on the fields kept aside, at least
PLACES = 4.0  # what offsets and sizes weigh beside probabilities, as in the lesson of outlines


class Distillation:
    """What a network said of the samples before it went on learning.

    ``crops`` draws samples as the network was taught, by ``plan`` (its own, before anything was changed for new
    images): half as many as there are new ones in a batch.
    """

    def __init__(self, before: UNet, plan: TrainingPlan, *, seed: int = 0, device: str = "cpu") -> None:
        self._before = copy.deepcopy(before).to(device).eval()
        self._device, self._probabilities = device, objective_for(plan).probabilities
        fields = [prepare(item, plan) for item in sample_fields(plan.style)]
        self._batches = crop_batches(fields, plan, batch=max(1, plan.batch // 2), seed=seed)

    def crops(self) -> Tensor:
        """Return the next crops (N, C, Y, X)."""
        crops, _ = next(self._batches)
        return crops.to(self._device)

    def said(self, crops: Tensor) -> Tensor:
        """Return what the network said of crops before: maps (N, M, y, x), unbounded."""
        with torch.no_grad():
            return torch.as_tensor(self._before(crops))

    def loss(self, out: Tensor, said: Tensor) -> Tensor:
        """Return how far maps (N, M, y, x) lie from those that were ``said`` before, weighted; 0 is the same."""
        return WEIGHT * disagreement(out, said, self._probabilities)

    def settle(self, net: UNet) -> None:
        """Put a network into training, its BatchNorm layers using the statistics they have."""
        net.train()
        for layer in net.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eval()


def disagreement(out: Tensor, said: Tensor, probabilities: int) -> Tensor:
    """Return the divergence of the first ``probabilities`` maps (logits), and the error of the others where they hold.

    Offsets and sizes mean something only where there is a cell: they count by the probabilities that were ``said``.
    """
    chance = torch.sigmoid(said[:, :probabilities])
    surprise = F.binary_cross_entropy_with_logits(out[:, :probabilities], chance)
    least = F.binary_cross_entropy_with_logits(said[:, :probabilities], chance)
    there = chance.sum(1)
    error = F.smooth_l1_loss(out[:, probabilities:], said[:, probabilities:], reduction="none", beta=0.05).sum(1)
    return surprise - least + PLACES * (error * there).sum() / there.sum().clamp(min=1)


def mix_back(before: UNet, after: UNet, scoring: Callable[[UNet], float]) -> tuple[UNet, float]:
    """Return the average of a network's weights before and after it learned, and the share of those after.

    The share is the smallest of `SHARES` that keeps `KEPT_GAIN` of what was gained, as ``scoring`` scores it on fields
    kept aside.
    """
    start, end = scoring(before), scoring(after)
    for share in SHARES:
        net = mixed(before, after, share)
        if scoring(net) >= start + KEPT_GAIN * (end - start):
            return net, share
    return after, 1.0


def mixed(before: UNet, after: UNet, share: float) -> UNet:
    """Return a network whose weights are ``share`` (0 to 1) those after and the rest those before."""
    net = copy.deepcopy(before)
    with torch.no_grad():
        for own, new in zip(net.state_dict().values(), after.state_dict().values(), strict=True):
            if own.dtype.is_floating_point:
                own.lerp_(new, share)
    return net


def sample_fields(style: StyleName) -> Sequence[LabelledImage]:
    """Return the shipped, simulated samples that look like images of a style, with their truth."""
    folder = shipped_folder("sample_data")
    phase = [("phase_field.tif", "phase_field_labels.tif")]
    plate = [
        (f"plate/{well}_s1.ome.tif", f"plate/labels/{well}_s1.tif")
        for well in ("A01", "A02", "A03", "B01", "B02", "B03")
    ]
    nuclei = [*plate, ("nuclei_stack.ome.tif", "nuclei_stack_labels.tif")]
    chosen = {"phase": phase, "chamber": phase, "mixed": nuclei + phase}.get(style, nuclei)
    return [_sample(folder / image, folder / labels) for image, labels in chosen]


def _sample(image: Path, labels: Path) -> LabelledImage:
    return LabelledImage(image.name, "samples", read_picture(image), read_picture(labels).astype(np.int32))
