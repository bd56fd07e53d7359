from __future__ import annotations

from napari_cellvino.training.score import _middle_of_the_best


def test_a_plateau_is_preferred_to_a_peak_beside_a_cliff() -> None:
    assert _middle_of_the_best([0.70, 0.80, 0.81, 0.80, 0.82, 0.40]) == 3
    assert _middle_of_the_best([0.5]) == 0
    assert _middle_of_the_best([0.9, 0.8, 0.1]) == 0
