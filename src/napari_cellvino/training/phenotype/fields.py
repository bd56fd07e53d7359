"""Labelled fields: a folder of images with ``classes.csv``, and how an image becomes what the network sees."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import TrainingDataError
from napari_cellvino.core.image import MetadataOverrides
from napari_cellvino.core.progress import finish
from napari_cellvino.io import open_as
from napari_cellvino.segmentation.prepare import project
from napari_cellvino.training.phenotype.network import GRID

CLASSES_NAME, IMAGES_NAME = "classes.csv", "images"
PERCENTILES = (1.0, 99.5)


@dataclass(frozen=True, slots=True, eq=False)
class LabelledField:
    """What the network sees of a field (C, Y, X), its class, and its plate: plates are held out whole."""

    pixels: NDArray[np.float32]
    kind: str
    plate: str


def read_fields(folder: Path) -> list[LabelledField]:
    """Return the fields of a set: ``images/`` and ``classes.csv`` with the columns image, class and, if any, plate.

    Raises
    ------
    TrainingDataError
        If the table cannot be read, or images have different numbers of channels.
    ImageReadError, ImageValueError
        If an image cannot be read.
    """
    path = folder / CLASSES_NAME
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise TrainingDataError(f"{path} cannot be read: {error.strerror}; it has the columns image,class") from error
    if not rows or not {"image", "class"} <= set(rows[0]):
        raise TrainingDataError(f"{path} has no rows, or no columns image and class")
    fields = [
        LabelledField(read_field(folder / IMAGES_NAME / row["image"]), row["class"], row.get("plate") or "")
        for row in rows
    ]
    counts = {len(field.pixels) for field in fields}
    if len(counts) > 1:
        raise TrainingDataError(f"the images of {folder} have {' and '.join(map(str, sorted(counts)))} channels")
    return fields


def read_field(path: Path) -> NDArray[np.float32]:
    """Return what the network sees of an image file: its maximum projection, all channels."""
    source = open_as(path, MetadataOverrides())
    return seen(finish(project(source.read(source.positions[0]))).pixels)


def seen(pixels: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return pixels (C, Y, X), each channel from its 1st to its 99.5th percentile as 0 to 1, cut to whole places."""
    height, width = (n - n % GRID for n in pixels.shape[1:])
    if not height or not width:
        raise TrainingDataError(f"a field of {pixels.shape[2]} x {pixels.shape[1]} px is smaller than {GRID} px")
    cut = pixels[:, :height, :width]
    values = cut.astype(np.float32)
    for channel, grey in zip(values, cut, strict=True):
        low, high = _percentiles(grey)
        channel -= np.float32(low)
        channel *= np.float32(1 / max(high - low, 1e-6))
    return np.clip(values, -1, 3, out=values)


def _percentiles(channel: NDArray[np.generic]) -> tuple[float, float]:
    """Return the 1st and the 99.5th percentile of pixels (Y, X); of small whole numbers from their histogram."""
    if channel.dtype not in (np.uint8, np.uint16):
        low, high = np.percentile(channel.astype(np.float32), PERCENTILES)
        return float(low), float(high)
    up_to = np.cumsum(np.bincount(channel.ravel()))
    place = np.array(PERCENTILES) / 100 * (channel.size - 1)
    below, above = (np.searchsorted(up_to, np.floor(place) + step, side="right") for step in (0, 1))
    above = np.where(place > np.floor(place), above, below)
    low, high = below + (above - below) * (place - np.floor(place))
    return float(low), float(high)
