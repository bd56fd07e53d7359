"""The learner: kinds count alike however much was painted, and held-out strokes are told by others."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cellvino.core.errors import TrainingDataError
from napari_cellvino.training.teach.learner import fit, held_out
from napari_cellvino.training.teach.size import best_zoom

ALIKE = np.full(4, 0.5, np.float32)


def clouds(sizes: tuple[int, ...], *, apart: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    kinds = np.repeat(np.arange(len(sizes)), sizes)
    middles = apart * np.eye(len(sizes), 4)
    return (middles[kinds] + rng.normal(size=(len(kinds), 4))).astype(np.float32), kinds


def test_what_is_apart_is_told_apart() -> None:
    features, kinds = clouds((60, 60, 60), apart=8.0)
    given = fit(features, kinds, 3, ALIKE).probabilities(features)
    np.testing.assert_allclose(given.sum(1), 1, atol=1e-5)
    assert (given.argmax(1) == kinds).all()


def test_kinds_count_alike_however_much_was_painted() -> None:
    features, kinds = clouds((2000, 40), apart=1.5)
    wrong = fit(features, kinds, 2, ALIKE).probabilities(features).argmax(1) != kinds
    assert abs(wrong[kinds == 0].mean() - wrong[kinds == 1].mean()) < 0.1


def test_scale_and_offset_of_features_do_not_matter() -> None:
    features, kinds = clouds((80, 80))
    other = features * np.array([1, 100, 0.1, 5], np.float32) + 7
    one, two = (fit(f, kinds, 2, ALIKE).probabilities(f) for f in (features, other))
    np.testing.assert_allclose(one, two, atol=0.02)


def test_a_stroke_is_held_out_as_a_whole() -> None:
    features, kinds = clouds((90, 90), apart=0.0)
    strokes = np.repeat(np.arange(18), 10)
    features[:, 3] = 50.0 * strokes  # tells a stroke by heart
    tried = held_out(features, kinds, 2, ALIKE, strokes)
    right = (tried.argmax(1) == kinds).mean()
    assert right < (fit(features, kinds, 2, ALIKE).probabilities(features).argmax(1) == kinds).mean() + 0.05
    assert np.isfinite(tried).all()


def test_a_single_stroke_cannot_be_held_out() -> None:
    features, kinds = clouds((20, 20))
    tried = held_out(features, kinds, 2, ALIKE, kinds)
    assert np.isnan(tried).all()


def test_a_kind_without_strokes_is_a_fault() -> None:
    features, kinds = clouds((20, 20))
    with pytest.raises(TrainingDataError):
        fit(features, kinds, 3, ALIKE)


@pytest.mark.parametrize(
    ("seen_px", "least_at", "expected"),
    [
        (32.0, 2.0, 1.0),  # a size that the bases know: edges alone would be told better
        (16.0, 2.0, 2.0),
        (16.0, 4.0, 2.0**1.5),  # no closer than to the middle of the sizes
        (90.0, 0.5, 0.5),
        (90.0, 0.25, 0.5),
        (90.0, 2.0, 1.0),
    ],
)
def test_another_zoom_is_taken_where_cells_look_small_or_large(
    seen_px: float, least_at: float, expected: float
) -> None:
    assert best_zoom(1.0, seen_px, lambda zoom: 1 + abs(np.log2(zoom / least_at))) == pytest.approx(expected)


def test_a_small_gain_is_no_reason_for_another_zoom() -> None:
    assert best_zoom(1.0, 16.0, lambda zoom: 1.0 if zoom == 1 else 0.91) == 1.0


def test_without_held_out_strokes_the_first_zoom_stays() -> None:
    assert best_zoom(0.7, 10.0, lambda zoom: None) == 0.7
