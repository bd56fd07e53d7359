"""Learn a new kind of image without losing the old one, and without the images that the model was made from.

Each batch holds new crops and crops of the simulated samples that ship with CellVINO. On the samples, the loss is the
distance to the maps of the network before (the teacher), not to the truth: where the teacher was wrong or unsure, the
network may stay so. The statistics of the BatchNorm layers stay as they were, since a few fields would shift them away
from all other kinds of images.

A smaller network learns from a larger one by the same distance, on the crops that it is fitted to (`taught_losses`).

At the end of fine-tuning the weights before and after are interpolated: this recovers most of the old accuracy before
the new one is lost. The head's defaults stay as well: choosing them on the new images costs more of the old accuracy
than the weights.

References
----------
Hinton, Vinyals and Dean 2015, "Distilling the knowledge in a neural network";
Li and Hoiem 2016, "Learning without forgetting" (the network before as the teacher);
Wortsman et al. 2022, "Robust fine-tuning of zero-shot models" (interpolation of weights).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
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

WEIGHT = 2.0  # of the distillation loss, relative to the losses of the objective
TAUGHT_SHARE = 0.6  # of what a smaller network learns that comes from its teacher, the rest from the truth
SHARES = (0.5, 0.6, 0.7, 0.8, 0.9)  # candidate shares of the weights after
KEPT_GAIN = 0.5  # least share of the gain on the held-out fields that interpolation must keep
REGRESSION_WEIGHT = 4.0  # of offsets and sizes relative to probabilities, as in the objective of outlines


class Distillation:
    """Distillation from the network before fine-tuning (the teacher), on crops of the shipped samples.

    Crops are drawn and augmented by ``plan``, that of the teacher: half as many as there are new ones in a batch.
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

    def teacher_maps(self, crops: Tensor) -> Tensor:
        """Return the maps (N, M, y, x) of the teacher for crops, as logits and px."""
        with torch.no_grad():
            return torch.as_tensor(self._before(crops))

    def loss(self, out: Tensor, teacher_maps: Tensor) -> Tensor:
        """Return the weighted distance of maps (N, M, y, x) to the teacher's; 0 where they are equal."""
        return WEIGHT * distillation_loss(out, teacher_maps, self._probabilities)

    def freeze_batch_norm(self, net: UNet) -> None:
        """Set a network to training mode, apart from the statistics of its BatchNorm layers."""
        net.train()
        for layer in net.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eval()


def distillation_loss(out: Tensor, teacher: Tensor, probabilities: int) -> Tensor:
    """Return the KL divergence of the first ``probabilities`` maps (logits) plus the error of the other maps.

    Offsets and sizes have a meaning only inside cells, so their error is weighted by the teacher's probabilities.
    """
    target = torch.sigmoid(teacher[:, :probabilities])
    cross_entropy = F.binary_cross_entropy_with_logits(out[:, :probabilities], target)
    entropy = F.binary_cross_entropy_with_logits(teacher[:, :probabilities], target)
    weight = target.sum(1)
    error = F.smooth_l1_loss(out[:, probabilities:], teacher[:, probabilities:], reduction="none", beta=0.05).sum(1)
    return cross_entropy - entropy + REGRESSION_WEIGHT * (error * weight).sum() / weight.sum().clamp(min=1)


def taught_losses(losses: Mapping[str, Tensor], out: Tensor, taught: Tensor, probabilities: int) -> dict[str, Tensor]:
    """Return the losses of maps (N, M, y, x) against the truth, given, and against the maps of a teacher, by name."""
    from_teacher = TAUGHT_SHARE * WEIGHT * distillation_loss(out, taught, probabilities)
    return {name: (1 - TAUGHT_SHARE) * loss for name, loss in losses.items()} | {"distillation": from_teacher}


def choose_weight_interpolation(before: UNet, after: UNet, scoring: Callable[[UNet], float]) -> tuple[UNet, float]:
    """Return a network with weights interpolated between before and after training, and the share of those after.

    The share is the smallest of `SHARES` that keeps `KEPT_GAIN` of the gain in the score on held-out fields.
    """
    start, end = scoring(before), scoring(after)
    for share in SHARES:
        net = interpolate_weights(before, after, share)
        if scoring(net) >= start + KEPT_GAIN * (end - start):
            return net, share
    return after, 1.0


def interpolate_weights(before: UNet, after: UNet, share: float) -> UNet:
    """Return a network whose weights are ``share`` (0 to 1) those after and the rest those before."""
    net = copy.deepcopy(before)
    with torch.no_grad():
        for own, new in zip(net.state_dict().values(), after.state_dict().values(), strict=True):
            if own.dtype.is_floating_point:
                own.lerp_(new, share)
    return net


def sample_fields(style: StyleName) -> Sequence[LabelledImage]:
    """Return the shipped simulated samples of a style of images, with their truth."""
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
