"""Whether a run over very many small fields stays as it began: processor time and memory per field, and a restart."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import tifffile

from benchmarks.figure import Figure
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.segmentation.pipeline import Pipeline, make_pipeline
from napari_cellvino.workflows.field_task import FieldOutcome
from napari_cellvino.workflows.run_folder import list_inputs, run_folder

FIELDS, SIDE, PARTS = 10_000, 64, 10


@dataclass(slots=True)
class Course:
    """Processor seconds and memory in bytes at the end of each part of a run, and its seconds in all."""

    cpu: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    wall_s: float = 0.0


def measure_many_fields(fields: int = FIELDS) -> list[Figure]:
    """Return how the last tenth of a run compares with the first, and how long a run takes that finds all done.

    The first tenth is that after the network was compiled.
    """
    pipeline = make_pipeline(Recipe(model="nuclei", device="CPU"))
    with tempfile.TemporaryDirectory(prefix="cellvino-benchmark-") as name:
        inputs, out = Path(name) / "in", Path(name) / "out"
        _write(inputs, fields)
        run, again = _run(inputs, out, pipeline, fields), _run(inputs, out, pipeline, fields)
    each = np.diff(run.cpu) / (fields / PARTS) * 1000
    return [
        Figure("a field of the first tenth", float(each[0]), "ms CPU"),
        Figure("last tenth over first", float(each[-1] / each[0]), "x", 1.1),
        Figure("memory from the first tenth to the end", (run.memory[-1] - run.memory[0]) / 1e6, "MB", 100.0),
        Figure("restart that finds all done", again.wall_s, "s", 2.0),
        Figure("restart, of the processor", again.cpu[-1], "s CPU"),
    ]


def _write(folder: Path, fields: int) -> None:
    """Write fields of two bright discs each, no two alike."""
    folder.mkdir()
    chance = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE]
    for number in range(fields):
        centres = chance.uniform(10, SIDE - 10, (2, 2))
        discs = sum(np.exp(-((np.hypot(y - cy, x - cx) / 7) ** 6)) for cy, cx in centres)
        pixels = 100 + 900 * discs + chance.normal(0, 5, (SIDE, SIDE))
        tifffile.imwrite(folder / f"f{number:05d}.tif", pixels.astype(np.uint16))


def _run(inputs: Path, out: Path, pipeline: Pipeline, fields: int) -> Course:
    found, ended, began = Course(), 0, time.perf_counter()
    started = time.process_time()
    with EngineProvider() as engines:
        for event in run_folder(list_inputs([inputs]), pipeline, out, engines):
            ended += isinstance(event, FieldOutcome)
            if isinstance(event, FieldOutcome) and ended % max(1, fields // PARTS) == 0:
                found.cpu.append(time.process_time() - started)
                found.memory.append(psutil.Process().memory_info().rss)
    found.wall_s = time.perf_counter() - began
    return found
