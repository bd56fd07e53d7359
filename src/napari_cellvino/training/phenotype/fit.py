"""Fit the network of phenotypes, on one process or on several that share each batch.

Every process draws the same batch from the seed and takes its part; gradients are averaged over processes, so that the
losses are those of one process with the whole batch. Processes find each other as ``torchrun`` says.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_cellvino.core.errors import OptionError, TrainingDataError
from napari_cellvino.training.phenotype.fields import LabelledField
from napari_cellvino.training.phenotype.network import GRID, MultiScaleNetwork, logits


@dataclass(frozen=True, slots=True)
class PhenotypeOptions:
    """Steps, fields a step over all processes, the side of the crops in px, the largest rate, and the seed."""

    steps: int = 1000
    batch: int = 16
    side: int = 192
    rate: float = 2e-3
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class FittedPhenotypes:
    """The network, its classes, and the loss of each step, over all processes."""

    network: MultiScaleNetwork
    classes: tuple[str, ...]
    losses: tuple[float, ...]


def fit_phenotypes(
    fields: Sequence[LabelledField], options: PhenotypeOptions
) -> Generator[float, None, FittedPhenotypes]:
    """Yield the loss of each step and return the network.

    Raises
    ------
    TrainingDataError
        If there are fewer than two classes, or a field is smaller than the crops.
    OptionError
        If the batch cannot be shared evenly.
    """
    rank, world = (int(os.environ.get(name, start)) for name, start in (("RANK", "0"), ("WORLD_SIZE", "1")))
    classes = tuple(sorted({field.kind for field in fields}))
    _check(fields, classes, options, world)
    if world > 1 and not dist.is_initialized():
        dist.init_process_group("gloo")
    torch.manual_seed(options.seed)
    network = MultiScaleNetwork(len(fields[0].pixels), len(classes))
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, options.rate, total_steps=options.steps)
    rng, losses = np.random.default_rng([23, options.seed]), list[float]()
    for _ in range(options.steps):
        images, kinds = _batch(fields, classes, options, rng)
        part = slice(rank, None, world)
        loss = nn.functional.cross_entropy(logits(network(images[part])), kinds[part])
        optimiser.zero_grad()
        loss.backward()
        losses.append(_shared(network, loss.detach(), world))
        optimiser.step()
        schedule.step()
        yield losses[-1]
    return FittedPhenotypes(network.eval(), classes, tuple(losses))


def _check(fields: Sequence[LabelledField], classes: tuple[str, ...], options: PhenotypeOptions, world: int) -> None:
    if len(classes) < 2:
        raise TrainingDataError(f"phenotypes are told apart between two classes or more, not {len(classes)}")
    if options.batch % world or options.side % GRID:
        raise OptionError(
            f"a batch of {options.batch} is not shared evenly by {world} processes, or {options.side} px is no "
            f"multiple of {GRID}"
        )
    least = min(min(field.pixels.shape[1:]) for field in fields)
    if least < options.side:
        raise TrainingDataError(f"the smallest field has {least} px, and crops have {options.side}; use smaller ones")


def _batch(
    fields: Sequence[LabelledField], classes: tuple[str, ...], options: PhenotypeOptions, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Return crops (N, C, side, side), turned at random, and the numbers (N,) of their classes, each equally often."""
    by_kind = {kind: [field for field in fields if field.kind == kind] for kind in classes}
    crops, kinds = [], []
    for number in range(options.batch):
        kind = int((number + rng.integers(len(classes))) % len(classes))
        held = by_kind[classes[kind]]
        crops.append(_crop(held[rng.integers(len(held))].pixels, options.side, rng))
        kinds.append(kind)
    return torch.from_numpy(np.stack(crops)), torch.tensor(kinds)


def _crop(pixels: NDArray[np.float32], side: int, rng: np.random.Generator) -> NDArray[np.float32]:
    top, left = (int(rng.integers(n - side + 1)) for n in pixels.shape[1:])
    crop = np.rot90(pixels[:, top : top + side, left : left + side], int(rng.integers(4)), (1, 2))
    crop = crop[:, :, ::-1] if rng.random() < 0.5 else crop
    return np.ascontiguousarray(crop * np.float32(rng.uniform(0.7, 1.4)))


def _shared(network: nn.Module, loss: Tensor, world: int) -> float:
    """Average gradients and loss over the processes, and return the loss."""
    if world > 1:
        for tensor in [loss, *(p.grad for p in network.parameters() if p.grad is not None)]:
            dist.all_reduce(tensor)
            tensor /= world
    return float(loss)
