"""The three scenes: a specimen set up, put under its microscope, and photographed, with its truth.

Each is drawn wider than the field and cropped, so objects are cut by the border and haze comes in from outside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from adherent import Culture, spread_cell
from debris import add_fibres, add_specks
from monolayer import Reporter, reporter_density
from nuclei import Grid, Labels, Nucleus, Real, Specimen, chromatin_texture, interphase, metaphase, touching
from numpy.typing import NDArray
from optics import Camera, Objective, PhaseContrast, uneven_illumination, widefield
from scipy import ndimage as ndi
from truth import one_piece, renumber

MARGIN_PX = 40


@dataclass(frozen=True, slots=True)
class Well:
    """One well of the plate: its name, compound, dose in um (micromolar), role and number of cells sown."""

    name: str
    compound: str
    dose_um: float
    control: str
    sown: int


def _inner(array: NDArray[Any]) -> NDArray[Any]:
    return array[..., MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX]


# --- z-stack ---------------------------------------------------------------------------------------------------------


STACK_OBJECTIVE = Objective(numerical_aperture=0.75, wavelength_um=0.46)


@dataclass(frozen=True, slots=True)
class StackScene:
    """The z-stack: ``planes`` 1 um apart from z = 0, ``size_px`` (rows, columns) of 0.325 um."""

    planes: int = 13
    size_px: tuple[int, int] = (448, 512)
    pixel_um: float = 0.325

    @property
    def grid(self) -> Grid:
        """The specimen's voxels: slices every 0.5 um from 2 um below the first plane to 2 um above the last."""
        rows, columns = (size + 2 * MARGIN_PX for size in self.size_px)
        return Grid((2 * (self.planes + 3) + 1, rows, columns), (0.5, self.pixel_um, self.pixel_um), -2.0)


def nuclei_stack(seed: int) -> tuple[NDArray[np.uint16], Labels, Labels]:
    """Return a widefield z-stack (planes, rows, columns), its 2D truth (rows, columns) and its 3D truth."""
    scene, rng = StackScene(), np.random.default_rng(seed)
    specimen = _sow_stack(scene.grid, rng)
    density = specimen.density_zyx * chromatin_texture(scene.grid, rng)
    add_specks(density, scene.grid, 40, rng)
    add_fibres(density, scene.grid, 4, rng, brightness=1.2)
    density += 0.012 * ndi.gaussian_filter((specimen.labels_zyx > 0).astype(float), [4, 14, 14]) + 0.004
    focus = np.arange(scene.planes, dtype=float)
    clean = _inner(widefield(density, scene.grid.z_um, focus, scene.pixel_um, STACK_OBJECTIVE))
    light = uneven_illumination(scene.size_px, 0.25, (0.45, 0.58)) * np.exp(-0.012 * focus)[:, None, None]
    stack = Camera().expose(50 * light * clean, rng)
    at_planes = specimen.labels_zyx[4 : 4 + 2 * scene.planes : 2]
    seen, labels_zyx = renumber(one_piece(_inner(specimen.footprints())), one_piece(_inner(at_planes)))
    return stack, seen, labels_zyx


def _sow_stack(grid: Grid, rng: np.random.Generator) -> Specimen:
    """Return mitoses, clumps of two to four and single nuclei on a substrate that tilts through the stack."""
    specimen = Specimen(grid)
    for _ in range(3):
        _until(lambda: specimen.try_add(metaphase(_anywhere(grid, rng), rng.uniform(0, np.pi), rng), hidden=0.0))
    _until(lambda: _add_anaphase(specimen, rng))
    for extra in (1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3):
        _add_clump(specimen, extra, rng)
    for _ in range(56):
        _until(lambda: specimen.try_add(interphase(_anywhere(grid, rng), rng)))
    return specimen


def _anywhere(grid: Grid, rng: np.random.Generator) -> tuple[float, float, float]:
    height, width = grid.size_um
    y, x = rng.uniform(0, height), rng.uniform(0, width)
    return float(np.clip(3.8 + 3.5 * x / width + rng.normal(0, 1.0), 3.0, 9.0)), y, x


def _add_clump(specimen: Specimen, extra: int, rng: np.random.Generator) -> None:
    _until(lambda: specimen.try_add(interphase(_anywhere(specimen.grid, rng), rng)))
    clump = [specimen.nuclei[-1]]
    for _ in range(extra):
        _until(lambda: specimen.try_add(touching(clump[rng.integers(len(clump))], rng), pressed=0.08), tries=60)
        if specimen.nuclei[-1] is not clump[-1]:
            clump.append(specimen.nuclei[-1])


def _add_anaphase(specimen: Specimen, rng: np.random.Generator) -> bool:
    """Add two sister plates 5.5 um apart; False, and nothing added, where the first finds no room."""
    (z, y, x), angle = _anywhere(specimen.grid, rng), rng.uniform(0, np.pi)
    first = metaphase((z, y, x), angle, rng)
    if not specimen.try_add(first, hidden=0.0):
        return False
    sister = metaphase((z, y + 5.5 * np.cos(angle), x - 5.5 * np.sin(angle)), angle, rng)
    specimen.try_add(sister, hidden=0.0)
    return True


