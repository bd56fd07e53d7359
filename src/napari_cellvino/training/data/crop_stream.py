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
    """Return sampling probabilities: sources in ``shares`` come so often, the others share what remains.

    Among the others rare kinds of image come more often than their number; a kind is source, frame size, object size in
    octaves, and classes.
    """
    sources = Counter(f.source for f in fields)
    named = np.array([shares.get(f.source, 0.0) / sources[f.source] for f in fields])
    kinds = [(f.source, f.image.shape, round(math.log2(f.diameter)), frozenset(f.class_index.tolist())) for f in fields]
    rare = np.array(
        [0.0 if f.source in shares else 1 / math.sqrt(kinds.count(k)) for f, k in zip(fields, kinds, strict=True)]
    )
    rest = max(0.0, 1.0 - named.sum()) * rare / max(rare.sum(), 1e-9)
    chances = named + rest if (named + rest).sum() else np.ones(len(fields))
    return np.asarray(chances / chances.sum())
