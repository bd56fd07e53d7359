"""At which zoom to look: where cells look too small or too large, the one at which held-out strokes are told best.

The bases know cells of some sizes. Within those nothing is gained by another zoom, though held-out strokes alone would
say so: a closer look tells edges better, and cells worse.
"""

from __future__ import annotations

from collections.abc import Callable

STEP = 2**0.5
MOST_STEPS = 4
BETTER = 0.9  # of the surprise before: less of a gain is chance
SMALL, MIDDLE, LARGE = 24.0, 40.0, 60.0  # px of the network: from small to large nothing is tried
SMALLEST_ZOOM, LARGEST_ZOOM = 0.12, 4.0


def best_zoom(first: float, seen_px: float, surprise: Callable[[float], float | None]) -> float:
    """Return the zoom to look at.

    Parameters
    ----------
    first
        The zoom that was looked at first.
    seen_px
        How large cells look there, in px of the network. Where they look small, closer looks are tried, half an octave
        apart, until they look of `MIDDLE` size; where they look large, wider ones.
    surprise
        How badly held-out strokes are told at a zoom; None where none can be held out.
    """
    if SMALL <= seen_px <= LARGE:
        return first
    least = surprise(first)
    if least is None:
        return first
    step = STEP if seen_px < SMALL else 1 / STEP
    reach = max(MIDDLE / seen_px, seen_px / MIDDLE) * STEP**0.5
    factors = [step**n for n in range(1, MOST_STEPS + 1) if STEP**n <= reach]
    zooms = [first * factor for factor in factors if SMALLEST_ZOOM <= first * factor <= LARGEST_ZOOM]
    tried = [(said, zoom) for zoom in zooms if (said := surprise(zoom)) is not None]
    said, best = min(tried, default=(least, first))
    return best if said < BETTER * least else first
