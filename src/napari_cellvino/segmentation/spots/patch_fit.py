"""Gaussians fitted to many small patches at once, by Levenberg and Marquardt's method.

A call of a general optimiser per spot takes a millisecond; a field has ten thousand of them. A Gaussian is a product of
functions of one axis each, and so is all that its fit needs: sums over a patch are made axis by axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]

ROUNDS = 12
SETTLED = 1e-4  # of the squared error, that a step gains
GIVEN_UP = 1e2  # damping
WIDEST = 1.2  # logarithm of the width over the one to begin with, at most
FARTHEST = 1.5  # px or planes from where a spot was found, or its width where that is more
INSIDE, BELL, SLOPE, WIDTH = range(
    4
)  # functions of an axis: 1, a Gaussian, and what it changes by with place and width

Term = tuple[int, ...]  # a function of each axis, multiplied with each other


@dataclass(frozen=True, slots=True)
class Patches:
    """N patches of an image: ``values`` (N, Z, Y, X), 0 outside of it.

    Each axis has the ``offsets`` (L,) of its pixels from the middle, and ``inside`` (N, L), 1 where these lie in the
    image and 0 elsewhere.
    """

    values: Real
    offsets: tuple[Real, Real, Real]
    inside: tuple[Real, Real, Real]

    def select(self, rows: NDArray[np.integer]) -> Patches:
        """Return some of them."""
        z, y, x = (axis[rows] for axis in self.inside)
        return Patches(self.values[rows], self.offsets, (z, y, x))


@dataclass(slots=True)
class Fitted:
    """Gaussians of N patches: peak and background (N,), centre from the middle and logarithm of the width (N, 3)."""

    peak: Real
    background: Real
    centre: Real
    log_sigma: Real


@dataclass(slots=True)
class _Sums:
    """Sums over N patches: of values with products of functions (N, functions, ...), and of functions with each other.

    ``gram`` has one (N, functions, functions) an axis; ``error`` (N,) is the squared error of peak and background.
    """

    moments: Real
    gram: list[Real]
    error: Real

    def put(self, rows: NDArray[np.integer], other: _Sums, taken: NDArray[np.bool_]) -> None:
        """Take over some of another's rows."""
        self.moments[rows], self.error[rows] = other.moments[taken], other.error[taken]
        for own, new in zip(self.gram, other.gram, strict=True):
            own[rows] = new[taken]

    def select(self, rows: NDArray[np.integer]) -> _Sums:
        """Return some of them."""
        return _Sums(self.moments[rows], [axis[rows] for axis in self.gram], self.error[rows])

    def values_with(self, term: Term) -> Real:
        """Return the sums (N,) of the values times a term."""
        place: tuple[slice | int, ...] = (slice(None), *term)
        return np.asarray(self.moments[place])

    def product(self, a: Term, b: Term) -> Real:
        """Return the sums (N,) of one term times another."""
        out = self.gram[0][:, a[0], b[0]]
        for axis, i, j in zip(self.gram[1:], a[1:], b[1:], strict=True):
            out = out * axis[:, i, j]
        return out


