"""Strokes as a person paints them, made from the truth: lines of 20 px in cells, on background and between cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.segmentation import find_boundaries

LENGTH = 20  # px
TURNS = (0, 0.4, -0.4, 0.8, -0.8, 1.3, -1.3, 2, -2, 2.6, -2.6, 3.1)  # radians, tried in this order
NEAR = 7  # px between cells that do not touch
FEWEST = 40  # px of touching cells; with fewer, gaps are painted

Mask = NDArray[np.bool_]


def paint(labels: NDArray[np.integer], strokes: int, seed: int = 0) -> NDArray[np.uint8]:
    """Return strokes (Y, X): a third of them each in cells (1), on background (2) and between cells (3)."""
    rng = np.random.default_rng(seed)
    painted = np.zeros(labels.shape, np.uint8)
    inner = (labels > 0) & ~find_boundaries(labels, mode="inner")
    ids = np.unique(labels[inner])
    for own in rng.choice(ids, min(strokes // 3, len(ids)), replace=False):
        painted[_line((labels == own) & inner, rng)] = 1
    far = ndi.binary_erosion(labels == 0, iterations=2)
    for kind, where in ((2, far if far.any() else labels == 0), (3, _between(labels))):
        for _ in range(strokes // 3):
            painted[_line(where, rng)] = kind
    return painted


def _between(labels: NDArray[np.integer]) -> Mask:
    touching = _two_cells(labels, 3)
    return touching if touching.sum() >= FEWEST else _two_cells(labels, NEAR) & ~ndi.binary_erosion(labels > 0)


def _two_cells(labels: NDArray[np.integer], reach: int) -> Mask:
    numbers = labels.astype(np.int64)
    none = int(numbers.max()) + 1
    highest = ndi.maximum_filter(numbers, reach)
    lowest = ndi.minimum_filter(np.where(numbers > 0, numbers, none), reach)
    return np.asarray((highest > 0) & (highest != lowest) & (lowest < none))


def _line(where: Mask, rng: np.random.Generator) -> Mask:
    """Return a line that stays in a mask, from a random pixel of it."""
    line = np.zeros(where.shape, bool)
    pixels = np.argwhere(where)
    if not len(pixels):
        return line
    y, x = pixels[rng.integers(len(pixels))].astype(float)
    angle = rng.uniform(0, 2 * np.pi)
    line[int(y), int(x)] = True
    for _ in range(LENGTH - 1):
        tries = ((y + np.sin(angle + turn), x + np.cos(angle + turn), angle + turn) for turn in TURNS)
        step = next(((b, a, t) for b, a, t in tries if _holds(where, b, a)), None)
        if step is None:
            break
        y, x, angle = step
        angle += rng.normal(0, 0.1)
        line[round(y), round(x)] = True
    return line


def _holds(where: Mask, y: float, x: float) -> bool:
    row, column = round(y), round(x)
    return 0 <= row < where.shape[0] and 0 <= column < where.shape[1] and bool(where[row, column])
