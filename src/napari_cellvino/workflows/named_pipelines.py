"""Recipes with a name, for ``--pipeline``: a whole way from image to table, of which any choice can be changed."""

from __future__ import annotations

from collections.abc import Mapping

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.recipe import Recipe, SpotPlanes

NAMED: Mapping[str, Mapping[str, object]] = {
    "spots": {"model": "", "spots": SpotPlanes.STACK},
    "gonzalez2019": {
        "model": "cell-grid",
        "outline": "cell-contour",
        "z": "mip",
        "spots": SpotPlanes.PROJECTION,
        "parameters": {
            "spot_network": 0.0,  # of the texture of dark field it learnt nothing
            "spot_share": 0.4,  # particles scatter alike, and more than the grain and the rims of cells
        },
    },
}
"""``spots`` finds spots, in cells too where a model is named. ``gonzalez2019`` is the cascade of González and Evans
2019: the maximum projection of a dark-field stack, cells on a grid, their outlines, and the particles in them."""


def named_recipe(name: str, base: Recipe) -> Recipe:
    """Return the recipe of a name; what it leaves open is as in ``base``.

    Raises
    ------
    OptionError
        If there is none of that name.
    """
    if name not in NAMED:
        raise OptionError(f"there is no pipeline {name!r}; there are {', '.join(NAMED)}")
    return base.model_copy(update=dict(NAMED[name]))
