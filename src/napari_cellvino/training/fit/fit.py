"""Fit a network to labelled images: resumable, in bf16 where the processor has it, averaged weights kept.

A run is a folder: ``checkpoint.pt`` (to go on from), ``weights.pt`` (averaged, to use), ``history.csv`` and
``history.png`` (losses and validation).
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from napari_cellvino.core.errors import TrainingDataError
from napari_cellvino.training.data.crop_stream import crop_batches
from napari_cellvino.training.data.datasets import LabelledImage
from napari_cellvino.training.fit.distillation import Distillation, taught_losses
from napari_cellvino.training.fit.history import Record, add_record
from napari_cellvino.training.fit.networks import UNet
from napari_cellvino.training.fit.plan import TrainingPlan
from napari_cellvino.training.objectives import Objective, objective_for, prepare
from napari_cellvino.training.objectives.objective import Field

Validation = Callable[[UNet], float]
MAX_GRADIENT_NORM = 5.0  # gradients are clipped to this


@dataclass(frozen=True, slots=True)
class FitProgress:
    """Progress after a step: mean losses, seconds per step and share of the time spent waiting for crops.

    Means are since the last checkpoint. ``validation`` is the latest score, None before the first; ``saved`` tells
    whether a checkpoint was written.
    """

    step: int
    steps: int
    loss: dict[str, float]
    seconds_per_step: float
    waiting: float
    validation: float | None
    saved: bool

    @property
    def seconds_left(self) -> float:
        """Time the remaining steps will take at this pace."""
        return (self.steps - self.step) * self.seconds_per_step

    def describe(self) -> str:
        """Return the progress as one line of text."""
        losses = "  ".join(f"{name} {value:.4f}" for name, value in self.loss.items())
        score = "" if self.validation is None else f"  validation {self.validation:.3f}"
        pace = f"{self.seconds_per_step:.2f} s/step, {self.waiting:.0%} waiting, {self.seconds_left / 60:.1f} min left"
        return f"step {self.step:,} of {self.steps:,}  {losses}{score}  ({pace})"


def build_network(plan: TrainingPlan) -> UNet:
    """Return the network of a plan with random weights, which the plan's seed decides."""
    torch.manual_seed(plan.seed)
    objective = objective_for(plan)
    net = UNet(plan.network, len(objective.maps))
    objective.initialise(net)
    return net


def fit(
    images: Sequence[LabelledImage],
    folder: Path,
    plan: TrainingPlan,
    *,
    start_from: UNet | None = None,
    distillation: Distillation | None = None,
    teacher: UNet | None = None,
    validate: Validation | None = None,
    after_step: Callable[[int, UNet], None] | None = None,
    device: str = "cpu",
) -> Iterator[FitProgress]:
    """Fit a network on ``images`` and yield progress after each step; a later call resumes from the last checkpoint.

    Parameters
    ----------
    images
        Labelled fields, at least one with an object.
    folder
        Folder of checkpoints and history.
    plan
        Network, augmentation and schedule.
    start_from
        A network of the same shape to start from, instead of random weights.
    distillation
        Keeps the network close to ``start_from`` on images like those it was trained on.
    teacher
        A network of any shape whose maps of the crops are learned beside the truth.
    validate
        Scores the averaged network after each checkpoint; higher is better.
    after_step
        Called with step and network after each step; may change the weights in place.
    device
        ``cpu`` or ``cuda``.

    Raises
    ------
    TrainingDataError
        If no image has an object, or the checkpoint in ``folder`` belongs to another network.
    """
    fields, objective = _prepare_fields(images, plan), objective_for(plan)
    state = _TrainingState.start(plan, start_from, device, teacher)
    start = state.resume(folder)
    batches = crop_batches(fields, plan, batch=plan.batch, seed=plan.seed + start)
    means, score = _RunningMeans(), None
    for step in range(start + 1, plan.steps + 1):
        with means.waiting():
            image, target = (part.to(device) for part in next(batches))
        state.set_learning_rate(_learning_rate(step, plan))
        means.add(state.train_on(image, target, objective, distillation))
        if after_step is not None:
            after_step(step, state.net)
        state.update_average(min(plan.average, step / (step + 20)))
        losses, pace, waited = means.means()
        if saved := step % plan.checkpoint_every == 0 or step == plan.steps:
            state.save(folder, step)
            score = None if validate is None else validate(state.average)
            add_record(folder, Record(step, losses, score))
            means = _RunningMeans()
        yield FitProgress(step, plan.steps, losses, pace, waited, score, saved)


def _prepare_fields(images: Sequence[LabelledImage], plan: TrainingPlan) -> list[Field]:
    fields = [prepare(item, plan) for item in images]
    if not any(len(f.yxyx) or f.labels.any() for f in fields):
        raise TrainingDataError(f"none of the {len(fields)} training field(s) has a labelled object")
    return fields


