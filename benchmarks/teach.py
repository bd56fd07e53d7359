"""A few strokes on one field of a kind, and the cells of other fields of that kind.

Beside it a random forest on classical filters of the same strokes, decoded in the same way: what people use today.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from benchmarks.asked import Asked
from benchmarks.figure import Figure, NotMeasuredError
from benchmarks.forest import forest_labels
from benchmarks.painter import paint
from napari_cellvino.core.image import Stack
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.quality.accuracy import match_field, summarise
from napari_cellvino.segmentation.channel_choice import choose_channel, with_channel
from napari_cellvino.segmentation.pipeline import make_pipeline
from napari_cellvino.segmentation.predict_field import predict_field
from napari_cellvino.training.data.datasets import Row, read_packed_set
from napari_cellvino.training.teach.teach import TeachResult
from napari_cellvino.workflows.teach import TeachChoices, teach_images

STROKES = 30  # a minute of a person's work
SCORED = 3  # fields of a kind
GOAL_FIRST_S, GOAL_FURTHER_S, GOAL_GB = 1.5, 0.5, 1.5

Pixels = NDArray[np.generic]
Labels = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Kind:
    """Fields of one kind of cells: the first is painted on, the others are scored; images are (C, Y, X)."""

    name: str
    least: float | None
    fields: tuple[tuple[Pixels, Labels], ...]


def measure_teach(asked: Asked) -> list[Figure]:
    """Return F1 at IoU 0.5 on fields that were not painted on, of the taught model and of the forest.

    Raises
    ------
    NotMeasuredError
        If the public images are not there.
    """
    found = [figure for make in KINDS.values() for figure in measure_kind(make(asked.data))]
    if not found:
        raise NotMeasuredError(f"there are no labelled images in {asked.data}")
    return [*found, *measure_live()]


def measure_live() -> list[Figure]:
    """Return how long an answer on 1024 x 1024 px takes, and how much memory, as the window teaches."""
    command = [sys.executable, "-m", "benchmarks.teach_worker"]
    said = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, encoding="utf-8").stdout)
    return [
        Figure("1024 x 1024: look at the field, while the first strokes are painted", said["looked"], "s"),
        Figure("1024 x 1024: first answer", said["first"], "s", GOAL_FIRST_S),
        Figure("1024 x 1024: after a further stroke", said["further"], "s", GOAL_FURTHER_S),
        Figure("1024 x 1024: peak memory", said["peak"] / 1e9, "GB", GOAL_GB),
    ]


def measure_kind(kind: Kind | None, seed: int = 0) -> list[Figure]:
    """Return the figures of one kind; none where its images are not there."""
    if kind is None:
        return []
    strokes = paint(kind.fields[0][1], STROKES, seed)
    taught, result = taught_labels(kind, strokes)
    forest = forest_labels(kind, strokes, result.size.diameter_px)
    truth = [labels for _, labels in kind.fields[1:]]
    score = Figure(f"{kind.name}: F1@0.5", f1(truth, taught), least=kind.least)
    return [score, Figure(f"{kind.name}: F1@0.5, forest on filters", f1(truth, forest))]


def f1(truth: Sequence[Labels], found: Sequence[Labels]) -> float:
    """Return F1 at IoU 0.5 over all fields."""
    return summarise([match_field(*pair) for pair in zip(truth, found, strict=True)]).f1_50


def taught_labels(kind: Kind, strokes: NDArray[np.uint8]) -> tuple[list[Labels], TeachResult]:
    """Return the labels of all fields but the first, by a model that was taught on the first."""
    with tempfile.TemporaryDirectory(prefix="cellvino-teach-") as scratch:
        folder = Path(scratch)
        (folder / "strokes").mkdir()
        image, axes = kind.fields[0][0], "CYX"
        tifffile.imwrite(folder / "field.ome.tif", image, metadata={"axes": axes}, photometric="minisblack")
        tifffile.imwrite(folder / "strokes" / "field.tif", strokes)
        choices = TeachChoices(folder / "taught", Recipe())
        result = finish(teach_images([folder / "field.ome.tif"], folder / "strokes", choices))
        return [_run(result, pixels) for pixels, _ in kind.fields[1:]], result


def _run(result: TeachResult, pixels: Pixels) -> Labels:
    stack = Stack.from_array(pixels, axes="CYX")
    recipe = with_channel(Recipe(model=str(result.package.folder)), choose_channel(stack, result.package.spec))
    with EngineProvider() as engines:
        found = finish(predict_field(stack, make_pipeline(recipe), engines))
    return found.decoded.label_image()


def _set(
    name: str, least: float | None, folder: str, split: str, keep: Callable[[Row], bool], *, first_channel: bool = False
) -> Callable[[Path], Kind | None]:
    """Return what makes a kind of some fields of a set."""

    def make(data: Path) -> Kind | None:
        if not (data / folder / "manifest.csv").is_file():
            return None
        taken = []
        for field in read_packed_set(data / folder, split, keep=keep):
            pixels = _channels(field.image)
            taken.append((pixels[:1] if first_channel else pixels, field.true_labels()))
            if len(taken) > SCORED:
                break
        return Kind(name, least, tuple(taken)) if len(taken) > 1 else None

    return make


def _halves(
    name: str, least: float | None, folder: str, field: str, *, first_channel: bool = False
) -> Callable[[Path], Kind | None]:
    """Return what makes a kind of the two halves of one field."""

    def make(data: Path) -> Kind | None:
        if not (data / folder / "manifest.csv").is_file():
            return None
        (found,) = read_packed_set(data / folder, keep=lambda row: row["id"] == field)
        pixels, labels = _channels(found.image), found.true_labels()
        pixels = pixels[:1] if first_channel else pixels
        middle = labels.shape[1] // 2
        parts = (np.s_[..., :middle], np.s_[..., middle:])
        return Kind(name, least, tuple((pixels[part], labels[part]) for part in parts))

    return make


def _channels(image: Pixels) -> Pixels:
    """Return an image as (C, Y, X)."""
    if image.ndim == 2:
        return image[None]
    return np.moveaxis(image[..., :3], -1, 0) if image.shape[-1] in (3, 4) else image


def _stained(row: Row) -> bool:
    return row["type"] == "histology_colour" and row["height"] == "256" and int(row["n_objects"]) > 40


KINDS: dict[str, Callable[[Path], Kind | None]] = {
    "phase": _set("phase contrast, adherent", 0.60, "usiigaci_phase", "val", lambda row: True),
    "mother": _set(
        "bacteria in a mother machine", 0.75, "bacteria", "", lambda row: row["id"].startswith("delta"),
        first_channel=True,
    ),
    "rods": _halves("bacteria, rods", 0.75, "bacteria", "omnipose_Sample000193"),
    "bacilli": _halves("bacteria, other", 0.75, "bacteria", "omnipose_Sample000252"),
    "yeast": _set("yeast", 0.75, "yeast", "", lambda row: int(row["id"][-2:]) % 3 == 0, first_channel=True),
    "stained": _set("H&E", 0.60, "dsb2018", "train", _stained),
    "nuclei": _set("fluorescent nuclei", 0.80, "bbbc039", "val", lambda row: bool(row["packed_in"])),
    "painting": _halves("Cell Painting", 0.50, "cellpainting", "jump_BR00117006_r01c01f01"),
}  # fmt: skip
