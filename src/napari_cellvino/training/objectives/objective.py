"""The training objective of a family of networks: how crops and targets are drawn, the loss, and the activations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from napari_cellvino.segmentation.contrast import contrast_of
from napari_cellvino.training.data.datasets import LabelledImage
from napari_cellvino.training.fit.networks import UNet
from napari_cellvino.training.fit.plan import TrainingPlan


@dataclass(frozen=True, slots=True)
class Field:
    """A labelled image ready to be cropped: normalised ``image`` (C, Y, X), object ``diameter`` (median, px).

    ``image`` is grey, or has three colours where the network takes them and the labelled image is in colour. Of
    ``labels`` (Y, X) and boxes (``class_index`` (N,), ``yxyx`` (N, 4)) an objective uses what it needs.
    """

    source: str
    image: NDArray[np.float32]
    labels: NDArray[np.int32]
    class_index: NDArray[np.int32]
    yxyx: NDArray[np.float32]
    diameter: float


class Objective(Protocol):
    """The objective of one family of networks, which the head of the same name decodes."""

    def __init__(self, plan: TrainingPlan) -> None: ...

    @property
    def maps(self) -> tuple[str, ...]:
        """Names of the network's output channels, in order."""
        ...

    @property
    def probabilities(self) -> int:
        """Number of maps, the first ones, that are probabilities; the network gives them as logits."""
        ...

    def initialise(self, net: UNet) -> None:
        """Initialise a network with random weights, in place."""
        ...

    def sample(self, field: Field, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return a crop (C, crop_px, crop_px) and its targets (K, y, x)."""
        ...

    def loss(self, out: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the terms of the loss, to be summed, for outputs (N, M, y, x) and targets (N, K, y, x)."""
        ...

    def activate(self, out: Tensor) -> Tensor:
        """Return the maps of a package (probabilities, px) from outputs (N, M, y, x) before the activation."""
        ...


def prepare(item: LabelledImage, plan: TrainingPlan) -> Field:
    """Return a labelled image prepared for an objective.

    Raises
    ------
    TrainingDataError
        If it has labels where the plan needs boxes, or boxes of other classes, or boxes only where it needs labels.
    """
    coloured = plan.network.in_channels == 3 and item.image.ndim == 3
    inputs = np.moveaxis(item.image[..., :3], -1, 0) if coloured else item.grey()[None]
    image, shape = contrast_of(inputs, plan.normalise).apply(), inputs.shape[1:]
    if item.labels is None or (item.boxes is not None and plan.head == "grid"):
        boxes = item.true_boxes()
        if plan.head != "grid":
            item.true_labels()
        labels = np.zeros(shape, np.int32)
        sides = np.maximum(boxes.yxyx[:, 2:] - boxes.yxyx[:, :2], 1)
        diameter = float(np.median(np.sqrt(sides.prod(axis=1)))) if len(sides) else plan.diameter_px.reference
        return Field(item.source, image, labels, boxes.class_index(plan.classes), boxes.yxyx, diameter)
    labels = item.labels.astype(np.int32)
    nothing = np.zeros(0, np.int32), np.zeros((0, 4), np.float32)
    return Field(item.source, image, labels, *nothing, _median_diameter(labels, plan.diameter_px.reference))


def _median_diameter(labels: NDArray[np.integer], default: float) -> float:
    areas = np.unique(labels[labels > 0], return_counts=True)[1]
    return float(np.sqrt(4 / np.pi * np.median(areas))) if len(areas) else default
