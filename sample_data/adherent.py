"""Adherent cells as phase objects: thin spread sheets with protrusions, nuclei, nucleoli and granules.

What a phase-contrast microscope sees is only the optical path: thickness times the difference of refractive index
to the medium. So the specimen is a map of phase delay in radians, and its truth the sheets' outlines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

Real = NDArray[np.float64]
Mask = NDArray[np.bool_]
Labels = NDArray[np.uint16]

Window = tuple[slice, slice]

# Differences of refractive index to the medium; a nucleus's is no higher than its cytoplasm's (Schuermann et al. 2016,
# doi:10.1002/jbio.201500273), so it shows by its thickness and its nucleoli.
INDEX_CYTOPLASM, INDEX_NUCLEUS, INDEX_NUCLEOLUS, INDEX_GRANULE, INDEX_BALL = 0.020, 0.006, 0.03, 0.06, 0.020
FILM_UM = 0.0008


@dataclass(frozen=True, slots=True)
class Sheet:
    """Outline of one spread cell: ``centre_um`` (y, x), body semi-axes, and protrusions (direction, length, width).

    ``ruffles`` are (order, amplitude, phase) of the outline's harmonics.
    """

    centre_um: tuple[float, float]
    axes_um: tuple[float, float]
    angle: float
    protrusions: tuple[tuple[float, float, float], ...]
    ruffles: tuple[tuple[int, float, float], ...]

    @property
    def reach_um(self) -> float:
        """Radius in um of a circle that surely holds the cell."""
        return 1.6 * max(self.axes_um) + sum(length for _, length, _ in self.protrusions) + 1

    def covers(self, y: Real, x: Real) -> Mask:
        """Return which points (um) the cell covers."""
        dy, dx = y - self.centre_um[0], x - self.centre_um[1]
        turn = np.arctan2(dy, dx) - self.angle
        radius = 1 / np.hypot(np.cos(turn) / self.axes_um[0], np.sin(turn) / self.axes_um[1])
        for order, size, phase in self.ruffles:
            radius = radius * (1 + size * np.cos(order * turn + phase))
        for direction, length, width in self.protrusions:
            away = np.abs(np.angle(np.exp(1j * (turn - direction))))
            radius = radius + length * np.exp(-away / width)
        inside: Mask = np.hypot(dy, dx) < radius
        return inside


def spread_cell(centre_um: tuple[float, float], rng: np.random.Generator) -> Sheet:
    """Return a random spread cell, 25 to 60 um long: one or two protrusions at its ends, others anywhere."""
    along = rng.uniform(9.5, 14)
    axes = (along, along * rng.uniform(0.45, 0.85))
    ends = [(end + rng.normal(0, 0.25), rng.uniform(5, 20), rng.uniform(0.14, 0.32)) for end in (0, np.pi)]
    sides = [(rng.uniform(0, 2 * np.pi), rng.uniform(3, 9), rng.uniform(0.12, 0.25)) for _ in range(rng.integers(1, 4))]
    ruffles = tuple((k, rng.normal(0, 0.3 / k), rng.uniform(0, 2 * np.pi)) for k in (2, 3, 5, 8, 13))
    return Sheet(centre_um, axes, rng.uniform(0, 2 * np.pi), tuple(ends + sides), ruffles)


class Culture:
    """Cells placed so far, every ``pixel_um``: ``path_um`` (optical path) and ``labels``, shape (rows, columns)."""

    def __init__(self, shape: tuple[int, int], pixel_um: float) -> None:
        self.pixel_um = pixel_um
        self.path_um: Real = np.zeros(shape)
        self.labels: Labels = np.zeros(shape, np.uint16)

    def phase_rad(self, wavelength_um: float) -> Real:
        """Return the phase delay of the whole field in radians, shape (rows, columns)."""
        return self.path_um * (2 * np.pi / wavelength_um)

    def try_spread(self, sheet: Sheet, rng: np.random.Generator, *, pressed: float = 0.1) -> bool:
        """Add a spread cell, yielding up to the share ``pressed`` to its neighbours; False where there is no room."""
        window, y, x = self._around(sheet.centre_um, sheet.reach_um)
        inside = sheet.covers(y, x)
        free = inside & (self.labels[window] == 0)
        if not free.any() or free.sum() < (1 - pressed) * inside.sum():
            return False
        own = _largest_piece(free)
        self.labels[window][own] = self.labels.max() + 1
        self.path_um[window] += sheet_path_um(own, sheet, self.pixel_um, rng)
        return True

    def try_round(self, centre_um: tuple[float, float], radius_um: float, rng: np.random.Generator) -> bool:
        """Add a rounded, dividing cell: a granular ball that touches no other; False where there is no room."""
        window, y, x = self._around(centre_um, radius_um + 3)
        distance: Real = np.hypot(y - centre_um[0], x - centre_um[1])
        if (self.labels[window] > 0).any() or distance.size == 0:
            return False
        self.labels[window][distance < radius_um] = self.labels.max() + 1
        chord = 2 * np.sqrt(np.maximum(radius_um**2 - distance**2, 0))
        body = INDEX_BALL * chord * np.exp(0.12 * _roughness(chord.shape, 0.6 / self.pixel_um, rng))
        granules = _dots((distance < 0.8 * radius_um).astype(np.float64), 25, (0.25, 0.45), self.pixel_um, rng)
        self.path_um[window] += body + INDEX_GRANULE * granules
        return True

    def add_debris(self, clusters: int, rng: np.random.Generator) -> None:
        """Scatter small granular clusters and a faint rough film over the empty substrate."""
        for _ in range(clusters):
            centre = rng.uniform(0, np.array(self.labels.shape) * self.pixel_um)
            spread = rng.uniform(0.3, 2.2)
            window, y, x = self._around((centre[0], centre[1]), 3 * spread)
            near = np.exp(-((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / (2 * spread**2)) * (self.labels[window] == 0)
            grains = _dots(near, int(3 + 7 * spread), (0.25, 0.5), self.pixel_um, rng)
            self.path_um[window] += rng.uniform(0.01, 0.03) * grains
        self.path_um += FILM_UM * _roughness(self.labels.shape, 0.8 / self.pixel_um, rng)

    def _around(self, centre_um: tuple[float, float], reach_um: float) -> tuple[Window, Real, Real]:
        """Return the window within ``reach_um`` of a point, and its open coordinates y, x in um."""
        low = [max(int((c - reach_um) / self.pixel_um), 0) for c in centre_um]
        high = [
            min(int((c + reach_um) / self.pixel_um) + 1, n) for c, n in zip(centre_um, self.labels.shape, strict=True)
        ]
        y, x = (self.pixel_um * np.arange(start, stop) for start, stop in zip(low, high, strict=True))
        return (slice(low[0], high[0]), slice(low[1], high[1])), y[:, None], x[None, :]


def sheet_path_um(own: Mask, sheet: Sheet, pixel_um: float, rng: np.random.Generator) -> Real:
    """Return the optical path (um) of one spread cell: its wrinkled sheet, nucleus, nucleoli and granules.

    Parameters
    ----------
    own
        The pixels it covers, shape (rows, columns).
    sheet
        Its outline, for the nucleus's direction and size.
    pixel_um
        Pixel size.
    rng
        Source of wrinkles and granules.
    """
    inward = ndi.distance_transform_edt(np.pad(own, 1))[1:-1, 1:-1] * pixel_um
    nucleus = _nucleus_um(own, inward, sheet, pixel_um)
    lamella = 0.45 * (1 - np.exp(-inward / 0.4))
    dome = 1.5 * (1 - np.exp(-((inward / 6) ** 1.5)))
    wrinkles = 0.10 * _roughness(own.shape, 0.5 / pixel_um, rng) + 0.12 * _roughness(own.shape, 1.8 / pixel_um, rng)
    body = INDEX_CYTOPLASM * (lamella + dome) * np.exp(wrinkles) * own
    path: Real = body + INDEX_NUCLEUS * nucleus + _granules_um(own & (inward > 0.8), nucleus, pixel_um, rng)
    return path


def _nucleus_um(own: Mask, inward: Real, sheet: Sheet, pixel_um: float) -> Real:
    """Return the nucleus's thickness in um; it sits where the cell is widest."""
    deepest = np.unravel_index(np.argmax(ndi.gaussian_filter(inward, 1 / pixel_um)), own.shape)
    dy = (np.arange(own.shape[0]) - deepest[0])[:, None] * pixel_um
    dx = (np.arange(own.shape[1]) - deepest[1])[None, :] * pixel_um
    along, across = 0.42 * sheet.axes_um[0], min(0.5 * sheet.axes_um[1], 4.5)
    u = (dx * np.cos(sheet.angle) + dy * np.sin(sheet.angle)) / along
    v = (dy * np.cos(sheet.angle) - dx * np.sin(sheet.angle)) / across
    thickness: Real = 2.5 * np.sqrt(np.clip(1 - u**2 - v**2, 0, 1)) * own
    return thickness


