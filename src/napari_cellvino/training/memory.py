"""Learn a new kind of image without losing the old one, and without the images that the model was made from.

Beside each batch of new crops, the network sees crops of the simulated samples that ship with CellVINO, and is asked
to say of them what it said before. What it says is compared, not the truth: where the network before was wrong or
unsure, it may stay so. The statistics of its BatchNorm layers stay as they were: a few fields would pull them away
from every other kind of image at once.

Averaging the weights before and after was tried and left out: on the way back to the old weights the new kind was lost
long before the old one came back.

References
----------
Li and Hoiem 2016, "Learning without forgetting" (the network before as the teacher);
Wortsman et al. 2022, "Robust fine-tuning of zero-shot models" (the averaging).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  (torch's own convention)
from torch import Tensor, nn

from napari_cellvino.inference.engine import Engine
from napari_cellvino.inference.heads import check_parameters
from napari_cellvino.inference.openvino import OpenVinoEngine
from napari_cellvino.inference.predict import decode
from napari_cellvino.package import ModelPackage, ModelSpec
from napari_cellvino.resources import shipped_folder
from napari_cellvino.training.crop_stream import crop_batches
from napari_cellvino.training.datasets import Boxes, LabelledImage, read_picture
from napari_cellvino.training.evaluate import LabelledSet, infer_field
from napari_cellvino.training.lessons import lesson_for, prepare
from napari_cellvino.training.networks import UNet
from napari_cellvino.training.plan import StyleName, TrainingPlan

WEIGHT = 2.0  # of what was said before, beside the lesson's losses
PLACES = 4.0  # what offsets and sizes weigh beside probabilities, as in the lesson of outlines


class Memory:
    """What a network said of the samples before it went on learning.

    ``crops`` draws samples as the network was taught, by ``plan`` (its own, before anything was changed for new
    images): half as many as there are new ones in a batch.
    """

    def __init__(self, before: UNet, plan: TrainingPlan, *, seed: int = 0, device: str = "cpu") -> None:
        self._before = copy.deepcopy(before).to(device).eval()
        self._device, self._probabilities = device, lesson_for(plan).probabilities
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


def as_found(package: ModelPackage, style: StyleName) -> LabelledSet:
    """Return the samples with what a model finds in them as their truth, at the size that it takes them to have.

    A head's defaults that are chosen on these too do not suit the new images alone.
    """
    spec, engine = package.spec, OpenVinoEngine(package)
    usual = spec.diameter_px.assumed or spec.diameter_px.reference
    found = [_as_found(field, spec, engine) for field in sample_fields(style)]
    return LabelledSet("samples", tuple(found), diameter_px=usual)


def _as_found(field: LabelledImage, spec: ModelSpec, engine: Engine) -> LabelledImage:
    if spec.task == "mask":  # of one cell in a crop: the crops are cut by the truth
        return field
    decoded = decode(infer_field(field, spec, engine), spec, check_parameters(spec, {}))
    if spec.task == "instances":
        return replace(field, labels=decoded.label_image())
    objects = decoded.objects
    names = tuple(spec.classes[index] for index in objects.class_index.tolist())
    return replace(field, labels=None, boxes=Boxes(names, objects.box.astype(np.float32)))


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
