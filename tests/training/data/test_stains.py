from __future__ import annotations

import numpy as np
import pytest

from napari_cellvino.training.data.datasets import LabelledImage
from napari_cellvino.training.data.stains import USUAL, dyes_of, stained_otherwise


@pytest.fixture
def amounts() -> np.ndarray:
    rng = np.random.default_rng(3)
    nuclei = rng.random((40, 40)) < 0.3
    return np.stack([np.where(nuclei, 0.9, 0.0), np.where(nuclei, 0.0, 0.7)], -1) + rng.uniform(0.0, 0.05, (40, 40, 2))


def test_dyes_are_found_from_the_colours_of_a_field(amounts: np.ndarray) -> None:
    dyes = np.array([[0.55, 0.76, 0.34], [0.27, 0.57, 0.78]])
    dyes /= np.linalg.norm(dyes, axis=1, keepdims=True)
    found = dyes_of(amounts @ dyes)
    np.testing.assert_allclose(found[:2], dyes, atol=0.05)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0)


def test_a_field_of_one_dye_has_the_usual_ones(amounts: np.ndarray) -> None:
    np.testing.assert_array_equal(dyes_of(amounts[..., :1] @ USUAL[:1])[:2], USUAL)


def test_another_stain_keeps_places_and_changes_colours(amounts: np.ndarray) -> None:
    image = np.round(256 * 10.0 ** -(amounts @ USUAL) - 1).clip(0, 255).astype(np.uint8)
    field = LabelledImage("a", "set", image, labels=np.ones((40, 40), np.int32))
    other = stained_otherwise(field, np.random.default_rng(0))
    assert other.image.dtype == np.uint8
    assert np.abs(other.image.astype(float) - image).mean() > 10
    dark, light = amounts[..., 0] > 0.5, amounts[..., 0] < 0.5
    assert other.image[dark][:, 0].mean() < other.image[light][:, 0].mean() - 10  # nuclei take more red
    np.testing.assert_array_equal(other.labels, field.labels)
    grey = LabelledImage("b", "set", image[..., 0], labels=field.labels)
    assert stained_otherwise(grey, np.random.default_rng(0)) is grey
