"""One spot that a person points at: where it is exactly, its light, and how far it stands out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.image import Plane, Stack, ZMode, channel_index
from napari_cellvino.core.recipe import Recipe, SpotPlanes
from napari_cellvino.core.spot_edits import SpotEdit
from napari_cellvino.segmentation.prepare import network_inputs
from napari_cellvino.segmentation.spots.gaussian_fit import fit_gaussians
from napari_cellvino.segmentation.spots.look import make_look
from napari_cellvino.segmentation.spots.response import finite_image, gaussian_response

USUAL_SIGMA = (1.3, 1.3, 1.3)  # px, where that of the field is not known
AROUND = (4, 24)  # planes and px that are looked at to each side
NEAR = 1.5  # px from where a person points, that the fitted place lies at most


def point_at_spot(
    stack: Stack, plane: Plane, recipe: Recipe, at: tuple[float, float, float], sigma: tuple[float, float, float]
) -> SpotEdit:
    """Return the spot at a place (z, y, x) that a person points at, to be added.

    Where no spot can be fitted near it, it is taken as it is, with the light round it.

    Raises
    ------
    ImageReadError, ImageValueError
        If the pixels cannot be read.
    """
    index = channel_index(stack, recipe.spot_channel)
    y0, x0 = (max(0, round(c) - AROUND[1]) for c in at[1:])
    part = (slice(y0, round(at[1]) + AROUND[1] + 1), slice(x0, round(at[2]) + AROUND[1] + 1))
    whole = recipe.spots is SpotPlanes.STACK and stack.shape.z > 1 and recipe.z_choice.way is not ZMode.PLANE
    if whole:
        first, last = max(0, round(at[0]) - AROUND[0]), min(stack.shape.z, round(at[0]) + AROUND[0] + 1)
        planes = [stack.plane(t=recipe.frame - 1, c=index or 0, z=z)[part] for z in range(first, last)]
    else:
        first, planes = 0, [network_inputs(plane.pixels, index, 1)[0][part]]
    return _fitted(np.stack(planes), (first, y0, x0), at, sigma)


def _fitted(
    pixels: NDArray[np.generic],
    start: tuple[int, int, int],
    at: tuple[float, float, float],
    sigma: tuple[float, float, float],
) -> SpotEdit:
    image, inside = finite_image(pixels), np.array(at) - start
    across = sigma[1] or USUAL_SIGMA[1]
    width = ((sigma[0] or USUAL_SIGMA[0]) if len(image) > 1 else 0.0, across, across)
    look = make_look(image, width, whole=pixels.dtype.kind in "iub")
    middle = np.clip(np.rint(inside), 0, np.array(image.shape) - 1).astype(np.int64)
    fit = fit_gaussians(image, middle[None], width)
    near = bool(np.linalg.norm(fit.centre[0] - inside) <= max(NEAR, across)) and fit.peak[0] > 0
    place = fit.centre[0] if near else inside
    there = np.clip(np.rint(place), 0, np.array(image.shape) - 1).astype(np.int64)
    score = fit.peak[0] * gaussian_response(width, look.seen) / look.noise.at(there[None])[0]
    z, y, x = (place + start).tolist()
    return SpotEdit(True, (z, y, x), float(max(fit.light[0], 0.0)), float(max(score, 0.0)))