class PatchFit:
    """The fit of Gaussians of one width, 0 along z in one plane, to patches; ``free_sigma`` fits the width too."""

    def __init__(self, sigma: tuple[float, float, float], *, free_sigma: bool) -> None:
        self._start = np.array(sigma)
        self._axes = [axis for axis in range(3) if sigma[axis] > 0]
        self._free = free_sigma
        self._bell, self._one = (BELL,) * len(self._axes), (INSIDE,) * len(self._axes)
        self._columns = self._all_columns()

    def run(self, patches: Patches, shift: Real) -> Fitted:
        """Return the Gaussians of patches, beginning at centres (N, 3) from the middle of these."""
        n = patches.inside[0].sum(1) * patches.inside[1].sum(1) * patches.inside[2].sum(1)
        level = patches.values.sum((1, 2, 3)) / np.maximum(n, 1)
        patches = Patches(patches.values - level[:, None, None, None], patches.offsets, patches.inside)
        log_sigma = np.log(np.where(self._start > 0, self._start, 1.0))[None] * np.ones((len(shift), 1))
        found = Fitted(np.zeros(0), np.zeros(0), shift.copy(), log_sigma)
        sums, found.peak, found.background = self._sums(patches, found.centre, log_sigma)
        damping, moving = np.full(len(shift), 1e-2), np.arange(len(shift))
        for _ in range(ROUNDS):
            here, before = sums.select(moving), sums.error[moving]
            step = self._step(here, found.peak[moving], found.background[moving], damping[moving])
            centre, log_sigma = self._moved(found.centre[moving], found.log_sigma[moving], step)
            new, peak, background = self._sums(patches.select(moving), centre, log_sigma)
            better = new.error < before
            taken = moving[better]
            sums.put(taken, new, better)
            found.peak[taken], found.background[taken] = peak[better], background[better]
            found.centre[taken], found.log_sigma[taken] = centre[better], log_sigma[better]
            damping[moving] = np.clip(np.where(better, damping[moving] / 4, damping[moving] * 6), 1e-6, 1e6)
            settled = np.where(better, before - new.error < SETTLED * before, damping[moving] > GIVEN_UP)
            moving = moving[~settled]
            if not len(moving):
                break
        found.background += level
        return found

    def _all_columns(self) -> list[list[Term]]:
        """Return the terms whose sum the model changes by with each parameter: peak, background, place and width."""

        def bell_but(axis: int, function: int) -> Term:
            return tuple(function if a == axis else BELL for a in self._axes)

        columns = [[self._bell], [self._one], *([bell_but(axis, SLOPE)] for axis in self._axes)]
        if self._free:
            columns.append([bell_but(axis, WIDTH) for axis in (1, 2)])
            columns += [[bell_but(0, WIDTH)]] if 0 in self._axes else []
        return columns

    def _sums(self, patches: Patches, centre: Real, log_sigma: Real) -> tuple[_Sums, Real, Real]:
        """Return the sums for given places and widths, and the best peaks and backgrounds (N,) for these."""
        functions = [self._functions(patches, axis, centre, log_sigma) for axis in self._axes]
        along_z, y, x = functions[0] if 0 in self._axes else None, functions[-2], functions[-1]
        moments = y[:, None] @ (patches.values @ x.swapaxes(1, 2)[:, None])
        if along_z is None:
            moments = moments[:, 0]
        else:
            shape = (len(moments), along_z.shape[1], *moments.shape[2:])
            moments = (along_z @ moments.reshape(len(moments), moments.shape[1], -1)).reshape(shape)
        sums = _Sums(moments, [f @ f.swapaxes(1, 2) for f in functions], np.zeros(0))
        n, sg, sgg = (sums.product(*pair) for pair in combinations_with_replacement((self._one, self._bell), 2))
        sv, sgv = sums.values_with(self._one), sums.values_with(self._bell)
        peak = (n * sgv - sg * sv) / np.maximum(n * sgg - sg**2, 1e-12)
        background = (sv - peak * sg) / np.maximum(n, 1)
        inside = (
            patches.inside[0][:, :, None, None] * patches.inside[1][:, None, :, None] * patches.inside[2][:, None, None]
        )
        square = np.einsum("nzyx,nzyx,nzyx->n", patches.values, patches.values, inside)
        fitted = n * background**2 + 2 * background * peak * sg + peak**2 * sgg
        sums.error = np.maximum(square - 2 * background * sv - 2 * peak * sgv + fitted, 0.0)
        return sums, peak, background

    def _functions(self, patches: Patches, axis: int, centre: Real, log_sigma: Real) -> Real:
        """Return the functions (N, functions, L) of an axis; lengths in px."""
        width = np.exp(log_sigma[:, axis, None])
        scaled = (patches.offsets[axis] - centre[:, axis, None]) / width
        bell = np.exp(-0.5 * scaled * scaled) * patches.inside[axis]
        slope = bell * scaled
        every = [patches.inside[axis], bell, slope / width]
        return np.stack([*every, slope * scaled] if self._free else every, 1)

    def _step(self, sums: _Sums, peak: Real, background: Real, damping: Real) -> Real:
        """Return the damped Gauss-Newton steps (N, parameters) of peak, background, place and width."""
        many = len(self._columns)
        normal, right = np.empty((len(peak), many, many)), np.empty((len(peak), many))
        scale = [peak if n > 1 else np.ones(len(peak)) for n in range(many)]
        for i, column in enumerate(self._columns):
            missing = [
                sums.values_with(t) - background * sums.product(t, self._one) - peak * sums.product(t, self._bell)
                for t in column
            ]
            right[:, i] = scale[i] * np.sum(missing, axis=0)
            for j in range(i + 1):
                both = np.sum([sums.product(a, b) for a in column for b in self._columns[j]], axis=0)
                normal[:, i, j] = normal[:, j, i] = scale[i] * scale[j] * both
        diagonal = np.einsum("nii->ni", normal)
        ridge = damping[:, None] * diagonal + 1e-9 * (1 + diagonal.max(1, keepdims=True))
        normal = normal + ridge[:, :, None] * np.eye(many)[None]
        return np.asarray(np.linalg.solve(normal, right[..., None])[..., 0])

    def _moved(self, centre: Real, log_sigma: Real, step: Real) -> tuple[Real, Real]:
        """Return places and widths after a step, within their limits."""
        limit, new_centre = np.maximum(FARTHEST, self._start), centre.copy()
        for k, axis in enumerate(self._axes):
            moved = centre[:, axis] + np.clip(step[:, 2 + k], -0.7, 0.7)
            new_centre[:, axis] = np.clip(moved, -limit[axis], limit[axis])
        return new_centre, self._wider(log_sigma, step[:, 2 + len(self._axes) :]) if self._free else log_sigma

    def _wider(self, log_sigma: Real, step: Real) -> Real:
        """Return widths after a step: one of the plane, and one along z where there are planes."""
        new = log_sigma.copy()
        new[:, 1:] += np.clip(step[:, :1], -0.4, 0.4)
        if 0 in self._axes:
            new[:, 0] += np.clip(step[:, 1], -0.4, 0.4)
        start = np.log(np.where(self._start > 0, self._start, 1.0))
        return np.clip(new, start - WIDEST, start + WIDEST)
