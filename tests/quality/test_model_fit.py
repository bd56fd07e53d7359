"""What a model found is weighed as a person would: sure, of one size, the same at another scale."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_cellvino.core.objects import Objects
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.model_package import read_spec
from napari_cellvino.quality.model_fit import (
    FITS,
    Evidence,
    WindowObjects,
    agreement,
    explain,
    gather,
    score_of,
    score_of_promise,
)

SIZE, STEP, RADIUS = 200, 40, 12
NUCLEI = read_spec(shipped_folder("models") / "nuclei")
STAINED = read_spec(shipped_folder("models") / "nuclei-stained")
PHASE = read_spec(shipped_folder("models") / "cells-phase")
BLOOD = read_spec(shipped_folder("models") / "blood-smear")


def _discs(shift: int = 0) -> NDArray[np.int32]:
    y, x = np.mgrid[:SIZE, :SIZE]
    labels = np.zeros((SIZE, SIZE), np.int32)
    centres = [(cy, cx) for cy in range(STEP // 2, SIZE, STEP) for cx in range(STEP // 2, SIZE, STEP)]
    for number, (cy, cx) in enumerate(centres, 1):
        labels[np.hypot(y - cy - shift, x - cx - shift) <= RADIUS] = number
    return labels


def _found(labels: NDArray[np.int32], probability: NDArray[np.floating], pixels: NDArray[np.float32]) -> WindowObjects:
    ids = np.arange(1, labels.max() + 1)
    centroid = np.array(ndi.center_of_mass(labels > 0, labels, ids)).reshape(-1, 2)
    box = [[s[0].start, s[1].start, s[0].stop, s[1].stop] for s in ndi.find_objects(labels)]
    area = np.bincount(labels.reshape(-1), minlength=1)[1:]
    score = np.full(len(ids), 0.95)
    objects = Objects.found(score=score, box=np.array(box).reshape(-1, 4), centroid=centroid, area_px=area)
    return WindowObjects(labels, objects, pixels, probability, outlined=True)


def _picture(labels: NDArray[np.int32]) -> NDArray[np.float32]:
    return ndi.gaussian_filter((labels > 0).astype(np.float32), 1)


def _weighed(found: WindowObjects, smaller: WindowObjects) -> Evidence:
    return replace(gather(found, 2 * RADIUS), agreement=agreement(found, smaller))


def test_sure_cells_on_edges_that_stay_at_another_size_fit() -> None:
    labels = _discs()
    found = _found(labels, (labels > 0) * 0.98, _picture(labels))
    evidence = _weighed(found, found)
    assert evidence.count == 25
    assert abs(evidence.octaves) < 0.1
    assert evidence.spread < 0.05
    assert evidence.agreement == 1
    assert evidence.contrast > 1
    assert evidence.edges > 2
    assert score_of(replace(evidence, background=0.1), NUCLEI) >= FITS
    assert explain(evidence) != explain(replace(evidence, agreement=None))  # it was not looked at a second time


def test_cells_that_are_gone_at_another_size_do_not_fit_and_it_is_said() -> None:
    labels = _discs()
    found = _found(labels, np.full(labels.shape, 0.55), np.zeros(labels.shape, np.float32))
    elsewhere = _found(_discs(shift=9), np.full(labels.shape, 0.55), np.zeros(labels.shape, np.float32))
    evidence = _weighed(found, elsewhere)
    assert evidence.agreement is not None
    assert evidence.agreement < 0.2
    assert evidence.surety < 0.2
    assert score_of(evidence, NUCLEI) < FITS
    assert "when the picture is a fifth smaller" in explain(evidence)


def test_no_cell_is_no_fit() -> None:
    empty = np.zeros((SIZE, SIZE), np.int32)
    found = WindowObjects(empty, Objects.none(), empty.astype(np.float32), empty.astype(np.float32), outlined=True)
    evidence = gather(found, 24.0)
    assert score_of(evidence, NUCLEI) == 0
    assert explain(evidence) == "it finds no cell"


def test_a_model_that_predicts_its_f1_is_scored_by_it_and_says_so() -> None:
    assert score_of_promise(0.2) < FITS / 4 < FITS < score_of_promise(0.6) < 1
    evidence = _weighed(*2 * [_found(_discs(), _discs() > 0, _picture(_discs()))])
    assert "about 62% of its outlines should be right" in explain(evidence, 0.62)
    assert "about 99% of its outlines" in explain(evidence, 1.04)


def test_bright_cells_on_a_dark_background_are_for_a_model_of_fluorescence_and_dark_ones_for_one_of_stains() -> None:
    labels = _discs()
    bright = _found(labels, (labels > 0) * 0.98, _picture(labels))
    seen = replace(_weighed(bright, bright), background=0.1)
    assert score_of(seen, NUCLEI) > score_of(seen, STAINED)
    dark = replace(seen, contrast=-seen.contrast, background=0.9, colour=0.3)
    assert score_of(dark, STAINED) > score_of(dark, NUCLEI)


def test_stained_tissue_in_grey_or_colour_is_not_phase_contrast() -> None:
    """What `cells-phase` sees in 14 fields of phase contrast and in 42 of stained tissue differs in the background."""
    dark = Evidence(26, 0.84, 0.94, -0.6, 0.5, 0.85, 3.0, -1.4, 0.9, 0.35, elongation=1.8)
    assert score_of(dark, PHASE) > FITS
    assert score_of(replace(dark, background=0.93), PHASE) < score_of(dark, PHASE) / 1.1
    assert score_of(replace(dark, colour=0.2), PHASE) < score_of(dark, PHASE) / 1.1


def test_red_cells_are_of_one_size_and_what_looks_like_some_in_tissue_is_not() -> None:
    """What both models see in a smear (medians of 20), and in a field of stained tissue."""
    smear = Evidence(13, 0.68, 0.63, 0.14, 0.21, 1.0, 1.23, -0.77, 0.79, 0.61, 0.09)
    in_smear = Evidence(20, 0.66, 0.80, -0.59, 1.21, 0.9, 2.53, -0.42, 0.58, 0.70, 0.09, 1.5)
    assert score_of(smear, BLOOD) > max(FITS, score_of(in_smear, STAINED))
    tissue = Evidence(5, 0.69, 0.62, -0.90, 0.18, 1.0, 2.32, -1.03, 0.75, 0.90, 0.28)
    nuclei = Evidence(25, 0.74, 0.86, -0.59, 1.70, 0.91, 4.22, -1.46, 0.81, 0.91, 0.28, 1.53)
    assert score_of(nuclei, STAINED) > max(FITS, score_of(tissue, BLOOD))


def test_rods_are_not_for_a_model_of_nuclei() -> None:
    labels = _discs()
    bright = _found(labels, (labels > 0) * 0.98, _picture(labels))
    seen = replace(_weighed(bright, bright), background=0.1)
    assert seen.elongation == pytest.approx(1.0, abs=0.01)
    assert score_of(replace(seen, elongation=1.7), NUCLEI) == score_of(seen, NUCLEI)  # nuclei of fibroblasts
    assert score_of(replace(seen, elongation=2.8), NUCLEI) < FITS < score_of(seen, NUCLEI)
    tissue = replace(seen, background=0.8, colour=0.3, contrast=-1.0)  # spindles are nuclei there
    assert score_of(replace(tissue, elongation=2.8), STAINED) == score_of(tissue, STAINED) > FITS
    stretched = np.repeat(np.where(labels > 5, 0, labels), 3, axis=0)[:SIZE]  # one row of discs
    rods = _found(stretched, stretched > 0, _picture(stretched))
    assert gather(rods, 2 * RADIUS).elongation == pytest.approx(3, rel=0.05)
