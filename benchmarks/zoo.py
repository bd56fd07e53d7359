"""How fast the other figures of the shipped models are: INT8 beside bf16, a grid over a field, an outline per cell."""

from __future__ import annotations

import numpy as np

from benchmarks.alternate import alternate
from benchmarks.asked import Asked
from benchmarks.figure import Figure, NotMeasuredError
from napari_cellvino.core.errors import ModelPackageError
from napari_cellvino.core.image import Plane
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Precision
from napari_cellvino.engines.openvino import OpenVinoEngine
from napari_cellvino.model_package import ModelPackage, find_package
from napari_cellvino.segmentation.heads import check_parameters
from napari_cellvino.segmentation.predict import decode, infer_maps
from napari_cellvino.segmentation.prepare import project
from napari_cellvino.segmentation.refine import MaskRefiner, infer_masks, outline_cells
from napari_cellvino.training.data.darkfield import simulate_field
from napari_cellvino.training.metrics.evaluate import as_stack

GOAL_INT8 = 1.25
GOAL_GRID_MS = 35.0
GOAL_CONTOUR_MS = 3.0
FIELD = 1_000_006  # seed of the simulated field: one that nothing was trained on, with 38 cells


def measure_int8(asked: Asked) -> list[Figure]:
    """Return how much faster the nuclei network is in INT8 than in bf16, one tile after the other.

    Raises
    ------
    NotMeasuredError
        If the package has no INT8 weights.
    """
    package = _package("nuclei")
    if Precision.INT8 not in package.precisions:
        raise NotMeasuredError(f"model {package.label} ships no INT8 weights")
    tile = package.spec.tile
    batch = np.random.default_rng(0).random((1, package.spec.input_channels, tile, tile), np.float32)
    engines = {p: OpenVinoEngine(package, device="CPU", precision=p) for p in (Precision.FAST, Precision.INT8)}
    for engine in engines.values():
        engine.load(tile)
    taken = alternate({p: lambda e=engine: e.infer(batch) for p, engine in engines.items()}, asked.repeats)
    return [
        Figure("bf16 / INT8", taken[Precision.FAST] / taken[Precision.INT8], "x", least=GOAL_INT8),
        *(Figure(f"{p}, a tile of {tile} px", 1000 * seconds, "ms") for p, seconds in taken.items()),
    ]


def measure_grid(asked: Asked) -> list[Figure]:
    """Return the milliseconds of ``cell-grid`` on 624 x 832 px of three channels, pixels to boxes.

    Raises
    ------
    NotMeasuredError
        If the model is not there.
    """
    package = _package("cell-grid")
    plane = _plane(package)
    engine, values = OpenVinoEngine(package), check_parameters(package.spec, {})
    whole = {"all": lambda: decode(finish(infer_maps(plane, package.spec, engine)), package.spec, values)}
    return [
        Figure("pixels to boxes", 1000 * alternate(whole, asked.repeats)["all"], "ms", GOAL_GRID_MS),
        Figure("cells", len(whole["all"]().objects)),
    ]


def measure_contour(asked: Asked) -> list[Figure]:
    """Return the milliseconds that ``cell-contour`` takes to outline one of the cells that ``cell-grid`` found.

    Its precision is the one that a run chooses.

    Raises
    ------
    NotMeasuredError
        If one of the models is not there.
    """
    grid, contour = _package("cell-grid"), _package("cell-contour")
    plane, seen = _plane(grid), _plane(contour)
    maps = finish(infer_maps(plane, grid.spec, OpenVinoEngine(grid)))
    found = decode(maps, grid.spec, check_parameters(grid.spec, {}))
    if not len(found.objects):
        raise NotMeasuredError(f"model {grid.label} found no cell to outline")
    refiner = MaskRefiner(contour, OpenVinoEngine(contour, precision=contour.automatic_precision))
    level = check_parameters(contour.spec, {})["outline"]

    def outline() -> object:
        masks = finish(infer_masks(seen, found.objects, refiner))
        return outline_cells(found, masks, seen.shape, level)

    seconds = alternate({"all": outline}, asked.repeats)["all"]
    return [
        Figure("a cell", 1000 * seconds / len(found.objects), "ms", GOAL_CONTOUR_MS),
        Figure("all cells of the field", 1000 * seconds, "ms"),
        Figure("cells", len(found.objects)),
    ]


def _package(name: str) -> ModelPackage:
    try:
        return find_package(name)
    except ModelPackageError as error:
        raise NotMeasuredError(str(error)) from error


def _plane(package: ModelPackage) -> Plane:
    """Return a simulated dark-field image of 624 x 832 px as the plane that a model takes."""
    return finish(project(as_stack(simulate_field(FIELD)), inputs=package.spec.input_channels))
