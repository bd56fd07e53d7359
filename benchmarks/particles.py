"""The cascade of González and Evans 2019 on simulated dark-field stacks: cells, their outlines, particles in them."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from benchmarks.asked import Asked
from benchmarks.figure import Figure
from napari_cellvino.core.image import Stack
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.results.field_result import FieldResult, finish_field
from napari_cellvino.segmentation.pipeline import make_pipeline
from napari_cellvino.segmentation.predict_field import predict_field
from napari_cellvino.training.synthetic.particle_stacks import ParticleStack, simulate_stack
from napari_cellvino.workflows.named_pipelines import named_recipe

STACKS = 4
FIRST_SEED = 2_000_000
PAPER_ERROR, PAPER_R = 1.7, 0.827  # of the cells of a field


def measure_particles(asked: Asked) -> list[Figure]:
    """Return the error of the counts of cells, and how the particles of a cell agree with the true ones."""
    pipeline = make_pipeline(named_recipe("gonzalez2019", Recipe()))
    cell_errors, pairs, seconds = [], [], []
    with EngineProvider() as engines:
        for seed in range(FIRST_SEED, FIRST_SEED + STACKS):
            true = simulate_stack(seed)
            started = time.perf_counter()
            stack = Stack.from_array(true.image, axes="ZYXS", name="stack")
            found = finish_field(finish(predict_field(stack, pipeline, engines, keep_maps=False)), pipeline)
            seconds.append(time.perf_counter() - started)
            cell_errors.append(abs(found.counts["count"] - len(true.particles)))
            pairs.append(_pairs(found, true))
    counted, known = np.concatenate(pairs, axis=1)
    return [
        Figure("count error of cells per field", float(np.mean(cell_errors)), goal=PAPER_ERROR),
        Figure("r of particles per cell", float(np.corrcoef(counted, known)[0, 1]), least=PAPER_R),
        Figure("error of particles per cell", float(np.abs(counted - known).mean())),
        Figure("particles per cell, true", float(known.mean())),
        Figure("cells matched", float(len(known))),
        Figure("a stack of 7 x 416 x 512 x 3", float(np.median(seconds)), "s"),
    ]


def _pairs(found: FieldResult, true: ParticleStack) -> NDArray[np.float64]:
    """Return the counted and the true particles (2, N) of the cells whose middle was found in one that is true."""
    y, x = (found.table[f"centroid_{axis}"].round().astype(int).to_numpy() for axis in "yx")
    inside = true.labels[y, x]
    counted = found.table["spots"].to_numpy(float)[inside > 0]
    return np.stack([counted, true.particles[inside[inside > 0] - 1].astype(float)])
