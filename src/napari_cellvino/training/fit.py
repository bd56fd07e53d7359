"""Fit a centre-offset network: resumable, in bf16 on a CPU, averaged weights kept."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  (torch's own convention)
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from napari_cellvino.inference.normalise import intensity_range
from napari_cellvino.training.augment import CropOptions, random_crop
from napari_cellvino.training.datasets import LabelledImage
from napari_cellvino.training.networks import OFFSET_SCALE, CentreOffsetNet
from napari_cellvino.training.targets import make_targets


@dataclass(frozen=True, slots=True)
class FitOptions:
    """How long and how fast to fit."""

    steps: int = 6000
    batch: int = 8
    learning_rate: float = 1.5e-3
    weight_decay: float = 1e-4
    warm_up: int = 200
    average: float = 0.998
    seed: int = 0
    checkpoint_every: int = 250
    crops: CropOptions = field(default_factory=CropOptions)


@dataclass(frozen=True, slots=True)
class FitProgress:
    """News of one stretch of steps."""

    step: int
    steps: int
    loss: dict[str, float]
    seconds_per_step: float


class CropStream(IterableDataset[tuple[Tensor, Tensor]]):
    """Endless augmented crops: image (1, Y, X) and targets (5, Y, X): foreground, dy, dx, diameter, weight."""

    def __init__(self, images: Sequence[LabelledImage], options: CropOptions, seed: int) -> None:
        self.fields = [(_normalised(item.image), item.labels, _median_diameter(item.labels)) for item in images]
        self.chances = _sampling_weights(images, [f[2] for f in self.fields])
        self.options, self.seed = options, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield crops for ever."""
        torch.set_num_threads(1)
        rng = np.random.default_rng(self.seed)
        while True:
            image, labels, diameter = self.fields[rng.choice(len(self.fields), p=self.chances)]
            crop, crop_labels = random_crop(image, labels, diameter, self.options, rng)
            t = make_targets(crop_labels)
            stack = np.stack([t.foreground, *(t.offset_yx / OFFSET_SCALE), t.diameter / OFFSET_SCALE, t.weight])
            yield torch.from_numpy(crop[None]), torch.from_numpy(stack.astype(np.float32))


def fit(images: Sequence[LabelledImage], folder: Path, options: FitOptions) -> Iterator[FitProgress]:
    """Fit on ``images``, yielding progress; checkpoints go to ``folder`` and a later call goes on from the last.

    The averaged weights are in ``folder/weights.pt`` whenever a checkpoint has been written.
    """
    torch.manual_seed(options.seed)
    net = CentreOffsetNet().to(memory_format=torch.channels_last)
    average = copy.deepcopy(net)
    optimizer = torch.optim.AdamW(net.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay)
    start = _resume(folder, net, average, optimizer)
    stream = CropStream(images, options.crops, options.seed + start)
    batches = iter(DataLoader(stream, batch_size=options.batch, num_workers=1, prefetch_factor=4))
    sums: dict[str, float] = {}
    clock = time.perf_counter()
    for step in range(start + 1, options.steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = _learning_rate(step, options)
        losses = _step(net, optimizer, *next(batches))
        _move_average(average, net, min(options.average, step / (step + 20)))
        for name, value in losses.items():
            sums[name] = sums.get(name, 0.0) + value
        if step % options.checkpoint_every == 0 or step == options.steps:
            done = (step - 1) % options.checkpoint_every + 1
            pace = (time.perf_counter() - clock) / done
            _save(folder, net, average, optimizer, step)
            yield FitProgress(step, options.steps, {k: v / done for k, v in sums.items()}, pace)
            sums, clock = {}, time.perf_counter()


def _step(net: CentreOffsetNet, optimizer: torch.optim.Optimizer, image: Tensor, target: Tensor) -> dict[str, float]:
    net.train()
    with torch.autocast("cpu", torch.bfloat16):
        out = net(image.to(memory_format=torch.channels_last))
    foreground, offset = _losses(out.float(), target)
    optimizer.zero_grad(set_to_none=True)
    (foreground + offset).backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
    optimizer.step()
    return {"foreground": foreground.item(), "offset": offset.item()}


def _losses(out: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the foreground loss (weighted cross entropy + Dice) and the offset loss (error in diameters)."""
    truth, offset, diameter, weight = target[:, 0], target[:, 1:3], target[:, 3], target[:, 4]
    logit = out[:, 0]
    cross = F.binary_cross_entropy_with_logits(logit, truth, weight, reduction="sum") / weight.sum()
    p = torch.sigmoid(logit)
    dice = 1 - (2 * (p * truth).sum() + 1) / (p.sum() + truth.sum() + 1)
    error = F.smooth_l1_loss(out[:, 1:3], offset, reduction="none", beta=0.05).sum(1) * truth
    # relative to the diameter, and pixels of small objects weigh more: between per pixel and per object
    share = truth * weight / diameter.clamp(min=0.25)
    return cross + 0.5 * dice, 4 * (error / diameter.clamp(min=0.25) * share).sum() / share.sum().clamp(min=1)


def _learning_rate(step: int, options: FitOptions) -> float:
    warm = min(1.0, step / options.warm_up)
    return options.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * step / options.steps))


def _move_average(average: CentreOffsetNet, net: CentreOffsetNet, keep: float) -> None:
    with torch.no_grad():
        for slow, fast in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
            if slow.dtype.is_floating_point:
                slow.lerp_(fast, 1 - keep)
            else:
                slow.copy_(fast)


def _save(
    folder: Path, net: CentreOffsetNet, average: CentreOffsetNet, optimizer: torch.optim.Optimizer, step: int
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    state = {"net": net.state_dict(), "average": average.state_dict(), "optimizer": optimizer.state_dict()}
    for name, content in (("checkpoint.pt", state | {"step": step}), ("weights.pt", average.state_dict())):
        torch.save(content, folder / f"{name}.part")
        (folder / f"{name}.part").replace(folder / name)


def _resume(folder: Path, net: CentreOffsetNet, average: CentreOffsetNet, optimizer: torch.optim.Optimizer) -> int:
    path = folder / "checkpoint.pt"
    if not path.is_file():
        return 0
    state = torch.load(path, weights_only=True)
    net.load_state_dict(state["net"])
    average.load_state_dict(state["average"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])


def _normalised(image: NDArray[np.generic]) -> NDArray[np.float32]:
    return intensity_range(image).apply(image)


def _median_diameter(labels: NDArray[np.integer]) -> float:
    areas = np.bincount(labels.ravel())[1:]
    areas = areas[areas > 0]
    return float(np.sqrt(4 / np.pi * np.median(areas))) if len(areas) else 20.0


def _sampling_weights(images: Sequence[LabelledImage], diameters: Sequence[float]) -> NDArray[np.float64]:
    """Return chances that lift rare kinds of image (a kind: source, frame size, object size in octaves)."""
    kinds = [(i.source, i.image.shape, round(math.log2(d))) for i, d in zip(images, diameters, strict=True)]
    weights = np.array([1 / math.sqrt(kinds.count(kind)) for kind in kinds])
    return np.asarray(weights / weights.sum())
