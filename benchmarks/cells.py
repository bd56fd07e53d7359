"""Whole cells grown from nuclei on a field of Cell Painting, beside the outlines of CellProfiler."""

from __future__ import annotations

import io
import zipfile

import tifffile

from benchmarks.alternate import alternate
from benchmarks.asked import Asked
from benchmarks.figure import Figure, NotMeasuredError
from napari_cellvino.core.recipe import WholeCellWay
from napari_cellvino.quality.accuracy import match_field, summarise
from napari_cellvino.segmentation.whole_cells import WholeCells

FIELD = "jump_BR00117006_r01c01f01"
GOAL_MS = 60.0
EXPANDED_PX = 20.0  # the best distance here


def measure_cells(asked: Asked) -> list[Figure]:
    """Return F1 at IoU 0.5 of grown and expanded cells, and the milliseconds of a field.

    Raises
    ------
    NotMeasuredError
        If the field is not there.
    """
    path = asked.data / "cellpainting" / "cellpainting.zip"
    if not path.is_file():
        raise NotMeasuredError(f"there is no {path}")
    archive = zipfile.ZipFile(path)
    image, truth, nuclei = (
        tifffile.imread(io.BytesIO(archive.read(f"{part}/{FIELD}.tif"))) for part in ("images", "labels", "nuclei")
    )
    grow, expand = WholeCells(WholeCellWay.PROPAGATE), WholeCells(WholeCellWay.EXPAND)
    values = {parameter.name: parameter.default for parameter in grow.parameters}
    ways = {
        "grown over channel 1": lambda: grow.plane(nuclei, image[0], values),
        "grown over channel 2": lambda: grow.plane(nuclei, image[1], values),
        "expanded by 20 px": lambda: expand.plane(nuclei, None, {"cell_reach": EXPANDED_PX}),
    }
    taken = alternate(ways, asked.repeats)
    scores = [Figure(f"F1@0.5, {name}", summarise([match_field(truth, way())]).f1_50) for name, way in ways.items()]
    return [*scores, *(Figure(name, 1000 * seconds, "ms", GOAL_MS) for name, seconds in taken.items())]
