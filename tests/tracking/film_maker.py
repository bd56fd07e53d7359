"""Small films of discs whose tracks are known."""

import numpy as np
from numpy.typing import NDArray

SIZE = 160


def draw(places: dict[int, tuple[float, float, float]], size: int = SIZE) -> NDArray[np.int32]:
    """Return a label image of discs: label -> y, x, radius."""
    y, x = np.mgrid[:size, :size]
    labels = np.zeros((size, size), np.int32)
    for label, (cy, cx, radius) in places.items():
        labels[(y - cy) ** 2 + (x - cx) ** 2 <= radius**2] = label
    return labels


def drifting_film(frames: int = 6, step: tuple[float, float] = (0, 0)) -> list[NDArray[np.int32]]:
    """Return a grid of nine cells, each with its own slow motion, in a field that moves by ``step`` a frame."""
    rng = np.random.default_rng(3)
    own = rng.uniform(-2, 2, (9, 2))
    film = []
    for t in range(frames):
        places = {}
        for n in range(9):
            y, x = 35 + 35 * (n // 3) + own[n, 0] * t + step[0] * t, 35 + 35 * (n % 3) + own[n, 1] * t + step[1] * t
            places[n + 1] = (y, x, 7 + n % 3)
        film.append(draw(places))
    return film


def dividing_film() -> list[NDArray[np.int32]]:
    """Return a cell that divides after three frames beside one that does not; both daughters live on."""
    film = []
    for t in range(7):
        places = {1: (40.0, 40.0, 9.0)}
        if t < 3:
            places[2] = (100.0, 100.0, 10.0)
        else:
            apart = 7 + (t - 3)
            places |= {3: (100.0, 100.0 - apart, 7.0), 4: (100.0, 100.0 + apart, 7.0)}
        film.append(draw(places))
    return film
