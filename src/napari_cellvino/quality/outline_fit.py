"""How well outlines lie on the edges of a picture, where they are and where they would be turned over or moved.

Masks on the wrong image, or on one that another program showed turned over, look right. The pictures change across
the outlines of their own cells more than across the same outlines elsewhere, in any kind of microscopy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CORRELATED, SHORTEST = 1024, 6  # px along each side that are looked at, and px that outlines are moved by at least
Lines = NDArray[np.bool_]
TOP_DOWN, LEFT_RIGHT, AROUND = "turned over from top to bottom", "turned over from left to right", "turned by 180°"


@dataclass(frozen=True, slots=True)
class OutlineFit:
    """How many times as steep a picture is across outlines as across the same elsewhere.

    ``turned`` is against the mean of those turned over, ``moved`` against that of those moved by half a cell. ``best``
    says how the outlines would have to lie for the steepest edges, and ``gain`` how many times as steep these are as
    those where they lie. ``shift`` is by how many px (down, right) they would have to be moved, by a cell at most, for
    the steepest edges, which are ``shifted`` times as steep.
    """

    turned: float
    moved: float
    best: str = ""
    gain: float = 1.0
    shift: tuple[int, int] = (0, 0)
    shifted: float = 1.0


def outline_fit(picture: NDArray[np.generic], labels: NDArray[np.integer], diameter: float) -> OutlineFit | None:
    """Return how well the outlines of labels lie on the edges of a picture of their size (Y, X); None if it has none.

    ``diameter`` is that of the usual cell in px.
    """
    from scipy import ndimage

    steep = ndimage.gaussian_gradient_magnitude(picture.astype(np.float32), 1.0)
    lines = np.zeros(labels.shape, bool)
    lines[1:] |= labels[1:] != labels[:-1]
    lines[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    if not lines.any():
        return None
    own = float(steep[lines].mean())
    ways = {how: float(steep[turned].mean()) for how, turned in _ways(lines).items()}
    flat = float(np.mean([ways[how] for how in (TOP_DOWN, LEFT_RIGHT, AROUND)]))
    half = max(int(diameter / 2), 3)
    moved = [_along(steep, lines, step) for step in ((half, 0), (-half, 0), (0, half), (0, -half))]
    known = [steeper for steeper in moved if steeper is not None]
    best, most = max(ways.items(), key=lambda way: way[1])
    if own == 0:
        return OutlineFit(0.0, 0.0, best, np.inf) if most > 0 else None
    if not known or not flat > 0:
        return OutlineFit(np.inf, np.inf)
    away = float(1 / np.mean(known)) if np.mean(known) > 0 else np.inf
    return OutlineFit(own / flat, away, best, most / own, *_best_shift(steep, lines, diameter))


def _ways(lines: Lines) -> dict[str, Lines]:
    """Return outlines as they lie turned over, by how; exchanged rows and columns where the picture is square."""
    ways = {TOP_DOWN: lines[::-1], LEFT_RIGHT: lines[:, ::-1], AROUND: lines[::-1, ::-1]}
    if lines.shape[0] != lines.shape[1]:
        return ways
    return ways | {
        "with rows and columns exchanged": lines.T,
        "turned by 90° to the left": np.rot90(lines),
        "turned by 90° to the right": np.rot90(lines, -1),
        "turned over about the other diagonal": lines[::-1, ::-1].T,
    }


def _best_shift(steep: NDArray[np.float32], lines: Lines, diameter: float) -> tuple[tuple[int, int], float]:
    """Return by how many px (down, right) lines are to be moved for the steepest edges, and how much steeper these are.

    Of large pictures some rows and columns are looked at.
    """
    step = math.ceil(max(lines.shape) / CORRELATED)
    steep, marks = steep[::step, ::step], lines[::step, ::step].astype(np.float32)
    reach = int(min(max(diameter, SHORTEST) / step, min(marks.shape) / 8))
    size = tuple(n + reach for n in marks.shape)
    there = np.conj(np.fft.rfft2(marks, size))
    found, count = (
        np.roll(np.fft.irfft2(np.fft.rfft2(picture, size) * there, size), (reach, reach), (0, 1))[
            : 2 * reach + 1, : 2 * reach + 1
        ]
        for picture in (steep, np.ones_like(steep))
    )
    mean = found / np.maximum(count, 1)
    own = float(mean[reach, reach])
    down, right = (int(n) - reach for n in np.unravel_index(np.argmax(mean), mean.shape))
    return (step * down, step * right), float(mean.max()) / own if own > 0 else 1.0


def _along(steep: NDArray[np.float32], lines: Lines, step: tuple[int, int]) -> float | None:
    """Return how many times as steep a picture is across lines moved by a step (y, x) as where they are."""
    own, there = (
        tuple(slice(max(sign * s, 0), size + min(sign * s, 0)) for s, size in zip(step, steep.shape, strict=True))
        for sign in (-1, 1)
    )
    chosen = lines[own]
    before = float(steep[own][chosen].mean()) if chosen.any() else 0.0
    return float(steep[there][chosen].mean()) / before if before > 0 else None