@dataclass(frozen=True, slots=True)
class _TrainingState:
    """What a checkpoint contains, the network, the moving average of its weights and the optimizer, and a teacher."""

    net: UNet
    average: UNet
    optimizer: torch.optim.Optimizer
    teacher: UNet | None = None

    @classmethod
    def start(
        cls, plan: TrainingPlan, start_from: UNet | None, device: str, teacher: UNet | None = None
    ) -> _TrainingState:
        net = (copy.deepcopy(start_from) if start_from is not None else build_network(plan)).to(device)
        net = net.to(memory_format=torch.channels_last)
        optimizer = torch.optim.AdamW(net.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay)
        if teacher is not None:
            teacher = copy.deepcopy(teacher).to(device).to(memory_format=torch.channels_last).eval()
        return cls(net, copy.deepcopy(net), optimizer, teacher)

    def set_learning_rate(self, rate: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def train_on(
        self, image: Tensor, target: Tensor, objective: Objective, distillation: Distillation | None
    ) -> dict[str, float]:
        """Take one step of the optimizer and return the losses."""
        if distillation is None:
            losses = _losses(self.net, objective, image, target, self.teacher)
        else:
            losses = _losses_with_distillation(distillation, self.net, objective, image, target)
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), MAX_GRADIENT_NORM)
        self.optimizer.step()
        return {name: value.item() for name, value in losses.items()}

    def update_average(self, decay: float) -> None:
        with torch.no_grad():
            pairs = zip(self.average.state_dict().values(), self.net.state_dict().values(), strict=True)
            for slow, fast in pairs:
                if slow.dtype.is_floating_point:
                    slow.lerp_(fast, 1 - decay)
                else:
                    slow.copy_(fast)

    def save(self, folder: Path, step: int) -> None:
        """Write ``checkpoint.pt`` and ``weights.pt``."""
        folder.mkdir(parents=True, exist_ok=True)
        average = self.average.state_dict()
        state = {"net": self.net.state_dict(), "average": average, "optimizer": self.optimizer.state_dict()}
        for name, content in (("checkpoint.pt", state | {"step": step}), ("weights.pt", average)):
            torch.save(content, folder / f"{name}.part")
            (folder / f"{name}.part").replace(folder / name)

    def resume(self, folder: Path) -> int:
        """Load the last checkpoint, if there is one, and return its step."""
        path = folder / "checkpoint.pt"
        if not path.is_file():
            return 0
        try:
            state = torch.load(path, weights_only=True)
            self.net.load_state_dict(state["net"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            return int(state["step"])
        except (RuntimeError, KeyError, ValueError, EOFError) as error:
            reason = str(error).splitlines()[0]
            raise TrainingDataError(
                f"{path} cannot be resumed ({reason}); it belongs to another plan: name another run folder"
            ) from error


class _RunningMeans:
    """Sums over the steps since the last checkpoint."""

    def __init__(self) -> None:
        self._losses: dict[str, float] = {}
        self._steps, self._waited, self._start = 0, 0.0, time.perf_counter()

    def waiting(self) -> _RunningMeans:
        return self

    def __enter__(self) -> None:
        self._since = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._waited += time.perf_counter() - self._since

    def add(self, losses: dict[str, float]) -> None:
        self._steps += 1
        for name, value in losses.items():
            self._losses[name] = self._losses.get(name, 0.0) + value

    def means(self) -> tuple[dict[str, float], float, float]:
        """Return mean losses, seconds per step, and the part of the time that went into waiting."""
        seconds = time.perf_counter() - self._start
        return {k: v / self._steps for k, v in self._losses.items()}, seconds / self._steps, self._waited / seconds


def _losses(net: UNet, objective: Objective, image: Tensor, target: Tensor, teacher: UNet | None) -> dict[str, Tensor]:
    net.train()
    out = _forward(net, image)
    losses = objective.loss(out, target)
    if teacher is None:
        return losses
    with torch.no_grad():
        taught = _forward(teacher, image)
    return taught_losses(losses, out, taught, objective.probabilities)


def _losses_with_distillation(
    distillation: Distillation, net: UNet, objective: Objective, image: Tensor, target: Tensor
) -> dict[str, Tensor]:
    """Return the losses on new crops, and the distillation loss on crops of the samples."""
    distillation.freeze_batch_norm(net)
    crops = distillation.crops()
    out = _forward(net, torch.cat([image, crops]))
    kept = distillation.loss(out[len(image) :], _forward(distillation.teacher_maps, crops))
    return objective.loss(out[: len(image)], target) | {"distillation": kept}


def _forward(net: Callable[[Tensor], Tensor], image: Tensor) -> Tensor:
    """Return the maps as float32, computed in bf16 where the processor supports it."""
    with torch.autocast(image.device.type, torch.bfloat16, enabled=_has_bf16(image.device.type)):
        return net(image.to(memory_format=torch.channels_last)).float()


def _has_bf16(device: str) -> bool:
    """Return whether bf16 convolutions are quick there: AMX or AVX512-BF16, or a GPU that has them."""
    if device == "cpu":
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return bool(torch.cuda.is_bf16_supported())


def _learning_rate(step: int, plan: TrainingPlan) -> float:
    warm = min(1.0, step / max(1, plan.warm_up))
    return plan.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * step / plan.steps))
