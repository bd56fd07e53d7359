"""Gaussians of spots: fitted to an image, and drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.threads import together
from napari_cellvino.segmentation.spots.patch_fit import WIDEST, Patches, PatchFit, Real

Sigma = tuple[float, float, float]

CHUNK = 2000  # spots at a time


@dataclass(frozen=True, slots=True)
class Gaussians:
    """Gaussians on a constant background: peak and background (N,), centre and sigma (N, 3) in px (z, y, x)."""

    peak: Real
    background: Real
    centre: Real
    sigma: Real

    def __len__(self) -> int:
        return len(self.peak)

    def select(self, keep: NDArray[np.bool_] | NDArray[np.integer]) -> Gaussians:
        """Return some of them."""
        return Gaussians(self.peak[keep], self.background[keep], self.centre[keep], self.sigma[keep])

    @property
    def light(self) -> Real:
        """The sum over each Gaussian without its background (N,); in one plane its sigma along z is 0."""
        widths = np.where(self.sigma > 0, np.sqrt(2 * np.pi) * self.sigma, 1.0)
        return np.asarray(self.peak * widths.prod(1))


def patch_reach(sigma: Sigma) -> tuple[int, int, int]:
    """Return how far (z, y, x) the patch that a spot of this width is fitted to reaches from its middle, in px."""
    z, y, x = (int(np.ceil(2.2 * s)) if s > 0 else 0 for s in sigma)
    return z, max(y, 2) if y else 0, max(x, 2) if x else 0


def gather(image: NDArray[np.float32], at: NDArray[np.int64], reach: tuple[int, int, int]) -> Patches:
    """Return the patches round voxels ``at`` (N, 3)."""
    patches = _patches(at, reach, image.shape)
    return replace(patches, values=image.reshape(-1)[_places(at, reach, image.shape)].astype(np.float64))


def _patches(at: NDArray[np.int64], reach: tuple[int, int, int], shape: tuple[int, ...]) -> Patches:
    """Return patches (N) of an image of that shape, with no values yet."""
    z, y, x = (np.arange(-r, r + 1) for r in reach)
    where = (at[:, axis, None] + steps for axis, steps in enumerate((z, y, x)))
    inside = [((place >= 0) & (place < n)).astype(np.float64) for place, n in zip(where, shape, strict=True)]
    offsets = (z.astype(np.float64), y.astype(np.float64), x.astype(np.float64))
    return Patches(np.zeros(0), offsets, (inside[0], inside[1], inside[2]))


def _places(at: NDArray[np.int64], reach: tuple[int, int, int], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the indices (N, Z, Y, X) of the pixels of patches in the raveled image; outside of it the nearest one."""
    z, y, x = (
        np.clip(at[:, axis, None] + np.arange(-reach[axis], reach[axis] + 1), 0, shape[axis] - 1) for axis in range(3)
    )
    plane = y[:, :, None] * shape[2] + x[:, None, :]
    return np.asarray(z[:, :, None, None] * (shape[1] * shape[2]) + plane[:, None])


def fit_gaussians(
    image: NDArray[np.float32],
    at: NDArray[np.int64],
    sigma: Sigma,
    *,
    free_sigma: bool = False,
    others: tuple[NDArray[np.float32], Gaussians] | None = None,
) -> Gaussians:
    """Return the Gaussians (N) that fit an image (Z, Y, X) best round voxels ``at`` (N, 3).

    Parameters
    ----------
    image
        The pixels.
    at
        Where to look.
    sigma
        The width in px (z, y, x), 0 along z in one plane; where to begin with ``free_sigma``.
    free_sigma
        Whether the width is fitted too.
    others
        The image without any of the Gaussians, and these: each is then fitted without the light of its neighbours.
    """

    def fitted(n: int) -> Gaussians:
        return _fit_chunk(image, at[n : n + CHUNK], sigma, free_sigma, _part(others, n))

    parts = together(fitted, range(0, len(at), CHUNK))
    if not parts:
        return Gaussians(np.zeros(0), np.zeros(0), np.zeros((0, 3)), np.zeros((0, 3)))
    return Gaussians(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("peak", "background", "centre", "sigma"))
    )


def at_limit(fitted: Real, sigma: Sigma) -> NDArray[np.bool_]:
    """Return which widths (N, 3) that began with ``sigma`` ended as far from it as they may: they are of no spot."""
    moved = np.abs(np.log(np.where(fitted > 0, fitted, 1.0) / np.where(np.array(sigma) > 0, sigma, 1.0)))
    return np.asarray((moved > 0.99 * WIDEST).any(1))


def _part(others: tuple[NDArray[np.float32], Gaussians] | None, n: int) -> tuple[NDArray[np.float32], Gaussians] | None:
    return None if others is None else (others[0], others[1].select(np.arange(n, min(n + CHUNK, len(others[1])))))


def _fit_chunk(
    image: NDArray[np.float32],
    at: NDArray[np.int64],
    sigma: Sigma,
    free_sigma: bool,
    others: tuple[NDArray[np.float32], Gaussians] | None,
) -> Gaussians:
    patches = gather(image if others is None else others[0], at, patch_reach(sigma))
    shift = np.zeros((len(at), 3))
    if others is not None:
        shift = others[1].centre - at
        own = _light_on(replace(others[1], centre=shift), patches)
        patches = replace(patches, values=patches.values + own)
    found = PatchFit(sigma, free_sigma=free_sigma).run(patches, shift)
    width = np.where(np.array(sigma) > 0, np.exp(found.log_sigma), 0.0)
    return Gaussians(found.peak, found.background, found.centre + at, width)


def _light_on(g: Gaussians, patches: Patches) -> Real:
    """Return the light (N, Z, Y, X) of Gaussians, their centres from the middles of patches, in the image."""
    bells = []
    for axis, (offsets, inside) in enumerate(zip(patches.offsets, patches.inside, strict=True)):
        sigma = g.sigma[:, axis, None]
        scaled = np.where(sigma > 0, (offsets - g.centre[:, axis, None]) / np.where(sigma > 0, sigma, 1.0), 0.0)
        bells.append(np.exp(-0.5 * scaled * scaled) * inside)
    z, y, x = bells
    plane = y[:, :, None] * x[:, None, :]
    return np.asarray((g.peak[:, None] * z)[:, :, None, None] * plane[:, None])


def render(shape: tuple[int, ...], found: Gaussians) -> NDArray[np.float32]:
    """Return an image (Z, Y, X) of the Gaussians without their backgrounds."""
    image = np.zeros(shape, np.float32)
    if not len(found):
        return image
    sigma = tuple(float(s) for s in found.sigma.max(0))
    reach = patch_reach((1.6 * sigma[0], 1.6 * sigma[1], 1.6 * sigma[2]))
    for n in range(0, len(found), CHUNK):
        part = found.select(np.arange(n, min(n + CHUNK, len(found))))
        middle = np.rint(part.centre).astype(np.int64)
        patches = _patches(middle, reach, shape)
        light = _light_on(replace(part, centre=part.centre - middle), patches)
        np.add.at(image.reshape(-1), _places(middle, reach, shape).reshape(-1), light.astype(np.float32).reshape(-1))
    return image