def _granules_um(where: Mask, nucleus: Real, pixel_um: float, rng: np.random.Generator) -> Real:
    """Return the path (um) of nucleoli and of granules, which crowd around the nucleus."""
    around = ndi.gaussian_filter((nucleus > 0).astype(np.float64), 5 / pixel_um) + 0.02
    granules = _dots(where * around * (nucleus == 0), int(rng.integers(10, 45)), (0.25, 0.5), pixel_um, rng)
    nucleoli = _dots((nucleus > 1.4).astype(np.float64), int(rng.integers(2, 5)), (0.6, 1.0), pixel_um, rng)
    path: Real = INDEX_GRANULE * granules + INDEX_NUCLEOLUS * nucleoli
    return path


def _dots(chance: Real, count: int, radius_um: tuple[float, float], pixel_um: float, rng: np.random.Generator) -> Real:
    """Return the thickness (um) of ``count`` small balls, their centres drawn with the weights ``chance``."""
    thickness = np.zeros(chance.shape)
    if chance.sum() == 0:
        return thickness
    spots = rng.choice(chance.size, size=count, p=(chance / chance.sum()).ravel())
    reach = int(radius_um[1] / pixel_um) + 1
    for row, column in zip(*np.unravel_index(spots, chance.shape), strict=True):
        rows = np.arange(max(row - reach, 0), min(row + reach + 1, chance.shape[0]))
        columns = np.arange(max(column - reach, 0), min(column + reach + 1, chance.shape[1]))
        squared = ((rows - row) ** 2)[:, None] + ((columns - column) ** 2)[None, :]
        chord = 2 * np.sqrt(np.maximum(rng.uniform(*radius_um) ** 2 - squared * pixel_um**2, 0))
        thickness[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] += chord
    return thickness


def _roughness(shape: tuple[int, ...], grain_px: float, rng: np.random.Generator) -> Real:
    noise = ndi.gaussian_filter(rng.normal(size=shape), grain_px)
    unit: Real = noise / noise.std()
    return unit


def _largest_piece(mask: Mask) -> Mask:
    pieces, _ = ndi.label(mask)
    largest: Mask = pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:])
    return largest
