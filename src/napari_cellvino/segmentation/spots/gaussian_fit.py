"""Gaussians fitted to many small patches at once, by Levenberg and Marquardt's method.

A call of a general optimiser per spot takes a millisecond; a field has ten thousand of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.threads import together

Real = NDArray[np.float64]
Sigma = tuple[float, float, float]

CHUNK = 2000  # spots at a time
ROUNDS = 12
SETTLED = 1e-4  # of the squared error, that a step gains
GIVEN_UP = 1e2  # damping
WIDEST = 1.2  # logarithm of the width over the one to begin with, at most
FARTHEST = 1.5  # px or planes from where a spot was found, or its width where that is more


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


def patch_offsets(sigma: Sigma) -> NDArray[np.int64]:
    """Return the offsets (P, 3) z, y, x of the voxels that a spot of this width is fitted to; sigma 0 is one plane."""
    reach = [int(np.ceil(2.2 * s)) if s > 0 else 0 for s in sigma]
    reach = [max(r, 2) if s > 0 and axis > 0 else r for axis, (r, s) in enumerate(zip(reach, sigma, strict=True))]
    grid = np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij")
    return np.stack([axis.ravel() for axis in grid], 1)


def gather(image: NDArray[np.float32], at: NDArray[np.int64], offsets: NDArray[np.int64]) -> tuple[Real, Real]:
    """Return the values (N, P) of patches round voxels ``at`` (N, 3), and weights that are 0 outside of the image."""
    where = at[:, None, :] + offsets[None]
    limits = np.array(image.shape)
    inside = ((where >= 0) & (where < limits)).all(2)
    where = np.clip(where, 0, limits - 1)
    values = image[where[..., 0], where[..., 1], where[..., 2]].astype(np.float64)
    return values, np.asarray(inside, np.float64)


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
    offsets = patch_offsets(sigma)

    def fitted(n: int) -> Gaussians:
        return _fit_chunk(image, at[n : n + CHUNK], offsets, sigma, free_sigma, _part(others, n))

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
    offsets: NDArray[np.int64],
    sigma: Sigma,
    free_sigma: bool,
    others: tuple[NDArray[np.float32], Gaussians] | None,
) -> Gaussians:
    if others is None:
        values, weights = gather(image, at, offsets)
        shift = np.zeros((len(at), 3))
    else:
        values, weights = gather(others[0], at, offsets)
        own = replace(others[1], background=np.zeros(len(at)))
        values = values + _model(own, offsets[None] + at[:, None, :])
        shift = others[1].centre - at
    moving = _Moving(values, weights, offsets, sigma, free_sigma)
    found = moving.run(shift)
    return replace(found, centre=found.centre + at)


def _model(g: Gaussians, where: NDArray[np.integer]) -> Real:
    """Return the values (N, P) of Gaussians at voxels (N, P, 3)."""
    spread = np.where(g.sigma > 0, g.sigma, 1.0)
    distance = (where - g.centre[:, None, :]) / spread[:, None, :]
    distance *= (g.sigma > 0)[:, None, :]
    return np.asarray(g.background[:, None] + g.peak[:, None] * np.exp(-0.5 * (distance**2).sum(2)))


def render(shape: tuple[int, ...], found: Gaussians) -> NDArray[np.float32]:
    """Return an image (Z, Y, X) of the Gaussians without their backgrounds."""
    image = np.zeros(shape, np.float32)
    if not len(found):
        return image
    sigma = tuple(float(s) for s in found.sigma.max(0))
    offsets = patch_offsets((1.6 * sigma[0], 1.6 * sigma[1], 1.6 * sigma[2]))
    for n in range(0, len(found), CHUNK):
        part = replace(found.select(np.arange(n, min(n + CHUNK, len(found)))))
        part = replace(part, background=np.zeros(len(part)))
        where = np.rint(part.centre).astype(np.int64)[:, None, :] + offsets[None]
        inside = ((where >= 0) & (where < np.array(shape))).all(2)
        np.add.at(image, tuple(where[inside].T), _model(part, where)[inside].astype(np.float32))
    return image


class _Moving:
    """One fit of N patches (N, P)."""

    def __init__(self, values: Real, weights: Real, offsets: NDArray[Any], sigma: Sigma, free_sigma: bool) -> None:
        self.values, self.weights, self.offsets = values, weights, offsets.astype(np.float64)
        self._sigma, self.start = sigma, np.array(sigma)
        self.axes = [axis for axis in range(3) if sigma[axis] > 0]
        self.free_sigma = free_sigma

    def run(self, shift: Real) -> Gaussians:
        """Return the fitted Gaussians, with centres from the middle of their patches."""
        centre = shift.copy()
        log_sigma = np.log(np.where(self.start > 0, self.start, 1.0))[None] * np.ones((len(centre), 1))
        peak, background, error = self._best(centre, log_sigma)
        damping, moving = np.full(len(centre), 1e-2), np.arange(len(centre))
        for _ in range(ROUNDS):
            part = _Moving(self.values[moving], self.weights[moving], self.offsets, self._sigma, self.free_sigma)
            before = error[moving]
            step = part._step(peak[moving], background[moving], centre[moving], log_sigma[moving], damping[moving])
            new_centre, new_sigma = part._moved(centre[moving], log_sigma[moving], step)
            new_peak, new_background, new_error = part._best(new_centre, new_sigma)
            better = new_error < before
            taken = moving[better]
            peak[taken], background[taken], error[taken] = new_peak[better], new_background[better], new_error[better]
            centre[taken], log_sigma[taken] = new_centre[better], new_sigma[better]
            damping[moving] = np.clip(np.where(better, damping[moving] / 4, damping[moving] * 6), 1e-6, 1e6)
            settled = np.where(better, before - new_error < SETTLED * before, damping[moving] > GIVEN_UP)
            moving = moving[~settled]
            if not len(moving):
                break
        sigma = np.where(self.start > 0, np.exp(log_sigma), 0.0)
        return Gaussians(peak, background, centre, sigma)

    def _moved(self, centre: Real, log_sigma: Real, step: Real) -> tuple[Real, Real]:
        """Return places and widths after a step, within their limits."""
        limit, new_centre = np.maximum(FARTHEST, self.start), centre.copy()
        for k, axis in enumerate(self.axes):
            moved = centre[:, axis] + np.clip(step[:, 2 + k], -0.7, 0.7)
            new_centre[:, axis] = np.clip(moved, -limit[axis], limit[axis])
        return new_centre, self._wider(log_sigma, step[:, 2 + len(self.axes) :]) if self.free_sigma else log_sigma

    def _wider(self, log_sigma: Real, step: Real) -> Real:
        """Return widths after a step: one of the plane, and one along z where there are planes."""
        new = log_sigma.copy()
        new[:, 1:] += np.clip(step[:, :1], -0.4, 0.4)
        if 0 in self.axes:
            new[:, 0] += np.clip(step[:, 1], -0.4, 0.4)
        start = np.log(np.where(self.start > 0, self.start, 1.0))
        return np.clip(new, start - WIDEST, start + WIDEST)

    def _scaled(self, centre: Real, log_sigma: Real) -> list[Real]:
        """Return the distances (N, P) in widths, along each axis that is fitted."""
        spread = np.exp(log_sigma)
        return [(self.offsets[None, :, n] - centre[:, n, None]) / spread[:, n, None] for n in self.axes]

    def _best(self, centre: Real, log_sigma: Real) -> tuple[Real, Real, Real]:
        """Return the best peaks and backgrounds for given places and widths, and the squared errors (N,) of these."""
        g = _bell(self._scaled(centre, log_sigma))
        wg = self.weights * g
        n, sg, sgg = self.weights.sum(1), wg.sum(1), np.einsum("np,np->n", wg, g)
        sv, sgv = np.einsum("np,np->n", self.weights, self.values), np.einsum("np,np->n", wg, self.values)
        peak = (n * sgv - sg * sv) / np.maximum(n * sgg - sg**2, 1e-12)
        background = (sv - peak * sg) / np.maximum(n, 1)
        rest = self.values - background[:, None] - peak[:, None] * g
        return peak, background, np.einsum("np,np->n", self.weights, rest * rest)

    def _step(self, peak: Real, background: Real, centre: Real, log_sigma: Real, damping: Real) -> Real:
        """Return the damped Gauss-Newton steps of peak, background, place and width."""
        scaled = self._scaled(centre, log_sigma)
        g = _bell(scaled)
        bright = peak[:, None] * g
        columns = [g, np.ones_like(g)]
        columns += [bright * d / np.exp(log_sigma)[:, axis, None] for d, axis in zip(scaled, self.axes, strict=True)]
        if self.free_sigma:
            columns.append(bright * (scaled[-1] ** 2 + scaled[-2] ** 2))
            columns += [bright * scaled[0] ** 2] if 0 in self.axes else []
        jacobian = np.stack(columns, 2) * self.weights[..., None]
        residual = (self.values - background[:, None] - bright) * self.weights
        normal = np.einsum("npi,npj->nij", jacobian, jacobian)
        right = np.einsum("npi,np->ni", jacobian, residual)
        diagonal = np.einsum("nii->ni", normal)
        ridge = damping[:, None] * diagonal + 1e-9 * (1 + diagonal.max(1, keepdims=True))
        normal = normal + ridge[:, :, None] * np.eye(normal.shape[1])[None]
        return np.asarray(np.linalg.solve(normal, right[..., None])[..., 0])


def _bell(scaled: list[Real]) -> Real:
    """Return the Gaussians of peak 1 (N, P) of distances in widths."""
    return np.asarray(np.exp(-0.5 * np.sum([d * d for d in scaled], axis=0)))
