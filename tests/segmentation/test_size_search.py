"""The search for a plane's cell diameter asks at every zoom and takes the one that fits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_cellvino.core.objects import Objects
from napari_cellvino.model_package import find_package
from napari_cellvino.model_package.spec import Diameter
from napari_cellvino.segmentation.heads import Decoded
from napari_cellvino.segmentation.normalise import IntensityRange
from napari_cellvino.segmentation.seen_size import describe_size
from napari_cellvino.segmentation.size_search import (
    SizeGuess,
    ZoomSearch,
    best_diameter,
    common_diameter,
    parts_of,
    size_guess,
    sureness_guess,
)
from napari_cellvino.segmentation.zoom_evidence import ZoomLook, choose_zoom, gather_evidence, predicted_f1

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


def zoom_look(zoom: float, side: int, *, labels_of: int = 3) -> ZoomLook:
    """Return a look at the same 96 px of a plane, in which a few square cells lie."""
    labels: NDArray[np.int32] = np.zeros((round(96 * zoom),) * 2, np.int32)
    for number in range(labels_of):
        y = round(zoom * (4 + 30 * number))
        labels[y : y + side, y : y + side] = number + 1
    seen = (labels > 0).astype(np.float32)
    maps = np.stack([seen, 0.8 * seen, np.full_like(seen, side)])
    areas = np.bincount(labels.reshape(-1))[1:]
    objects = replace(Objects.none(), id=np.arange(1, len(areas) + 1), area_px=areas, score=np.full(len(areas), 0.9))
    known = Diameter(reference=24.0, smallest=10.0, largest=54.0)
    return ZoomLook(zoom, (0, 0, 96, 96), Decoded(labels, objects), seen, maps, known)


def test_neighbouring_zooms_that_show_the_same_cells_agree() -> None:
    found = gather_evidence([zoom_look(0.5, 10), zoom_look(1.0, 20), zoom_look(2.0, 12)])
    assert [one["agree_coarser"] for one in found] == [1.0, 1.0, 0.0]
    assert [one["agree_finer"] for one in found] == [1.0, 0.0, 0.0]
    assert found[1]["known"] == 1.0
    assert found[1]["number"] == 2.0


def test_without_depth_all_else_is_seen_alike() -> None:
    deep = [zoom_look(0.5, 10), zoom_look(1.0, 20, labels_of=0)]
    flat = gather_evidence([replace(look, maps=look.maps[:1]) for look in deep])
    of_depth = {"ridge", "top", "said", "apart"}
    for one, other in zip(gather_evidence(deep), flat, strict=True):
        assert set(one) - set(other) == of_depth
        assert {name: one[name] for name in other} == other


def test_f1_is_predicted_from_evidence_and_what_the_best_zoom_has_more() -> None:
    found = gather_evidence([zoom_look(0.5, 10), zoom_look(1.0, 20), zoom_look(2.0, 12, labels_of=0)])
    said = predicted_f1(
        found, [1.0, 0.2, 2.0], {"one": 0.1, "score": 0.5, "number_less": 0.1, "near": 0.2, "away": -0.1}
    )
    np.testing.assert_allclose(said, [0.45, 0.73, -0.3], atol=1e-6)


@pytest.mark.parametrize(
    ("predicted", "away", "chosen"),
    [
        ([0.2, 0.5, 0.4], [1.6, 0.6, 0.4], 1),
        ([0.2, 0.4, 0.5], [1.8, 0.8, 0.2], None),  # the same, less finely
        ([0.45, 0.41, 0.41], [2.0, 0.9, 0.1], None),  # far, and hardly better
        ([0.47, 0.41, 0.41], [2.0, 0.9, 0.1], 0),
    ],
)
def test_a_zoom_far_from_the_estimate_by_size_needs_a_clear_gain(
    predicted: list[float], away: list[float], chosen: int | None
) -> None:
    assert choose_zoom(np.array(predicted), away) == chosen


@pytest.mark.parametrize(("weights", "f1"), [({"one": 0.1, "score": 0.5}, 0.55), ({"one": 0.1, "near": 0.3}, 0.4)])
def test_the_f1_of_the_zoom_that_is_taken_is_promised(weights: dict[str, float], f1: float) -> None:
    looks = (zoom_look(0.5, 10), zoom_look(1.0, 20), zoom_look(2.0, 12, labels_of=0))
    search = ZoomSearch(looks, (SizeGuess(0.5, 21.0, 0.4), SizeGuess(1.0, 20.0, 0.9)), REFERENCE)
    assert search.promise(weights) == pytest.approx(f1)
    assert ZoomSearch(looks, (), REFERENCE).promise(weights) == 0


def searched(few: int, many: int, usual: float) -> ZoomSearch:
    """Return a search that sees so many cells at zoom 0.5 and at zoom 1."""
    looks = (zoom_look(0.5, 10, labels_of=few), zoom_look(1.0, 20, labels_of=many))
    return ZoomSearch(looks, (SizeGuess(0.5, usual, 0.9),), REFERENCE)


def test_of_several_looks_the_zoom_counts_that_suits_them_together() -> None:
    weights, one, two = {"number": 0.1}, searched(1, 3, 60.0), searched(3, 0, 60.0)
    assert [search.best(weights) for search in (one, two)] == [REFERENCE, 2 * REFERENCE]
    assert common_diameter([one, two], weights) == 2 * REFERENCE
    assert common_diameter([one], weights) == REFERENCE
    assert common_diameter([*[one] * 6, two], weights) == REFERENCE
    assert common_diameter([two, searched(3, 0, 50.0)], weights) == 55.0  # both estimates by size say the same, finer


def test_where_no_look_shows_a_cell_there_is_no_common_size() -> None:
    nothing = ZoomSearch((), (), REFERENCE)
    assert common_diameter([nothing], {"number": 0.1}) is None
    assert common_diameter([nothing, searched(1, 3, 60.0)], {}) == 60.0


@pytest.mark.parametrize(
    ("shape", "parts"),
    [
        ((700, 700), [(0, 0, 700, 700)]),
        ((600, 1000), [(0, 0, 600, 500), (0, 500, 600, 1000)]),
        ((1000, 900), [(0, 0, 500, 450), (500, 450, 1000, 900), (0, 450, 500, 900), (500, 0, 1000, 450)]),
    ],
)
def test_a_large_plane_is_looked_at_in_parts(shape: tuple[int, int], parts: list[tuple[int, int, int, int]]) -> None:
    pixels = np.zeros((1, *shape), np.float32)
    assert parts_of(pixels, [IntensityRange(0.0, 1.0)], find_package("cells").spec) == parts


def test_a_size_is_told_where_it_is_not_the_images_own() -> None:
    spec = find_package("nuclei").spec
    reference = spec.diameter_px.reference
    assert describe_size(reference, spec) == ()
    assert describe_size(2 * reference, spec)[0].startswith("Seen at 0.5 times its size")
