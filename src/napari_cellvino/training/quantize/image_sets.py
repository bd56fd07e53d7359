"""The images for quantizing: fields to calibrate on, and labelled fields to validate the accuracy on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_cellvino.core.errors import TrainingDataError
from napari_cellvino.training.data.datasets import IMAGE_SUFFIXES, LabelledImage, read_picture, read_set
from napari_cellvino.training.metrics.evaluate import LabelledSet

TRUTH = ("manifest.csv", "labels", "boxes")


@dataclass(frozen=True, slots=True)
class CalibrationSplit:
    """Fields to calibrate on, and labelled sets to validate on: none where there is no truth.

    ``shared`` tells whether both are the same fields, because there were too few to split.
    """

    calibration: tuple[LabelledImage, ...]
    validation: tuple[LabelledSet, ...]
    shared: bool = False


def split_for_calibration(folder: Path, *, diameter_px: float | None = None) -> CalibrationSplit:
    """Return the ``train`` fields of a labelled set to calibrate on and its ``val`` fields to validate on.

    Raises
    ------
    TrainingDataError
        If the folder holds no labelled set.
    """
    train, val = (tuple(read_set(folder, split)) for split in ("train", "val"))
    shared = not (train and val)
    if shared:
        train = val = tuple(read_set(folder))
    if not train:
        raise TrainingDataError(f"{folder} has no field")
    name = folder.resolve().name if shared else f"{folder.resolve().name} val"
    return CalibrationSplit(train, (LabelledSet(name, val, diameter_px=diameter_px),), shared)


def has_truth(folder: Path) -> bool:
    """Return whether a folder holds more than pictures: a manifest, labels or boxes."""
    return any((folder / name).exists() for name in TRUTH)


def read_pictures(folder: Path) -> CalibrationSplit:
    """Return the pictures in a folder, or in ``images/`` in it, to calibrate on, without a validation set.

    Raises
    ------
    TrainingDataError
        If there is none.
    """
    inside = folder / "images" if (folder / "images").is_dir() else folder
    paths = sorted(p for p in inside.glob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
    if not paths:
        raise TrainingDataError(f"{folder} holds no picture; it should hold TIFF, PNG or JPEG files like yours")
    return CalibrationSplit(tuple(LabelledImage(p.stem, folder.name, read_picture(p)) for p in paths), ())
