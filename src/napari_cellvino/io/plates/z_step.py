"""The distance between planes, from the heights that a stage reported."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median

from tifffile import TiffFile

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.io.checks import parse_errors
from napari_cellvino.io.tiff_chain import check_chain


def median_step(stacks: Iterable[Sequence[float]]) -> float | None:
    """Return the median distance in µm between neighbouring planes, over stacks of heights in µm; None without any."""
    steps = [high - low for stack in stacks for low, high in pairwise(sorted(set(stack)))]
    return round(median(steps), 4) if steps else None


def stage_height(path: Path) -> float | None:
    """Return the height of the stage in µm that MetaMorph wrote into a TIFF; None where there is none."""
    try:
        check_chain(path)
        with parse_errors(path), TiffFile(path) as tif:
            plane = (tif.metaseries_metadata or {}).get("PlaneInfo", {})
            return float(plane["z-position"]) if "z-position" in plane else None
    except ImageReadError:
        return None
