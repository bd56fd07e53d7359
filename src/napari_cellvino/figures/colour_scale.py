"""The colours of numbers on a plate, the same in the window and in files: viridis, readable for colour-blind eyes.

Five stops are enough to look like the original, and the window needs no matplotlib to paint with them.

References
----------
Smith and van der Walt 2015, "A Better Default Colormap for Matplotlib", https://bids.github.io/colormap/
"""

from __future__ import annotations

import numpy as np

VIRIDIS = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))
_STOPS = np.linspace(0, 1, len(VIRIDIS))
_CHANNELS = np.array(VIRIDIS, np.float64).T


def colour_of(value: float, low: float, high: float) -> tuple[int, int, int]:
    """Return red, green and blue (0 to 255) of a value on the scale from ``low`` to ``high``."""
    position = (value - low) / (high - low) if high > low else 0.5
    red, green, blue = (round(float(np.interp(position, _STOPS, channel))) for channel in _CHANNELS)
    return red, green, blue
