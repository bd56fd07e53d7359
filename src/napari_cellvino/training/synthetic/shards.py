"""Synthetic fields kept on disk in shards, so that drawing them is never what a fit waits for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from napari_cellvino.training.data.datasets import LabelledImage

SOURCE = "synthetic"


def write_shard(folder: Path, number: int, fields: list[LabelledImage]) -> Path:
    """Write fields of one size to ``shard_NNNN.npz`` in ``folder`` and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"shard_{number:04d}.npz"
    images = np.stack([np.asarray(field.image, np.float16) for field in fields])
    labels = np.stack([field.true_labels().astype(np.uint16) for field in fields])
    partial = path.with_suffix(".part.npz")
    np.savez(partial, images=images, labels=labels, ids=np.array([field.id for field in fields]))
    partial.replace(path)
    return path


def read_shards(folder: Path) -> Iterator[LabelledImage]:
    """Yield the fields of every finished shard of a folder."""
    for path in sorted(p for p in folder.glob("shard_*.npz") if ".part" not in p.name):
        with np.load(path) as shard:
            for name, image, labels in zip(shard["ids"], shard["images"], shard["labels"], strict=True):
                yield LabelledImage(str(name), SOURCE, image.astype(np.float32), labels=labels.astype(np.int32))
