"""Whether the right model is named at first sight: images of every public set that a shipped model is for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.asked import Asked
from benchmarks.figure import Figure, NotMeasuredError
from napari_cellvino.core.progress import finish
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.model_package import ModelInput, list_packages, open_package
from napari_cellvino.training.data.datasets import LabelledImage, read_packed_set
from napari_cellvino.training.metrics.evaluate import as_stack
from napari_cellvino.workflows.suggest_models import suggest_models

GOAL = 95.0  # % of images
SETS = (  # folder, split, values of the column ``type``, the right model
    ("dsb2018", "test", ("fluorescence",), "nuclei"),
    ("dsb2018", "test", ("histology_colour", "brightfield_grey"), "nuclei-stained"),
    ("bbbc039", "val", (), "nuclei"),
    ("usiigaci_phase", "val", (), "cells-phase"),
    ("live_dead", "val", (), "live-dead"),
    ("dsb2018", "val", ("histology_colour", "brightfield_grey"), "nuclei-stained"),
    ("blood_boxes", "val", (), "blood-smear"),
)


def measure_suggest(asked: Asked) -> list[Figure]:
    """Return the share of images of each set for which the right model is named; at most ``--repeats`` of each.

    Raises
    ------
    NotMeasuredError
        If no set is there.
    """
    listed = [one for one in list_packages() if one.spec is not None and one.spec.takes is ModelInput.FIELD]
    packages = [open_package(one.folder) for one in listed]
    rates: list[tuple[str, list[bool]]] = []
    with EngineProvider(kept=len(packages)) as engines:
        for folder, split, types, right in SETS:
            fields = _fields(asked.data / folder, split, types, asked.repeats)
            named = [finish(suggest_models(as_stack(f), engines, packages=packages)).best for f in fields]
            rates.append((f"{folder} {split}: {right}", [one is not None and one.model == right for one in named]))
    hits = [hit for _, of_set in rates for hit in of_set]
    if not hits:
        raise NotMeasuredError(f"no labelled set is in {asked.data}")
    sets = [Figure(f"{name}, of {len(found)}", 100 * float(np.mean(found)), "%") for name, found in rates if found]
    return [*sets, Figure(f"all, of {len(hits)}", 100 * float(np.mean(hits)), "%", least=GOAL)]


def _fields(folder: Path, split: str, types: Sequence[str], most: int) -> list[LabelledImage]:
    """Return some fields of a set, evenly spread, that have cells."""
    if not folder.is_dir():
        return []
    fields = list(_with_cells(folder, split, types))
    return [fields[i] for i in np.unique(np.linspace(0, len(fields) - 1, most).astype(int))] if fields else []


def _with_cells(folder: Path, split: str, types: Sequence[str]) -> Iterator[LabelledImage]:
    for field in read_packed_set(folder, split, keep=lambda row: not types or row["type"] in types):
        if field.boxes is None or field.boxes.classes:
            yield replace(field, labels=None)