def _until(attempt: Callable[[], bool], tries: int = 400) -> bool:
    return any(attempt() for _ in range(tries))


# --- plate -----------------------------------------------------------------------------------------------------------


WELL_PX = 256
WELL_PIXEL_UM = 0.65
WELL_NUCLEUS_SCALE = 1.17
WELL_GRID = Grid((9, WELL_PX + 2 * MARGIN_PX, WELL_PX + 2 * MARGIN_PX), (0.75, WELL_PIXEL_UM, WELL_PIXEL_UM), 0.0)
DNA_OBJECTIVE = Objective(numerical_aperture=0.5, wavelength_um=0.46)
GFP_OBJECTIVE = Objective(numerical_aperture=0.5, wavelength_um=0.51)


def plate_well(well: Well, seed: int) -> tuple[NDArray[np.uint16], Labels]:
    """Return a well's picture, shape (2 channels, rows, columns): DNA then GFP; and its nuclei's truth."""
    rng = np.random.default_rng(seed)
    specimen = _sow_well(well.sown, rng)
    dna = specimen.density_zyx * chromatin_texture(WELL_GRID, rng, contrast=0.5)
    add_specks(dna, WELL_GRID, 6, rng)
    gfp = reporter_density(specimen, Reporter().shares(well.dose_um, len(specimen.nuclei), rng), rng)
    focus = WELL_GRID.z_um.mean() + rng.normal(0, 0.6)
    light = uneven_illumination((WELL_PX, WELL_PX), 0.2, (0.52, 0.46))
    planes = [
        60 * light * (_photographed(dna, focus, DNA_OBJECTIVE) + 0.25),
        110 * light * (_photographed(gfp, focus, GFP_OBJECTIVE) + 0.15),
    ]
    picture = Camera(gain=1.5).expose(np.stack(planes), rng)
    return picture, renumber(one_piece(_inner(specimen.footprints())))[0]


def _photographed(density: Real, focus_um: float, objective: Objective) -> Real:
    clean = widefield(density, WELL_GRID.z_um, np.array([focus_um]), WELL_PIXEL_UM, objective)[0]
    scattered = 0.06 * ndi.gaussian_filter(clean, 20, mode="wrap")
    return np.asarray(_inner(clean + scattered))


def _sow_well(sown: int, rng: np.random.Generator) -> Specimen:
    """Return about ``sown`` nuclei within the field, and as many per area around it, one in four beside another."""
    specimen = Specimen(WELL_GRID)
    area = (WELL_PX + 2 * MARGIN_PX) ** 2 / WELL_PX**2
    for _ in range(round(sown * area)):
        _until(lambda: specimen.try_add(_next_in_well(specimen.nuclei, rng), pressed=0.05, hidden=0.1))
    return specimen


def _next_in_well(nuclei: list[Nucleus], rng: np.random.Generator) -> Nucleus:
    if nuclei and rng.random() < 0.25:
        return touching(
            nuclei[rng.integers(len(nuclei))], rng, scale=WELL_NUCLEUS_SCALE, closeness=rng.uniform(0.95, 1.3)
        )
    height, width = WELL_GRID.size_um
    return interphase(
        (3.0 + rng.normal(0, 0.3), rng.uniform(0, height), rng.uniform(0, width)), rng, scale=WELL_NUCLEUS_SCALE
    )


# --- phase contrast --------------------------------------------------------------------------------------------------


FIELD_PX = 400
FIELD_PIXEL_UM = 0.5
FINER = 2


def phase_field(seed: int) -> tuple[NDArray[np.uint8], Labels]:
    """Return a phase-contrast field, shape (rows, columns), and its truth; simulated at half the pixel, then binned."""
    rng, microscope = np.random.default_rng(seed), PhaseContrast()
    side = FINER * (FIELD_PX + 2 * MARGIN_PX)
    culture = Culture((side, side), FIELD_PIXEL_UM / FINER)
    _sow_field(culture, rng)
    fine = microscope.image(culture.phase_rad(microscope.wavelength_um), culture.pixel_um)
    clean = _inner(fine.reshape(side // FINER, FINER, side // FINER, FINER).mean(axis=(1, 3)))
    light = uneven_illumination((FIELD_PX, FIELD_PX), 0.12, (0.4, 0.35))
    counts = rng.poisson(light * clean * 2500) / 2500 * 128
    picture = np.clip(np.rint(counts + rng.normal(0, 0.8, counts.shape)), 0, 255).astype(np.uint8)
    labels = one_piece(_inner(culture.labels[::FINER, ::FINER]))
    return picture, renumber(labels)[0]


def _sow_field(culture: Culture, rng: np.random.Generator) -> None:
    size = culture.pixel_um * culture.labels.shape[0]

    def somewhere() -> tuple[float, float]:
        return rng.uniform(0, size), rng.uniform(0, size)

    for _ in range(30):
        _until(lambda: culture.try_spread(spread_cell(somewhere(), rng), rng), tries=40)
    for _ in range(3):
        _until(lambda: culture.try_round(somewhere(), rng.uniform(5.5, 7), rng))
    culture.add_debris(35, rng)
