"""Drift on simulated images: 200 normal runs, and runs of which one thing is shifted, through model and measures.

A run is three fields of fluorescent nuclei. Lamp, offset, focus, noise, size and density vary by some percent from run
to run, as they do in a laboratory; a shift is what an instrument or a culture does beyond that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from benchmarks.asked import Asked
from benchmarks.figure import Figure
from napari_cellvino import segment
from napari_cellvino.quality.drift import RunDrift, RunValues, find_drift, run_values
from napari_cellvino.results.schema import FieldSummary
from napari_cellvino.workflows.drift import field_values

NORMAL, FIELDS, SIDE = 200, 3, 160
SHIFTED = 4  # runs of each shift
HISTORY = 40  # normal runs that a shifted one is judged by
SPREAD = 0.06  # of the logarithm, from run to run


@dataclass(frozen=True, slots=True)
class Conditions:
    """How a run was imaged: brightness of nuclei and of all, offset, blur and radius in px, noise, nuclei a field."""

    lamp: float = 1500.0
    exposure: float = 1.0
    offset: float = 120.0
    blur: float = 1.0
    radius: float = 9.0
    noise: float = 6.0
    nuclei: float = 16.0
    stretch: float = 1.25


SHIFTS: dict[str, tuple[str, dict[str, float]]] = {
    "lamp at 60 %": ("lamp", {"lamp": 0.6}),
    "exposure doubled": ("exposure", {"exposure": 2.0}),
    "out of focus by 2.5 px": ("focus", {"blur": 2.5}),
    "magnification 1.5 times": ("magnification", {"radius": 1.5, "nuclei": 1 / 2.25, "blur": 1.5}),
    "twice as many cells": ("density", {"nuclei": 2.0}),
    "cells 1.4 times as large": ("cell line", {"radius": 1.4}),
    "background doubled": ("stray light", {"offset": 2.0}),
    "noise 1.8 times": ("gain", {"noise": 1.8}),
}


def measure_drift(asked: Asked) -> list[Figure]:
    """Return the share of normal runs that are called drifted, and of each shift how many are found and named."""
    del asked
    rng = np.random.default_rng(20)
    normal = [_run(f"normal {n}", float(n), rng, Conditions()) for n in range(NORMAL)]
    alarms = [run for run in find_drift(normal) if run.drifted]
    figures = [Figure("normal runs called drifted", len(alarms) / NORMAL, goal=0.02)]
    history = normal[-HISTORY:]
    for name, (cause, by) in SHIFTS.items():
        usual = Conditions()
        moved = replace(usual, **{key: getattr(usual, key) * factor for key, factor in by.items()})
        judged = [find_drift([*history, _run(name, 1e6, rng, moved)])[-1] for _ in range(SHIFTED)]
        figures.append(Figure(f"{name}: found", _share(bool(run.drifted) for run in judged), least=1.0))
        figures.append(Figure(f"{name}: named {cause!r}", _share(_names(run, cause) for run in judged)))
    return figures


def _share(held: Iterable[bool]) -> float:
    return float(np.mean(list(held)))


def _names(run: RunDrift, cause: str) -> bool:
    return cause in run.cause


def _run(name: str, at: float, rng: np.random.Generator, usual: Conditions) -> RunValues:
    vary = dict(zip(("lamp", "exposure", "offset", "blur", "radius", "noise", "nuclei"), _factors(rng), strict=True))
    here = replace(usual, **{key: getattr(usual, key) * factor for key, factor in vary.items()})
    return run_values(name, "nuclei", at, [_measured(_field(here, rng)) for _ in range(FIELDS)])


def _factors(rng: np.random.Generator) -> list[float]:
    spread = SPREAD * np.array([1, 0.5, 0.5, 0.7, 0.3, 0.7, 2])
    return [float(v) for v in np.exp(rng.normal(0, spread))]


def _field(here: Conditions, rng: np.random.Generator) -> NDArray[np.uint16]:
    """Return an image (Y, X) of nuclei."""
    y, x = np.mgrid[:SIDE, :SIDE]
    light, taken = np.zeros((SIDE, SIDE)), list[tuple[float, float, float]]()
    for _ in range(rng.poisson(here.nuclei)):
        radius = here.radius * float(np.exp(rng.normal(0, 0.12)))
        cy, cx = rng.uniform(0, SIDE, 2)
        if any(np.hypot(cy - a, cx - b) < radius + r for a, b, r in taken):
            continue
        taken.append((cy, cx, radius))
        angle, long = rng.uniform(0, np.pi), np.sqrt(here.stretch)
        u, v = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle), (y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)
        inside = np.hypot(u / long, v * long) < radius
        texture = 1 + 0.15 * ndi.gaussian_filter(rng.normal(0, 4, light.shape), 1.5)
        light = np.where(inside, here.lamp * np.exp(rng.normal(0, 0.25)) * texture, light)
    light = ndi.gaussian_filter(light, here.blur) * here.exposure + here.offset * here.exposure
    pixels = light + rng.normal(0, 1, light.shape) * np.hypot(here.noise, np.sqrt(light) * 0.5)
    return np.clip(np.rint(pixels), 0, 65535).astype(np.uint16)


def _measured(pixels: NDArray[np.uint16]) -> Mapping[str, float]:
    found = segment(pixels, "nuclei").result
    records = found.annotation.records
    doubtful = sum(bool(found.annotation.records[id_].doubts) for id_ in records)
    held = FieldSummary(None, None, found.counts, True, len(records), 0, 0, 0, 0, doubtful=doubtful)
    return field_values(held)
