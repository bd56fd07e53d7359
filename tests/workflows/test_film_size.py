import numpy as np
import pytest

from napari_cellvino.workflows.film_size import shared_diameter

SIZES = [64.0, 45.0, 32.0, 23.0, 16.0]


def test_the_size_that_suits_all_frames_is_taken_though_most_alone_say_another() -> None:
    predicted = [np.array([0.24, 0.62, 0.75, 0.71, f1]) for f1 in (0.66, 0.7, 0.7)]
    assert shared_diameter([15.6, 15.1, 28.0], SIZES, predicted) == 28.0
    assert shared_diameter([15.6, 15.1], SIZES, predicted) == 32.0
    assert shared_diameter([15.6, 30.0, 15.1], SIZES, []) == pytest.approx(15.6)
