"""Synthetic fields: the same seed gives the same field, every kind of shape and optics gives one that can be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skimage.measure import label as connected_components

from napari_cellvino.training.synthetic.draw import contact_sheet, draw_shards
from napari_cellvino.training.synthetic.fields import (
    ADHERENT_KINDS,
    ADHERENT_OPTICS,
    KIND_CHANCES,
    OPTICS_CHANCES,
    adherent_field,
    synthetic_field,
)
from napari_cellvino.training.synthetic.optics import OPTICS
from napari_cellvino.training.synthetic.shapes import KINDS, draw_labels
from napari_cellvino.training.synthetic.shards import read_shards
from napari_cellvino.training.synthetic.waves import Lens, intensity


def test_the_same_seed_gives_the_same_field() -> None:
    one, other = synthetic_field(7, size=96), synthetic_field(7, size=96)
    assert one.id == other.id
    np.testing.assert_array_equal(one.image, other.image)
    np.testing.assert_array_equal(one.true_labels(), other.true_labels())


def test_another_seed_gives_another_field() -> None:
    assert not np.array_equal(synthetic_field(7, size=96).image, synthetic_field(8, size=96).image)


def test_every_kind_and_optics_has_a_chance() -> None:
    assert set(KIND_CHANCES) == set(KINDS)
    assert set(OPTICS_CHANCES) | set(ADHERENT_OPTICS) == set(OPTICS)
    for chances in (KIND_CHANCES, OPTICS_CHANCES, ADHERENT_KINDS, ADHERENT_OPTICS):
        assert sum(chances.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("kind", list(KINDS))
def test_cells_are_connected_numbered_and_about_as_large_as_asked(kind: str) -> None:
    diameters = []
    for seed in range(8):
        labels = draw_labels(kind, 192, 24.0, np.random.default_rng(seed))
        ids = np.unique(labels[labels > 0])
        np.testing.assert_array_equal(ids, np.arange(1, len(ids) + 1))
        assert connected_components(labels, connectivity=1).max() == len(ids)
        diameters += np.sqrt(4 / np.pi * np.bincount(labels.reshape(-1))[1:]).tolist()
    assert 12 < np.median(diameters) < 40


@pytest.mark.parametrize("diameter", [6.0, 300.0])
def test_the_smallest_and_the_largest_cells_can_be_drawn(diameter: float) -> None:
    drawn = [draw_labels(kind, 256, diameter, np.random.default_rng(3)) for kind in KINDS]
    assert all(labels.max() >= 1 for labels in drawn)


@pytest.mark.parametrize("optics", list(OPTICS))
def test_pictures_are_finite_and_show_the_cells(optics: str) -> None:
    seen = []
    for seed in range(6):
        field = synthetic_field(100 + seed, size=128, kind="round", optics=optics, diameters=(20, 30))
        labels = field.true_labels()
        assert field.image.shape == labels.shape == (128, 128)
        assert np.isfinite(field.image).all()
        if labels.any():
            gradient = np.hypot(*np.gradient(field.image.astype(float)))
            seen.append(gradient[labels > 0].mean() > gradient[labels == 0].mean())
    assert np.mean(seen) > 0.5


def test_adherent_cells_are_large_and_the_same_for_a_seed() -> None:
    fields = [adherent_field(seed, size=160) for seed in range(6)]
    np.testing.assert_array_equal(fields[2].image, adherent_field(2, size=160).image)
    areas = np.concatenate([np.bincount(field.true_labels().reshape(-1))[1:] for field in fields])
    assert 20 < np.sqrt(4 / np.pi * np.median(areas)) < 120  # the field cuts many


def test_some_fields_are_empty() -> None:
    assert any(not synthetic_field(seed, size=64).true_labels().any() for seed in range(120))


def test_shards_hold_what_was_drawn_and_stay(tmp_path: Path) -> None:
    draw_shards(tmp_path, 50, size=64)
    before = (tmp_path / "shard_0000.npz").stat().st_mtime_ns
    draw_shards(tmp_path, 50, size=64)
    assert (tmp_path / "shard_0000.npz").stat().st_mtime_ns == before
    fields, drawn = list(read_shards(tmp_path)), synthetic_field(3, size=64)
    assert len(fields) == 50
    np.testing.assert_array_equal(fields[3].true_labels(), drawn.true_labels())
    np.testing.assert_allclose(fields[3].image, drawn.image, rtol=2e-3, atol=2e-3)


def test_a_contact_sheet_shows_every_kind(tmp_path: Path) -> None:
    contact_sheet(tmp_path / "sheet.png", size=48)
    assert (tmp_path / "sheet.png").stat().st_size > 10_000


def test_light_through_transparent_cells_is_as_optics_say() -> None:
    """Zernike: a thin cell of path p is darker by 2p / a, where the ring lets the share a of the amplitude through."""
    away = np.hypot(*np.mgrid[-64:64, -64:64])
    thin, middle, beside, far = 0.05 * (away < 10), (64, 64), (64, 78), (0, 0)
    assert np.ptp(intensity(thin, Lens(blur=0.0))) < 1e-5  # in focus without a ring nothing is seen
    assert np.ptp(intensity(thin, Lens(blur=0.5, focus=10.0))) > 0.05
    ring = intensity(thin, Lens(blur=0.0, ring=-0.5j, halo_px=30.0))
    assert ring[middle] / ring[far] - 1 == pytest.approx(-2 * 0.05 / 0.5, abs=0.03)
    near = intensity(thin, Lens(blur=0.0, ring=-0.5j, halo_px=8.0))
    assert near[beside] > 1.03 * near[far]  # the halo
    assert near[middle] > ring[middle]  # and the shade-off
    thick = intensity(3.5 / 0.05 * thin, Lens(blur=0.0, ring=-0.5j, halo_px=30.0))
    assert thick[middle] > 3 * thick[far]  # thick cells shine
