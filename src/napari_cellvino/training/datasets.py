"""Labelled images as training and evaluation see them.

A *packed set* is a folder with a ``manifest.csv`` and ``*.zip`` files that hold ``images/<id>.tif`` and
``labels/<id>.tif`` (uint16, 0 = background). Splits are by field of view and stand in the manifest.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_cellvino.errors import TrainingDataError


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """One field with its truth.

    ``image`` is (Y, X) or (Y, X, RGB) of any dtype; ``labels`` is (Y, X) uint16, 0 = background.
    """

    id: str
    source: str
    image: NDArray[np.generic]
    labels: NDArray[np.uint16]


def read_packed_set(
    folder: Path, split: str, *, keep: Callable[[dict[str, str]], bool] = lambda row: True
) -> Iterator[LabelledImage]:
    """Yield the fields of ``split`` whose manifest row passes ``keep`` and that are packed in this folder.

    Raises
    ------
    TrainingDataError
        If the folder has no ``manifest.csv``.
    """
    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        raise TrainingDataError(f"{folder} has no manifest.csv; name a folder that holds one and its .zip files")
    members = _members(folder)
    with manifest.open(newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["split"] == split and keep(row)]
    for row in rows:
        archive = members.get(f"images/{row['id']}.tif")
        if archive is None:  # the manifest also lists pictures that another set packs
            continue
        image, labels = (_member(archive, f"{kind}/{row['id']}.tif") for kind in ("images", "labels"))
        yield LabelledImage(row["id"], folder.name, image, labels.astype(np.uint16))


def _members(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            found |= dict.fromkeys(archive.namelist(), path)
    return found


def _member(archive: Path, name: str) -> NDArray[np.generic]:
    with zipfile.ZipFile(archive) as handle:
        return np.asarray(tifffile.imread(io.BytesIO(handle.read(name))))
