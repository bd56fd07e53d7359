"""From painted planes to a model package."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.image import Plane
from napari_cellvino.core.objects import Objects
from napari_cellvino.core.progress import Progress, finish
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.model_package import ModelPackage
from napari_cellvino.model_package.spec import Taught
from napari_cellvino.segmentation.heads import Decoded, check_parameters
from napari_cellvino.segmentation.heads.taught import TaughtHead
from napari_cellvino.segmentation.predict import decode, infer_maps
from napari_cellvino.segmentation.raw_maps import RawMaps
from napari_cellvino.segmentation.signal_test import find_emptiness
from napari_cellvino.storage.atomic import atomic_folder
from napari_cellvino.training.teach.features import FeatureEngine
from napari_cellvino.training.teach.lesson import Lesson, PaintedPlane, all_painted, learn, sample_planes
from napari_cellvino.training.teach.next_place import NextPlace, next_place
from napari_cellvino.training.teach.package import (
    CellSize,
    PackageNames,
    finish_package,
    with_agreement,
    write_package,
)
from napari_cellvino.training.teach.size import best_zoom

USUAL_DIAMETER = 32.0  # px at which the bases know cells best
SMALLEST_SHARE = 0.25  # of the area of a typical cell: what is smaller is no cell
LARGEST_SMALLEST = next(p.high for p in TaughtHead.parameters if p.name == "smallest")
FEWEST = 3  # cells that say how large cells are
SEARCHED = 3  # planes that zooms are tried on, those with most strokes


@dataclass(frozen=True, slots=True, eq=False)
class TaughtField:
    """A plane that was painted on, what the new model finds there, and where to paint next."""

    name: str
    raw: RawMaps
    found: Decoded
    next: NextPlace


@dataclass(frozen=True, slots=True, eq=False)
class TeachResult:
    """The new package, the size of cells, and what it finds on the planes that it was taught on."""

    package: ModelPackage
    lesson: Lesson
    size: CellSize
    fields: tuple[TaughtField, ...]

    @property
    def next_field(self) -> TaughtField:
        """The field on which the next stroke would teach most."""
        return max(self.fields, key=lambda field: field.next.unsure)


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What is learned at one zoom, the maps of the planes there, and how large their cells are."""

    lesson: Lesson
    maps: list[RawMaps]
    size: CellSize


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """Learns at a zoom: writes the package to ``folder`` and runs it on the planes."""

    planes: Sequence[PaintedPlane]
    pixels: Sequence[Plane]
    engine: FeatureEngine
    taught: Taught
    names: PackageNames
    folder: Path
    engines: EngineProvider
    device: str
    signal_test: bool

    def at(self, zoom: float) -> _Seen:
        """Return what is learned at a zoom."""
        graph, guess = self.engine.graph, CellSize(USUAL_DIAMETER / zoom, zoom)
        lesson = learn(sample_planes(self.planes, zoom, self.engine), all_painted(self.planes), graph)
        taught = with_agreement(self.taught, lesson)
        package = write_package(self.folder, graph, lesson, taught, self.names, guess, {}, signal_test=self.signal_test)
        engine = self.engines.engine(package, self.device)
        maps = [finish(infer_maps(plane, package.spec, engine)) for plane in self.pixels]
        found = [decode(raw, package.spec, check_parameters(package.spec, {})) for raw in maps]
        return _Seen(lesson, maps, measured_size(found, guess))


def teach(
    planes: Sequence[PaintedPlane],
    pixels: Sequence[Plane],
    engine: FeatureEngine,
    out: Path,
    taught: Taught,
    names: PackageNames,
    *,
    zoom: float | None,
    device: str = "AUTO",
    parameters: Mapping[str, float] | None = None,
) -> Generator[Progress, None, TeachResult]:
    """Yield progress and return the package that was written to ``out``, whose content is replaced.

    Parameters
    ----------
    planes
        What was painted; on all together cells and background.
    pixels
        The same planes as a run sees them.
    engine
        Gives the features.
    out
        Folder of the package.
    taught, names
        For its description.
    zoom
        The zoom to look at; None where it is to be found out.
    device
        Device to run the new model on.
    parameters
        Parameters of the head that the model begins with; the smallest area follows the cells unless it is given.

    Raises
    ------
    TrainingDataError
        If classes have gaps.
    OutputError
        If the package cannot be written.
    """
    tested = all(find_emptiness(plane.inputs) is None for plane in pixels)  # else it would take such cells for noise
    with atomic_folder(out) as folder, EngineProvider() as engines:
        look = _Look(planes, pixels, engine, taught, names, folder, engines, device, signal_test=tested)
        seen = look.at(zoom or 1.0)
        yield Progress("strokes", 1, 3)
        if zoom is None:
            best = best_zoom(1.0, seen.size.reference, _surprise_of(planes, engine))
            seen = seen if best == 1.0 else look.at(best)
        yield Progress("strokes", 2, 3)
        lesson, maps, size = seen.lesson, seen.maps, seen.size
        begins = {"smallest": smallest_of(size), **(parameters or {})}
        package = finish_package(
            folder, lesson, with_agreement(taught, lesson), names, size, begins, signal_test=tested
        )
        found = [decode(raw, package.spec, check_parameters(package.spec, {})) for raw in maps]
    yield Progress("strokes", 3, 3)
    fields = tuple(_taught_field(p, raw, one, size) for p, raw, one in zip(planes, maps, found, strict=True))
    return TeachResult(ModelPackage(out, package.spec, package.sha256), lesson, size, fields)


def _taught_field(plane: PaintedPlane, raw: RawMaps, found: Decoded, size: CellSize) -> TaughtField:
    painted = np.zeros(raw.shape, bool)
    painted[tuple(plane.painted.yx.T)] = True
    place = next_place(raw.maps[0], found.label_image(), painted, size.diameter_px)
    return TaughtField(plane.name, raw, found, place)


def measured_size(found: Sequence[Decoded], guess: CellSize) -> CellSize:
    """Return the size of the cells that were found, at the same zoom; the guess where there are too few."""
    areas = np.concatenate([one.objects.area_px for one in found] or [Objects.none().area_px])
    if len(areas) < FEWEST:
        return guess
    return CellSize(_typical(areas), guess.zoom)


def smallest_of(size: CellSize) -> float:
    """Return the area in px² below which nothing is a cell of this size; never more than the head takes."""
    return min(LARGEST_SMALLEST, float(round(SMALLEST_SHARE * np.pi / 4 * size.diameter_px**2)))


def _typical(areas: NDArray[np.integer]) -> float:
    """Return the diameter of the cell that a pixel of a cell lies in as often in a smaller as in a larger one."""
    order = np.sort(areas)
    half = int(np.searchsorted(np.cumsum(order), order.sum() / 2))
    return float(np.sqrt(4 / np.pi * order[half]))


def _surprise_of(planes: Sequence[PaintedPlane], engine: FeatureEngine) -> Callable[[float], float | None]:
    """Return what tells how badly held-out strokes are told at a zoom, of the planes with most strokes."""
    most = sorted(planes, key=lambda plane: -len(plane.painted))[:SEARCHED]
    known = all_painted(most)
    return lambda zoom: learn(sample_planes(most, zoom, engine), known, engine.graph).surprise
