"""Fit the networks that find spots, of planes and of stacks, to simulated fields, each drawn once."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from napari_cellvino.segmentation.spots.network_input import SEEN, SeenPlanes, network_plane, network_planes
from napari_cellvino.segmentation.spots.response import without_hot_pixels
from napari_cellvino.training.spots.fields import SIDE, draw_field
from napari_cellvino.training.spots.network import SpotNetwork
from napari_cellvino.training.spots.stacks import draw_stack

FIELDS = 4  # a step
STACKS, PLANES = 3, 2  # a step, and of each of them that are told of
CROP = SIDE // 2
PLACE = 0.5  # weight of the error of a place in px

_Part = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
"""A quarter of a plane: what the network sees of it, where spots have their middle, and their places in the pixel."""


@dataclass(frozen=True, slots=True)
class SpotOptions:
    """Seconds to fit, and at most so many steps; the largest rate; the seed; whether it is the network of stacks."""

    seconds: float = 2400.0
    steps: int = 60_000
    rate: float = 3e-3
    seed: int = 0
    stacks: bool = False


def fit_spots(options: SpotOptions) -> Generator[float, None, SpotNetwork]:
    """Yield the loss of each step, and return the network: the running average of its weights.

    The rate falls with the time that is left, so that any time given ends in a finished network.
    """
    torch.manual_seed(options.seed)
    rng = np.random.default_rng([29, options.seed])
    network, average = (SpotNetwork(SEEN if options.stacks else 1) for _ in range(2))
    network.to(memory_format=torch.channels_last)
    average.load_state_dict(network.state_dict())
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.rate, weight_decay=1e-4)
    started = time.monotonic()
    for step in range(options.steps):
        share = max((time.monotonic() - started) / options.seconds, step / options.steps)
        if share >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = options.rate * min(1.0, (step + 1) / 100) * (0.5 + 0.5 * np.cos(np.pi * share)) + 1e-6
        images, middles, places = spot_batch(rng, stacks=options.stacks)
        with torch.autocast("cpu", torch.bfloat16):
            maps = network(images.contiguous(memory_format=torch.channels_last))
        loss = spot_loss(maps.float(), middles, places)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimiser.step()
        _follow(average, network, min(0.998, step / (step + 20)))
        yield float(loss.detach())
    average.eval()
    return average


def _follow(average: SpotNetwork, network: SpotNetwork, kept: float) -> None:
    with torch.no_grad():
        for old, new in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
            if old.dtype.is_floating_point:
                old.mul_(kept).add_(new, alpha=1 - kept)


def spot_batch(rng: np.random.Generator, *, stacks: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """Return what the network sees (N, P, Y, X), where spots have their middle (N, Y, X), and places (N, 2, Y, X)."""
    drawn = (_of_stack(rng) for _ in range(STACKS)) if stacks else (_of_field(rng) for _ in range(FIELDS))
    parts = [part for each in drawn for part in each]
    seen, middles, places = (torch.from_numpy(np.stack(column)) for column in zip(*parts, strict=True))
    return seen, middles, places


def _of_field(rng: np.random.Generator) -> list[_Part]:
    """Return the four quarters of one field."""
    field = draw_field(rng)
    return _quarters(network_plane(without_hot_pixels(field.image[None]), whole_numbers=False), field.places)


def _of_stack(rng: np.random.Generator) -> list[_Part]:
    """Return the quarters of some planes of one stack: a spot has its middle in the plane that is next to it."""
    stack = draw_stack(rng)
    planes = SeenPlanes(without_hot_pixels(stack.image), whole_numbers=False)
    parts = []
    for z in rng.choice(len(planes), PLANES, replace=False).tolist():
        here = np.rint(stack.places[:, 0]) == z
        parts += _quarters(network_planes(planes, z, stack.deep), stack.places[here, 1:])
    return parts


def _quarters(seen: NDArray[np.float32], at: NDArray[np.float64]) -> list[_Part]:
    """Return the four quarters of what is seen (P, Y, X) of spots at (N, 2): that, middles and places."""
    middle, place = np.zeros((SIDE, SIDE), np.float32), np.zeros((2, SIDE, SIDE), np.float32)
    whole = np.rint(at).astype(int)
    middle[tuple(whole.T)] = 1
    place[:, whole[:, 0], whole[:, 1]] = (at - whole).T
    quarters = [(slice(y, y + CROP), slice(x, x + CROP)) for y in (0, CROP) for x in (0, CROP)]
    return [(np.ascontiguousarray(seen[:, y, x]), middle[y, x].copy(), place[:, y, x].copy()) for y, x in quarters]


def spot_loss(maps: Tensor, middles: Tensor, places: Tensor) -> Tensor:
    """Return the cross-entropy of middles and the error of places there, for each spot."""
    spots = middles.sum() + 20
    told = functional.binary_cross_entropy_with_logits(maps[:, 0], middles, reduction="sum")
    away = (maps[:, 1:] - places).abs().sum(1)
    return (told + PLACE * (away * middles).sum()) / spots
