"""The labelled sets of the models that ship: what each learns from, is tuned on and is shown with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from napari_cellvino.training.data.darkfield import simulated_fields
from napari_cellvino.training.data.datasets import LabelledImage, read_packed_set, read_set
from napari_cellvino.training.data.stains import stained_otherwise
from napari_cellvino.training.metrics.evaluate import LabelledSet
from napari_cellvino.training.shipped.generalist_sets import one_per_channel, real_fields, validation_sets
from napari_cellvino.training.synthetic.fields import adherent_field

Use = Literal["train", "val", "shown"]
CRUMBS = {"bbbc039": 30}  # px; smaller true objects there are crumbs of the annotation
SEEDS = {"train": (1_000, 90), "val": (20_000, 16), "test": (30_000, 40)}  # first seed and number of simulated fields
OTHER_STAINS = 8  # of each stained field that is learned from
EVERY_FRAMES = 2  # of a film, one in so many frames
ADHERENT = 1500  # synthetic fields, which take some minutes to draw
CALIBRATION = 60  # fields that INT8 is calibrated on


def sets_of(name: str, data: Path, use: Use) -> list[LabelledSet]:
    """Return the sets of a shipped model; ``data`` is the folder of the packed sets.

    What is ``shown`` is the visible test where a set has one, and else its validation split.
    """
    return _SETS[name](data, use)


def _part(data: Path, folder: str, use: Use, *kinds: str) -> LabelledSet:
    """Return a split of a packed set, of some kinds of image only where they are named."""
    tested = use == "shown" and folder == "dsb2018"
    split = "test" if tested else "val" if use == "shown" else use
    fields = read_set(data / folder, split, keep=lambda row: not kinds or row["type"] in kinds)
    kind = f" {kinds[0].split('_')[0]}" if kinds else ""
    return LabelledSet(f"{folder}{kind} {split}", tuple(fields), CRUMBS.get(folder, 0))


def _darkfield(use: Use) -> LabelledSet:
    split = "test" if use == "shown" else use
    first, count = SEEDS[split]
    return LabelledSet(f"simulated dark field {split}", tuple(simulated_fields(count, first_seed=first)))


def _fluorescence(data: Path, use: Use) -> list[LabelledSet]:
    return [_part(data, "dsb2018", use, "fluorescence"), _part(data, "bbbc039", use)]


def _stained(data: Path, use: Use) -> list[LabelledSet]:
    return [_part(data, "dsb2018", use, "histology_colour", "brightfield_grey")]


def _stained_otherwise(data: Path, use: Use) -> list[LabelledSet]:
    """Return stained fields, and to learn from also the same ones as other laboratories would have stained them."""
    sets, rng = _stained(data, use), np.random.default_rng(0)
    if use != "train":
        return sets
    copied = [s for s in sets for _ in range(OTHER_STAINS)]
    return sets + [replace(s, fields=tuple(stained_otherwise(field, rng) for field in s.fields)) for s in copied]


def _nuclei(data: Path, use: Use) -> list[LabelledSet]:
    """Return fluorescence, and to learn from also stained tissue turned to its negative: nuclei of other shapes."""
    negatives = [replace(s, fields=tuple(map(_negative, s.fields))) for s in _stained(data, use)]
    return _fluorescence(data, use) + (negatives if use == "train" else [])


def _negative(item: LabelledImage) -> LabelledImage:
    return replace(item, source=f"{item.source}_negative", image=255 - item.grey().astype(np.float32))


def _phase(data: Path, use: Use) -> list[LabelledSet]:
    return [_part(data, "usiigaci_phase", use)]


def _adherent(data: Path, use: Use) -> list[LabelledSet]:
    """Return phase contrast, and to learn from also a film, cells in fluorescence, and synthetic cells."""
    sets = _phase(data, use)
    if use == "train":
        film = list(read_packed_set(data / "t98g_tracks", "dev"))[1::EVERY_FRAMES]
        cells = read_packed_set(data / "cellpainting", "train")  # channels first
        painted = [one for field in cells for one in one_per_channel(field, "cellpainting")]
        drawn = [adherent_field(seed) for seed in range(ADHERENT)]
        sets += [LabelledSet(name, tuple(fields)) for name, fields in
                 (("film", film), ("cellpainting", painted), ("synthetic", drawn))]  # fmt: skip
    return sets


def _cells(data: Path, use: Use) -> list[LabelledSet]:
    return [LabelledSet("cells train", tuple(real_fields(data)))] if use == "train" else validation_sets(data)


def _chamber(data: Path, use: Use) -> list[LabelledSet]:
    return [_part(data, "live_dead", use)]


def _smears(data: Path, use: Use) -> list[LabelledSet]:
    return [_part(data, "blood_boxes", use)]


def _grid(data: Path, use: Use) -> list[LabelledSet]:
    return [_darkfield(use)] + (_fluorescence(data, use) + _phase(data, use) if use == "train" else [])


def _crops(data: Path, use: Use) -> list[LabelledSet]:
    nuclei = _fluorescence(data, use) if use == "train" else _fluorescence(data, use)[:1]
    sets = [_darkfield(use), *nuclei, *_stained(data, use), *_phase(data, use)]
    return [replace(s, fields=s.fields[::3]) for s in sets] if use == "val" else sets  # their crops are thousands


_SETS: Mapping[str, Callable[[Path, Use], list[LabelledSet]]] = {
    "nuclei": _nuclei,
    "nuclei-stained": _stained_otherwise,
    "cells": _cells,
    "cells-phase": _adherent,
    "live-dead": _chamber,
    "blood-smear": _smears,
    "cell-grid": _grid,
    "cell-contour": _crops,
}
