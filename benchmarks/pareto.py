"""What accuracy costs: the processor time of every shipped network and precision, beside the scores of its card."""

from __future__ import annotations

import time

import numpy as np

from benchmarks.asked import Asked
from benchmarks.figure import Figure
from napari_cellvino.core.recipe import Precision
from napari_cellvino.engines.openvino import OpenVinoEngine
from napari_cellvino.model_package import ModelPackage, find_package
from napari_cellvino.model_package.spec import ModelInput

MODELS = ("nuclei", "nuclei-stained", "cells", "cells-phase", "live-dead", "blood-smear", "cell-grid")
METRICS = ("ap_mean", "map_50", "f1_50")  # the first that a card has
PIXELS = 2**20
MOST = 5  # runs


def measure_pareto(asked: Asked) -> list[Figure]:
    """Return the processor time of 1024 x 1024 px in tiles that a network takes, and what its card says of accuracy."""
    found: list[Figure] = []
    for package in map(find_package, MODELS):
        if package.spec.takes is ModelInput.CROP:
            continue
        for precision in package.precisions:
            name = f"{package.label}, {precision.value}"
            found.append(Figure(name, _cpu_ms(package, precision, min(MOST, asked.repeats)), "ms CPU"))
            found += [Figure(f"{name}, {of}", value) for of, value in _scores(package, precision).items()]
    return found


def _cpu_ms(package: ModelPackage, precision: Precision, repeats: int) -> float:
    """Return the least time of all threads together for 1024 x 1024 px, in all views that the model takes of them."""
    spec, engine = package.spec, OpenVinoEngine(package, device="CPU", precision=precision)
    batch = np.random.default_rng(0).random((1, spec.input_channels, spec.tile, spec.tile), np.float32)
    engine.load(spec.tile)
    engine.infer(batch)
    taken = []
    for _ in range(repeats):
        began = time.process_time()
        engine.infer(batch)
        taken.append(time.process_time() - began)
    engine.close()
    return 1000 * min(taken) * PIXELS / spec.tile**2 * spec.views


def _scores(package: ModelPackage, precision: Precision) -> dict[str, float]:
    """Return what the card says, by metric and set."""
    held = {(s.metric, s.set): s.value for s in package.spec.scores if s.precision is precision}
    metric = next((metric for metric in METRICS if any(m == metric for m, _ in held)), "")
    return {f"{metric} on {name}": value for (m, name), value in held.items() if m == metric}
