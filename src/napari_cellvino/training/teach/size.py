"""At which zoom to look: the one at which strokes that were held out are told best.

The size of cells alone does not say it: thin gaps between rods need a closer look than the rods themselves. From a
first guess, zooms half an octave apart are tried, as long as they get better.
"""

from __future__ import annotations

from collections.abc import Callable

STEP = 2**0.5
MOST_STEPS = 4
BETTER = 0.85  # of the surprise before: a closer look tells edges better and cells no better, so a small gain is none
SMALLEST, LARGEST = 0.12, 4.0


def best_zoom(first: float, surprise: Callable[[float], float | None]) -> float:
    """Return the zoom of the least surprise, climbing from a first guess to either side."""
    best, least = first, surprise(first)
    if least is None:
        return first
    for step in (STEP, 1 / STEP):
        for _ in range(MOST_STEPS):
            zoom = best * step
            tried = surprise(zoom) if SMALLEST <= zoom <= LARGEST else None
            if tried is None or tried > BETTER * least:
                break
            best, least = zoom, tried
        if best != first:
            return best
    return best
