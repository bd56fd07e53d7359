"""Wells in a plane by UMAP, where umap-learn is installed: it is large, and the principal components need nothing.

References
----------
McInnes et al. 2018, "UMAP: Uniform Manifold Approximation and Projection", arXiv:1802.03426.
"""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import OptionError

PACKAGE = "umap"
NEIGHBOURS = 15  # as the package has it
FEWEST = 4  # wells: with fewer, nobody is a neighbour of anybody
SEED = 1  # the same plane each time
MISSING = "needs umap-learn: pip install umap-learn"


def umap_is_here() -> bool:
    """Return whether the package that makes it is installed."""
    return find_spec(PACKAGE) is not None


def umap_points(components: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return places (N, 2) of wells by their principal components (N, P).

    Raises
    ------
    OptionError
        If the package is not installed, or there are fewer than four wells.
    """
    if len(components) < FEWEST:
        raise OptionError(f"UMAP needs {FEWEST} wells or more, and there are {len(components)}")
    try:
        from umap import UMAP
    except ImportError as error:
        raise OptionError(f"UMAP {MISSING}") from error
    placed = UMAP(n_neighbors=min(NEIGHBOURS, len(components) - 1), random_state=SEED, n_jobs=1)
    return np.asarray(placed.fit_transform(components), np.float64)
