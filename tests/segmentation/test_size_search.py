"""The search for a plane's cell diameter asks at every zoom and takes the one that fits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.model_package import find_package
from napari_cellvino.segmentation.predict import _describe_size
from napari_cellvino.segmentation.size_search import SizeGuess, best_diameter, size_guess, sureness_guess

REFERENCE = 24.0


def guess(side: int, *, deepest: float = 0.8, zoom: float = 1.0, cells: int = 9) -> SizeGuess | None:
    """Return what a window with a few square cells says."""
    labels: NDArray[np.int32] = np.zeros((200, 200), np.int32)
    for number in range(cells):
        y, x = 60 * np.array(divmod(number, 3)) + 5
        labels[y : y + side, x : x + side] = number + 1
    maps = np.stack([labels > 0, deepest * (labels > 0)]).astype(np.float16)
    return size_guess(maps, labels, zoom, REFERENCE)


def score(found: SizeGuess | None) -> float:
    assert found is not None
    return found.score


def test_a_guess_is_in_px_of_the_plane() -> None:
    found = guess(24, zoom=0.5)
    assert found is not None
    np.testing.assert_allclose(found.diameter_px, 48 * np.sqrt(4 / np.pi))


def test_cells_of_the_models_own_size_fit_best() -> None:
    assert np.argmax([score(guess(side)) for side in (5, 11, 21, 44)]) == 2


def test_deep_cells_fit_better_than_flat_ones() -> None:
    assert score(guess(21)) > score(guess(21, deepest=0.4))


def test_many_cells_fit_better_than_one_that_may_be_a_colony() -> None:
    assert score(guess(21)) > score(guess(21, cells=1, deepest=0.9))


def test_where_there_is_no_cell_there_is_no_guess() -> None:
    assert guess(0) is None
    assert best_diameter([]) is None


def test_of_sizes_that_agree_alike_the_best_score_wins() -> None:
    assert best_diameter([SizeGuess(0.5, 60.0, 0.2), SizeGuess(1.0, 25.0, 0.6)]) == 25.0


def test_cells_keep_their_size_from_zoom_to_zoom_and_texture_does_not() -> None:
    diameters = {0.25: 77.0, 0.4: 73.0, 0.63: 35.0, 1.0: 22.0, 1.6: 14.0}
    guesses = [SizeGuess(zoom, diameter, 0.4 + 0.05 * zoom) for zoom, diameter in diameters.items()]
    assert best_diameter(guesses) == 73.0


def test_without_depth_the_zoom_counts_at_which_the_cells_are_surest() -> None:
    maps = np.ones((3, 20, 20), np.float16)
    scores = {0.5: [0.7, 0.8], 1.0: [0.9, 0.8, 0.9], 2.0: [0.8, 0.6]}
    guesses = [sureness_guess(maps, np.array(found), zoom, REFERENCE) for zoom, found in scores.items()]
    assert best_diameter([guess for guess in guesses if guess]) == REFERENCE
    assert sureness_guess(0 * maps, np.array([0.9]), 1.0, REFERENCE) is None
    assert sureness_guess(maps, np.zeros(0), 1.0, REFERENCE) is None


def test_a_size_is_told_where_it_is_not_the_images_own() -> None:
    spec = find_package("nuclei").spec
    reference = spec.diameter_px.reference
    assert _describe_size(reference, spec) == ()
    assert _describe_size(2 * reference, spec)[0].startswith("Seen at 0.5 times its size")
