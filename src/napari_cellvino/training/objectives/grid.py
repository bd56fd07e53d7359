"""Boxes on a grid: at each grid cell the probability of each class, the way to the middle of the object, its size.

References
----------
González & Evans 2019, "Biomedical image processing with containers and deep learning" (a stride-16 grid of
background, cell, dx, dy); Zhou et al. 2019, "Objects as points" (peaks softened by Gaussians, their focal loss).
"""

from __future__ import annotations

from itertools import product

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  (torch's own convention)
from numpy.typing import NDArray
from scipy import ndimage as ndi
from torch import Tensor

from napari_cellvino.training.data.augment import change_intensities
from napari_cellvino.training.data.random_view import View, random_view
from napari_cellvino.training.fit.networks import UNet
from napari_cellvino.training.fit.plan import TrainingPlan
from napari_cellvino.training.objectives.objective import Field
from napari_cellvino.training.synthetic.empty_fields import empty_field

NEAR = 0.5  # grid cells where a class's peak is at least this high say where the object is

RARE = -4.0  # logit
GREY = 0.15  # of the crops in colour: what has a colour here may have none elsewhere
SLIVER = 0.08  # of the median area in a crop; less of a cell at its edge is none


class GridObjective:
    """Targets (K + 5, y, x): a soft peak per class, offsets and sizes (logarithm) in units of the stride, near/far."""

    def __init__(self, plan: TrainingPlan) -> None:
        self.plan = plan
        self.probabilities = len(plan.classes)
        self.maps = (*plan.classes, "offset_y", "offset_x", *(("height", "width") if plan.box_sizes else ()))

    def initialise(self, net: UNet) -> None:
        """Let every grid cell start out as background: objects are rare."""
        with torch.no_grad():
            net.last_bias[: len(self.plan.classes)] = RARE

    def sample(self, field: Field, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return a crop (C, Y, X) and its targets; the C colours of a grey image are equal or nearly so."""
        size = self.plan.crop_px
        if rng.random() < self.plan.empty_fraction:
            crop, boxes, classes = empty_field(size, rng)[None], np.zeros((0, 4), np.float32), np.zeros(0, np.int32)
        else:
            view = random_view(field.labels.shape, field.diameter, self.plan, rng)
            boxes, classes, labels = _objects_in(view, field)
            seed = int(rng.integers(2**32))  # all colours change alike
            changed = [
                change_intensities(colour, labels, self.plan.style, np.random.default_rng(seed))
                for colour in view.image(field.image)
            ]
            crop = np.stack(changed)
        return _coloured(crop, self.plan.network.in_channels, rng), self._targets(boxes, classes)

    def _targets(self, boxes: NDArray[np.float32], classes: NDArray[np.int32]) -> NDArray[np.float32]:
        stride, count = self.plan.network.stride, len(self.plan.classes)
        side = self.plan.crop_px // stride
        out = np.zeros((count + 5, side, side), np.float32)
        best = np.zeros((side, side), np.float32)
        at = (np.arange(side) + 0.5) * stride - 0.5  # px of the middle of each grid cell
        for (y0, x0, y1, x1), own in zip(boxes, classes, strict=True):
            height, width = y1 - y0, x1 - x0
            dy, dx = (y0 + y1 - 1) / 2 - at[:, None], (x0 + x1 - 1) / 2 - at[None, :]
            sigma_y, sigma_x = (max(0.18 * length, 0.45 * stride) for length in (height, width))
            peak = np.exp(-((dy / sigma_y) ** 2 + (dx / sigma_x) ** 2) / 2).astype(np.float32)
            peak[np.unravel_index(peak.argmax(), peak.shape)] = 1.0
            np.maximum(out[own], peak, out=out[own])
            mine = (peak >= NEAR) & (peak > best)
            best[mine] = peak[mine]
            values = (dy / stride, dx / stride, np.log(height / stride), np.log(width / stride), 1.0)
            for row, value in zip(out[count:], values, strict=True):
                row[mine] = np.broadcast_to(value, peak.shape)[mine]
        return out

    def loss(self, out: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the focal loss of the peaks, and the errors of place and size where an object is."""
        count = len(self.plan.classes)
        peaks, near = target[:, :count], target[:, -1:]
        places = target[:, count : count + out.shape[1] - count]
        objects = (peaks == 1).sum().clamp(min=1)
        focal = _focal(out[:, :count], peaks) / objects
        error = F.smooth_l1_loss(out[:, count:], places, reduction="none", beta=0.1) * near
        there = near.sum().clamp(min=1)
        parts = {"class": focal, "place": error[:, :2].sum() / there}
        if not self.plan.box_sizes:
            return parts
        apart = (1 - _box_iou(out[:, count:], places)) * near[:, 0]
        return parts | {"size": (error[:, 2:].sum() + apart.sum()) / there}

    def activate(self, out: Tensor) -> Tensor:
        """Return class probabilities, offsets in px and sizes in px."""
        count, stride = len(self.plan.classes), self.plan.network.stride
        parts = [torch.sigmoid(out[:, :count]), out[:, count : count + 2] * stride]
        if self.plan.box_sizes:
            parts.append(torch.exp(out[:, count + 2 :].clamp(-3.0, 5.0)) * stride)
        return torch.cat(parts, 1)


def _focal(logit: Tensor, peaks: Tensor) -> Tensor:
    """Return the penalty-reduced focal loss (alpha 2, beta 4), summed."""
    p = torch.sigmoid(logit)
    hit = -((1 - p) ** 2) * F.logsigmoid(logit)
    miss = -((1 - peaks) ** 4) * p**2 * F.logsigmoid(-logit)
    return torch.where(peaks == 1, hit, miss).sum()


def _box_iou(a: Tensor, b: Tensor) -> Tensor:
    """Return the IoU (N, y, x) of boxes (N, 4, y, x): offsets of the middle, and the logarithms of the sides."""
    size_a, size_b = torch.exp(a[:, 2:].clamp(-3, 5)), torch.exp(b[:, 2:].clamp(-3, 5))
    low = torch.maximum(a[:, :2] - size_a / 2, b[:, :2] - size_b / 2)
    high = torch.minimum(a[:, :2] + size_a / 2, b[:, :2] + size_b / 2)
    both = (high - low).clamp(min=0).prod(1)
    return both / (size_a.prod(1) + size_b.prod(1) - both)


def _objects_in(view: View, field: Field) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int32]]:
    """Return boxes, classes and the label image that a view shows; boxes of a label image are those of its objects."""
    labels = view.labels(field.labels)
    if len(field.yxyx) or not field.labels.any():
        boxes, seen = view.boxes(_with_mirrored(field.yxyx, field.labels.shape))
        return boxes[seen], np.tile(field.class_index, 9)[seen], labels
    areas = np.bincount(labels.reshape(-1))[1:]
    whole = areas >= SLIVER * np.median(areas) if len(areas) else areas > 0
    slices = [s for s, keep in zip(ndi.find_objects(labels), whole, strict=True) if keep]
    boxes = np.array([[y.start, x.start, y.stop, x.stop] for y, x in slices], np.float32).reshape(-1, 4)
    return boxes, np.zeros(len(boxes), np.int32), labels


def _with_mirrored(boxes: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return boxes (9 N, 4): themselves and as mirrored beyond each edge and corner, where views show them too."""
    rows = [boxes[:, [0, 2]], -boxes[:, [2, 0]], 2 * shape[0] - boxes[:, [2, 0]]]
    columns = [boxes[:, [1, 3]], -boxes[:, [3, 1]], 2 * shape[1] - boxes[:, [3, 1]]]
    return np.concatenate([np.stack([y[:, 0], x[:, 0], y[:, 1], x[:, 1]], 1) for y, x in product(rows, columns)])


def _coloured(crop: NDArray[np.float32], channels: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a crop (1 or ``channels``, Y, X) in ``channels`` colours: often tinted, and colour now and then grey."""
    if len(crop) == channels > 1 and rng.random() < GREY:
        crop = crop.mean(axis=0, keepdims=True)
    if channels == 1 or rng.random() < 0.5:
        return np.ascontiguousarray(np.broadcast_to(crop, (channels, *crop.shape[1:])))
    tint = np.exp2(rng.uniform(-0.7, 0.3, (channels, 1, 1))).astype(np.float32)
    return np.asarray(np.clip(crop * tint, -0.5, 2.0), np.float32)
