"""The width of the spots of a field, learnt from its clearest ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_cellvino.segmentation.spots.background import background_of
from napari_cellvino.segmentation.spots.bands import Image
from napari_cellvino.segmentation.spots.gaussian_fit import at_limit, fit_gaussians
from napari_cellvino.segmentation.spots.look import make_look
from napari_cellvino.segmentation.spots.response import ROUND, Sigma, roundness

FIRST_SIGMAS = (1.3, 2.6)  # px, tried one after the other where nothing is known
WIDE_SIGMA = 5.0  # px, tried last: what is so wide has to be alike
SIGMA_RANGE = (0.6, 5.5)  # px; what is wider is told and not sought
SURE = 6.0  # score of spots that tell the width
TELLING = 300  # spots, at most
FEW = 8
FEWEST = 3  # spots that tell the width where they are alike
FEWER = 0.6  # of the spots that were clear at the width before: what is seen better at another is something else
LONELY, LONELIEST = 6.0, 0.3  # widths from the next spot, of spots that tell the width; and their share at least
WIDE_BLOCKS = 2.0  # times as wide as for spots of one width, are blocks of background that takes nothing of wider ones
SPAN = 0.2  # of the logarithm, that widths of spots of one kind lie in
OF_LARGEST = 0.6  # as many as in the largest group, that a group of narrower ones has at least
ALIKE = 0.2  # standard deviation of the logarithm of their widths
MANY = 1_500_000  # voxels that the width is learnt from, at most
PARTS = 4  # along each side of a larger image, of which one is taken


@dataclass(frozen=True, slots=True)
class Width:
    """The width that spots are sought at, and that of bright things that are larger than any spot, 0 without such."""

    sigma: Sigma
    beyond: float = 0.0


def learn_width(pixels: Image, fixed: float | None, z_over_x: float | None, *, whole: bool) -> Width:
    """Return the width of the spots of an image: that of the clearest ones, as they are usually where there are few.

    Parameters
    ----------
    pixels
        (Z, Y, X).
    fixed
        The width in the plane in px, where it is known.
    z_over_x
        Distance of planes over that of pixels, where it is known.
    whole
        Whether pixels are whole numbers.
    """
    pixels = _telling_part(pixels)
    flat, beyond = len(pixels) == 1, 0.0
    tried = [fixed] if fixed else [*FIRST_SIGMAS, WIDE_SIGMA]
    first = [_first_sigma(across, z_over_x, flat=flat) for across in tried]
    for enough in (FEW, FEWEST):
        for start in first:
            wide = not fixed and start[1] == WIDE_SIGMA
            found = _learnt_sigma(pixels, start, whole=whole, fixed=fixed, enough=FEW if wide else enough, alike=wide)
            if found is not None and (fixed or found[1] <= SIGMA_RANGE[1]):
                return Width(found)
            beyond = found[1] if found is not None else beyond
    return Width(first[0], beyond)


def _telling_part(pixels: Image) -> Image:
    """Return the part of a large image that varies most: it has enough spots to tell their width."""
    side = int(np.sqrt(MANY / len(pixels)))
    height, width = pixels.shape[1:]
    if height * width <= side**2:
        return pixels
    top = pixels.max(0)
    corners = [
        (int(y), int(x))
        for y in np.linspace(0, max(0, height - side), PARTS)
        for x in np.linspace(0, max(0, width - side), PARTS)
    ]
    rough = top - scipy.ndimage.uniform_filter(top, 5)
    y, x = max(corners, key=lambda at: float(rough[at[0] : at[0] + side, at[1] : at[1] + side].std()))
    return pixels[:, y : y + side, x : x + side]


def _first_sigma(across: float, z_over_x: float | None, *, flat: bool) -> Sigma:
    along = 0.0 if flat else float(np.clip(2.0 * across / (z_over_x or 2.0), 0.6, 4.0))
    return along, across, across


def _learnt_sigma(
    pixels: Image, sigma: Sigma, *, whole: bool, fixed: float | None, enough: int, alike: bool
) -> Sigma | None:
    """Return the width that the clearest spots have, None where there are not enough."""
    known, clear = None, 0
    for _ in range(3):
        look = make_look(pixels, sigma, whole=whole)
        look = replace(look, noise=look.usual)
        at, score = look.maxima(SURE)
        keep = roundness(look.filtered.smooth, at, look.seen) > ROUND
        at, score = at[keep], score[keep]
        if len(at) < FEWER * clear:
            return known
        clear = len(at)
        at = at[_lonely(at, sigma)] if len(at) > 2 * FEW else at
        if len(at) < enough:
            return known
        response = look.response[tuple(at.T)]
        at = at[np.argsort(-response)][:TELLING]
        wide = background_of(
            pixels, (WIDE_BLOCKS * look.seen[0], WIDE_BLOCKS * look.seen[1], WIDE_BLOCKS * look.seen[2])
        )
        fitted = fit_gaussians(pixels - wide.everywhere(), at, sigma, free_sigma=True)
        ratio = fitted.sigma[:, 1] / sigma[1]
        good = (fitted.peak > 0) & (ratio > 0.4) & (ratio < 2.5) & ~at_limit(fitted.sigma, sigma)
        if good.sum() < enough or not _agree(ratio[good], few=alike):
            return known
        single = fitted.sigma[good][_alike(fitted.sigma[good, 1])]
        across = fixed or max(float(np.median(single[:, 1])), SIGMA_RANGE[0])
        along = float(np.clip(np.median(single[:, 0]), 0.5, 5.0)) if sigma[0] > 0 else 0.0
        before, sigma = sigma, (along, across, across)
        known = sigma
        if abs(np.log(across / before[1])) < 0.08:
            break
    return known


def _alike(widths: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return those of some widths that are most alike, the narrowest such group.

    Spots are all of one width; what lies on each other, granules and folds of the background are wider in any way.
    """
    order = np.argsort(widths)
    logs = np.log(widths[order])
    count = np.searchsorted(logs, logs + SPAN, side="right") - np.arange(len(logs))
    near = np.abs(logs[:, None] - logs) < SPAN
    summit = count >= np.where(near, count, 0).max(1)
    first = int(np.flatnonzero(summit & (count >= OF_LARGEST * count.max()))[0])
    return order[first : first + count[first]]


def _agree(ratio: NDArray[np.float64], *, few: bool) -> bool:
    """Return whether widths tell that of spots: many do, few where they are alike, as they have to be with ``few``."""
    return (len(ratio) >= FEW and not few) or (len(ratio) >= FEWEST and float(np.std(np.log(ratio))) < ALIKE)


def _lonely(at: NDArray[np.int64], sigma: Sigma) -> NDArray[np.bool_]:
    """Return which places have no other one within six widths; the loneliest where hardly any has."""
    scaled = at / np.array([max(s, 1.0) for s in sigma])
    away = scipy.spatial.cKDTree(scaled).query(scaled, k=2)[0][:, 1]
    return np.asarray(away > min(LONELY, float(np.quantile(away, 1 - LONELIEST))))
