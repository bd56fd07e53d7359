"""Labels grow as Dijkstra's algorithm would let them: each pixel belongs to the seed of its cheapest path."""

from __future__ import annotations

import heapq
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_cellvino.segmentation.whole_cells.propagate import propagate

STEPS = [(dy, dx) for dy, dx in product((-1, 0, 1), repeat=2) if dy or dx]


def _pixel_by_pixel(
    seeds: NDArray[np.integer], image: NDArray[np.floating], allowed: NDArray[np.bool_], weight: float
) -> NDArray[np.integer]:
    cost, labels = np.where(seeds > 0, 0.0, np.inf), seeds.copy()
    heap = [(0.0, int(y), int(x)) for y, x in np.argwhere(seeds)]
    while heap:
        so_far, y, x = heapq.heappop(heap)
        for dy, dx in STEPS:
            v, u = y + dy, x + dx
            inside = 0 <= v < seeds.shape[0] and 0 <= u < seeds.shape[1]
            if so_far > cost[y, x] or not inside or not (allowed[v, u] or seeds[v, u]):
                continue
            there = so_far + float(np.hypot(image[v, u] - image[y, x], weight * np.hypot(dy, dx)))
            if there < cost[v, u]:
                cost[v, u], labels[v, u] = there, labels[y, x]
                heapq.heappush(heap, (there, v, u))
    return labels


@pytest.mark.parametrize("weight", [0.05, 1.0])
def test_it_is_the_exact_solution(weight: float) -> None:
    rng = np.random.default_rng(1)
    image = ndi.gaussian_filter(rng.random((33, 46)), 1)
    image = (image - image.min()) / np.ptp(image)
    seeds = np.zeros(image.shape, np.int32)
    seeds[rng.integers(33, size=9), rng.integers(46, size=9)] = np.arange(1, 10)
    allowed = ndi.gaussian_filter(rng.random(image.shape), 2) > 0.47
    found, expected = propagate(seeds, image, allowed, weight), _pixel_by_pixel(seeds, image, allowed, weight)
    assert 0.2 < (expected > 0).mean() < 1
    assert (found != expected).mean() < 0.005  # ties


def test_an_edge_of_the_image_is_the_border_and_with_much_regularisation_the_middle_is() -> None:
    image = np.zeros((20, 40))
    image[:, 28:] = 1.0
    seeds = np.zeros((20, 40), np.int32)
    seeds[10, 10], seeds[10, 34] = 1, 2
    everywhere = np.ones(image.shape, bool)
    assert (propagate(seeds, image, everywhere, 0.01) == np.where(image, 2, 1)).all()
    assert propagate(seeds, image, everywhere, 10.0)[10].tolist().count(1) == 23


def test_what_cannot_be_reached_stays_background() -> None:
    seeds = np.zeros((9, 9), np.int32)
    seeds[4, 1] = 7
    allowed = np.ones((9, 9), bool)
    allowed[:, 4] = False
    found = propagate(seeds, np.zeros((9, 9)), allowed, 1.0)
    assert (found[:, :4] == 7).all()
    assert not found[:, 4:].any()
