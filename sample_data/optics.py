"""How light and a camera turn a specimen into an image: widefield fluorescence and Zernike phase contrast.

Both models are the simplest that keep what matters to a cell finder: out-of-focus haze and photon noise in
fluorescence, halo and shade-off in phase contrast. A diffraction model with aberrations (Gibson and Lanni 1991) was
ruled out: its rings are finer than most of these pixels, and a Gaussian per slice is a few lines.

References
----------
.. [1] Zhang, Zerubia, Olivo-Marin (2007), Gaussian approximations of fluorescence microscope point-spread function
   models, Applied Optics 46, 1819. doi:10.1364/AO.46.001819
.. [2] Zernike (1942), Phase contrast, a new method for the microscopic observation of transparent objects, Physica 9,
   686. doi:10.1016/S0031-8914(42)80035-X
.. [3] Gibson, Lanni (1991), Experimental test of an analytical model of aberration in an oil-immersion objective lens
   used in three-dimensional light microscopy, J. Opt. Soc. Am. A 8, 1601. doi:10.1364/JOSAA.8.001601
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass(frozen=True, slots=True)
class Objective:
    """An objective; lengths in um, ``index`` is the refractive index of the mounting medium."""

    numerical_aperture: float
    wavelength_um: float
    index: float = 1.38

    def sigma_um(self, defocus_um: float) -> float:
        """Return the standard deviation (um) of the Gaussian blur of a point ``defocus_um`` out of focus.

        In focus it is 0.21 wavelength / NA (Zhang et al. 2007); with defocus the light cone, a disc of radius
        defocus tan(alpha), adds its own variance per axis, radius² / 4.
        """
        in_focus = 0.21 * self.wavelength_um / self.numerical_aperture
        tangent = self.numerical_aperture / np.sqrt(self.index**2 - self.numerical_aperture**2)
        return float(np.hypot(in_focus, defocus_um * tangent / 2))


@dataclass(frozen=True, slots=True)
class Camera:
    """A 12-bit camera: ``offset`` in counts, ``read_noise`` in electrons, ``gain`` in electrons per count."""

    offset: float = 100.0
    gain: float = 2.5
    read_noise: float = 3.0
    brightest: int = 4095

    def expose(self, counts: Real, rng: np.random.Generator) -> NDArray[np.uint16]:
        """Return the picture taken of ``counts``, the expected signal above the offset, in counts."""
        electrons = rng.poisson(np.maximum(counts, 0) * self.gain) + rng.normal(0, self.read_noise, counts.shape)
        return np.clip(np.rint(electrons / self.gain + self.offset), 0, self.brightest).astype(np.uint16)


def widefield(density_zyx: Real, z_um: Real, focus_um: Real, pixel_um: float, objective: Objective) -> Real:
    """Return the noise-free widefield image of a specimen at every focus position.

    Parameters
    ----------
    density_zyx
        Fluorophore density, shape (slices, rows, columns).
    z_um, focus_um
        Height of each slice, shape (slices,), and of each image plane, shape (planes,).
    pixel_um
        Pixel size in y and x.
    objective
        The objective.

    Returns
    -------
    array of shape (planes, rows, columns)
        The sum over slices, each blurred by its distance from the plane; the borders wrap, so crop a margin.
    """
    spectra = fft.rfft2(density_zyx)
    squared = _squared_frequency(density_zyx.shape[1:], pixel_um)
    planes = [_focused_spectrum(spectra, z_um - focus, squared, objective) for focus in focus_um]
    images: Real = fft.irfft2(np.stack(planes), s=density_zyx.shape[1:])
    return images


def _squared_frequency(shape: tuple[int, ...], pixel_um: float) -> Real:
    rows, columns = fft.fftfreq(shape[0], pixel_um), fft.rfftfreq(shape[1], pixel_um)
    squared: Real = rows[:, None] ** 2 + columns[None, :] ** 2
    return squared


def _focused_spectrum(spectra: Complex, defocus_um: Real, squared: Real, objective: Objective) -> Complex:
    total = np.zeros(spectra.shape[1:], np.complex128)
    for spectrum, distance in zip(spectra, defocus_um, strict=True):
        total += spectrum * np.exp(-2 * (np.pi * objective.sigma_um(distance)) ** 2 * squared)
    return total


def uneven_illumination(shape: tuple[int, int], loss: float, brightest: tuple[float, float]) -> Real:
    """Return a Gaussian beam profile of ``shape``, 1 at ``brightest`` (fractions of y, x), 1 - loss where darkest."""
    rows, columns = np.linspace(0, 1, shape[0]), np.linspace(0, 1, shape[1])
    squared = (rows[:, None] - brightest[0]) ** 2 + (columns[None, :] - brightest[1]) ** 2
    profile: Real = (1 - loss) ** (squared / squared.max())
    return profile


@dataclass(frozen=True, slots=True)
class PhaseContrast:
    """A positive phase-contrast microscope; apertures as NA, the plate's ``transmission`` is of intensity.

    ``annulus`` is the condenser's opening; ``plate`` the ring in the objective, a little wider. The wider the plate,
    the more diffracted light it also shifts, and the stronger the halo. A quarter wave between the two makes what
    delays light look dark.
    """

    numerical_aperture: float = 0.30
    wavelength_um: float = 0.55
    annulus: tuple[float, float] = (0.105, 0.125)
    plate: tuple[float, float] = (0.095, 0.135)
    transmission: float = 0.25

    def image(self, phase_rad: Real, pixel_um: float, *, angles: int = 24, radii: int = 2) -> Real:
        """Return the intensity behind a thin phase object, 1 where the field is empty (Abbe's sum over the source).

        Parameters
        ----------
        phase_rad
            Phase delay, shape (rows, columns), radians; the borders wrap, so crop a margin.
        pixel_um
            Pixel size of ``phase_rad``.
        angles, radii
            How many points stand for the condenser's annulus.
        """
        spectrum = fft.fft2(np.exp(1j * phase_rad))
        step = 1 / (np.array(phase_rad.shape) * pixel_um)
        points = [
            np.rint(np.array([np.sin(turn), np.cos(turn)]) * aperture / self.wavelength_um / step).astype(int)
            for aperture in np.linspace(*self.annulus, radii + 2)[1:-1]
            for turn in 2 * np.pi * np.arange(angles) / angles
        ]
        pupil = self._pupil(phase_rad.shape, pixel_um)
        total = np.zeros(phase_rad.shape)
        for point in points:
            total += np.abs(fft.ifft2(spectrum * np.roll(pupil, -point, axis=(0, 1)))) ** 2
        return total / (len(points) * self.transmission)

    def _pupil(self, shape: tuple[int, ...], pixel_um: float) -> Complex:
        rows, columns = (fft.fftfreq(n, pixel_um) * self.wavelength_um for n in shape)
        aperture = np.hypot(rows[:, None], columns[None, :])
        on_plate = (aperture > self.plate[0]) & (aperture < self.plate[1])
        pupil: NDArray[Any] = np.where(on_plate, np.sqrt(self.transmission) * -1j, 1.0)
        return np.where(aperture <= self.numerical_aperture, pupil, 0)
