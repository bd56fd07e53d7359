"""What five corrected fields of a new kind do to a model: the new kind found, the old one kept.

The command itself (``cellvino train SET --base nuclei``) learns from five fields of a kind that the model cannot do,
one of which it keeps aside; it is then scored on other fields of that kind, and on the test fields of the old one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tifffile
from scipy import ndimage as ndi

from benchmarks.asked import Asked
from benchmarks.figure import Figure, NotMeasuredError
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Precision
from napari_cellvino.model_package import ModelPackage, find_package
from napari_cellvino.training.data.datasets import LabelledImage, Row, read_set
from napari_cellvino.training.metrics.evaluate import LabelledSet, score_package

BASE, FIELDS, HELD_OUT = "nuclei", 5, 12
LARGER = 1.6  # times, as an objective of another magnification shows them
LEAST_GAIN, MOST_LOST = 0.15, 0.01  # of F1 at IoU 0.5
MINUTES = 10.0
SEED = 1  # of the choice of fields


@dataclass(frozen=True, slots=True)
class Shift:
    """Fields of a new kind: those that were corrected, and others to score on."""

    name: str
    corrected: Sequence[LabelledImage]
    held_out: Sequence[LabelledImage]


def measure_finetune(asked: Asked) -> list[Figure]:
    """Return, for each shift, what is gained on it, what is lost on the old kind, and how long it took.

    Raises
    ------
    NotMeasuredError
        If the public images or torch are not there.
    """
    if not all((asked.data / name).is_dir() for name in ("dsb2018", "usiigaci_phase")):
        raise NotMeasuredError(f"{asked.data} holds no dsb2018 and usiigaci_phase (--data)")
    old = LabelledSet("dsb2018 test", tuple(read_set(asked.data / "dsb2018", "test", keep=_fluorescent)))
    base = find_package(BASE)
    known = _f1(base, old)
    return [figure for shift in _shifts(asked.data) for figure in _figures(shift, base, old, known)]


def _figures(shift: Shift, base: ModelPackage, old: LabelledSet, known: float) -> list[Figure]:
    new = LabelledSet(shift.name, tuple(shift.held_out))
    with tempfile.TemporaryDirectory(prefix="cellvino-benchmark-") as name:
        _write_set(Path(name) / "set", shift.corrected)
        minutes, processor = _train(Path(name))
        child = find_package(str(Path(name) / "child"))
        before, after, kept = _f1(base, new), _f1(child, new), _f1(child, old)
    return [
        Figure(f"{shift.name}: F1@0.5 of {base.label} on {len(new.fields)} held-out fields", before),
        Figure(f"{shift.name}: after {FIELDS} corrected fields", after),
        Figure(f"{shift.name}: gained", after - before, least=LEAST_GAIN),
        Figure(f"{shift.name}: lost on the old kind ({known:.4f} before)", known - kept, goal=MOST_LOST),
        Figure(f"{shift.name}: training, on a clock", minutes, "min", MINUTES),
        Figure(f"{shift.name}: training, of the processor", processor, "min"),
    ]


def _shifts(data: Path) -> list[Shift]:
    inverted = [_some(_turned(data, split), count) for split, count in (("train", FIELDS), ("val", HELD_OUT))]
    phase = [read_set(data / "usiigaci_phase", split) for split in ("train", "val")]
    return [Shift("inverted and enlarged", *inverted), Shift("phase contrast", phase[0][:FIELDS], phase[1])]


def _turned(data: Path, split: str) -> list[LabelledImage]:
    return read_set(data / "dsb2018", split, keep=_fluorescent)


def _fluorescent(row: Row) -> bool:
    return row["type"] == "fluorescence"


def _some(fields: Sequence[LabelledImage], count: int) -> list[LabelledImage]:
    chosen = np.random.default_rng(SEED).permutation(len(fields))[:count]
    return [inverted(fields[index], seed=index) for index in chosen]


def inverted(field: LabelledImage, *, seed: int) -> LabelledImage:
    """Return a field with dark cells on a bright, grainy ground, `LARGER` times as large."""
    image, labels = field.image.astype(np.float32), field.true_labels()
    dark = ndi.zoom(image.max() - image, LARGER, order=1)
    grain = np.random.default_rng(seed).normal(0, 4, dark.shape)
    return replace(field, image=(200 + 0.5 * dark + grain).astype(np.float32), labels=ndi.zoom(labels, LARGER, order=0))


def _write_set(folder: Path, fields: Sequence[LabelledImage]) -> None:
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True)
    for field in fields:
        tifffile.imwrite(folder / "images" / f"{field.id}.tif", field.image)
        tifffile.imwrite(folder / "labels" / f"{field.id}.tif", field.true_labels().astype(np.int32))


def _train(folder: Path) -> tuple[float, float]:
    """Run the command and return the minutes that it took, on a clock and of the processor."""
    command = [sys.executable, "-c", "import sys; from napari_cellvino.cli import main; sys.exit(main())", "train"]
    begin, used = time.perf_counter(), _processor_seconds()
    done = subprocess.run(
        [*command, str(folder / "set"), "--base", BASE, "--out", str(folder / "child")],
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    if not (folder / "child").is_dir():
        raise NotMeasuredError(f"cellvino train failed: {done.stderr.strip().splitlines()[-1]}")
    return (time.perf_counter() - begin) / 60, (_processor_seconds() - used) / 60


def _processor_seconds() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _f1(package: ModelPackage, part: LabelledSet) -> float:
    scores = finish(score_package(package, part, [Precision.FAST]))
    return next(score.value for score in scores if score.metric == "f1_50")
