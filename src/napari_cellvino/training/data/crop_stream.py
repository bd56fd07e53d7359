"""Random crops of labelled fields and what they teach, made beside the fit in processes of their own."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from napari_cellvino.training.fit.plan import TrainingPlan
from napari_cellvino.training.objectives import Field, objective_for

Crops = tuple[Tensor, Tensor]


class CropStream(IterableDataset[Crops]):
    """Endless random crops and their targets; each worker draws its own."""

    def __init__(self, fields: Sequence[Field], plan: TrainingPlan, seed: int) -> None:
        self.fields, self.objective, self.seed = fields, objective_for(plan), seed
        self.chances = _sampling_weights(fields, plan.shares)

    def __iter__(self) -> Iterator[Crops]:
        """Yield crops for ever."""
        torch.set_num_threads(1)
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self.seed, worker.id if worker else 0])
        while True:
            crop, target = self.objective.sample(self.fields[rng.choice(len(self.fields), p=self.chances)], rng)
            yield torch.from_numpy(crop), torch.from_numpy(target)


def crop_batches(fields: Sequence[Field], plan: TrainingPlan, *, batch: int, seed: int) -> Iterator[Crops]:
    """Return endless batches: crops (N, C, crop_px, crop_px) and targets (N, K, y, x)."""
    workers = max(1, min(4, (os.cpu_count() or 1) - 1))
    stream = CropStream(fields, plan, seed)
    loader: DataLoader[Crops] = DataLoader(
        stream, batch_size=batch, num_workers=workers, prefetch_factor=4, multiprocessing_context=_FORK
    )
    return iter(loader)


_FORK = "fork" if hasattr(os, "fork") and os.uname().sysname == "Linux" else None


def _sampling_weights(
    fields: Sequence[Field], shares: Mapping[str, float]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return sampling probabilities by ``shares`` of the sources; without them, ones that lift rare kinds of image.

    A kind is source, frame size, object size in octaves, and classes.
    """
    if shares:
        sources = Counter(f.source for f in fields)
        chances = np.array([shares.get(f.source, 0.0) / sources[f.source] for f in fields])
        return np.asarray(chances / chances.sum())
    kinds = [(f.source, f.image.shape, round(math.log2(f.diameter)), frozenset(f.class_index.tolist())) for f in fields]
    weights = np.array([1 / math.sqrt(kinds.count(kind)) for kind in kinds])
    return np.asarray(weights / weights.sum())
