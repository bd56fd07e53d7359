"""The cells of all saved results of a folder in one picture: how large they are, group by group."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from napari_cellvino.errors import ImageReadError
from napari_cellvino.export.atomic import atomic_path
from napari_cellvino.export.fields import REJECTED
from napari_cellvino.export.group_plot import Values, draw_groups
from napari_cellvino.image import Origin
from napari_cellvino.jobs.annotated_fields import OBJECTS_NAME, group_of, result_folders
from napari_cellvino.jobs.field import ANNOTATION_NAME

PLOT_NAME = "cells.png"
SIZES = (  # the first that every cell has: column, title, unit in signs of the font
    ("area_um2", "Area of the cells", "um2"),
    ("volume_um3", "Volume of the cells", "um3"),
    ("area_px", "Area of the cells", "px"),
    ("volume_px", "Volume of the cells", "px"),
)


def write_size_plot(results: Path) -> Path:
    """Write ``cells.png`` in a folder of results and return it: sizes of all cells, a box per well (or field).

    Excluded and rejected cells are left out. Sizes are in µm where every field knows its scale, else in px.

    Raises
    ------
    ImageReadError
        If there are no results, one has no table, or some are of stacks and others not.
    OutputError
        If the picture cannot be written.
    """
    tables = [_read(folder) for folder in result_folders(results)]
    column, title, unit = _size_of([row for _, rows in tables for row in rows], results)
    groups: dict[str, list[float]] = {}
    for group, rows in tables:
        groups.setdefault(group, []).extend(_sizes(rows, column))
    drawn = draw_groups({name: _array(groups[name]) for name in sorted(groups)}, title=title, unit=unit)
    with atomic_path(results / PLOT_NAME) as part:
        drawn.save(part, format="PNG")
    return results / PLOT_NAME


def _read(folder: Path) -> tuple[str, list[dict[str, str]]]:
    """Return the group and the rows of the table of a result."""
    try:
        content = json.loads((folder / ANNOTATION_NAME).read_text(encoding="utf-8"))
        with (folder / OBJECTS_NAME).open(newline="", encoding="utf-8-sig") as handle:
            rows = list(csv.DictReader(handle))
        return group_of(Origin(**content["provenance"]["origin"]), folder.name), rows
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ImageReadError(f"{folder} cannot be read as a result: {error!r}") from error


def _size_of(rows: Sequence[dict[str, str]], results: Path) -> tuple[str, str, str]:
    found = next((size for size in SIZES if all(row.get(size[0]) for row in rows)), None)
    if found is None:
        raise ImageReadError(f"{results} holds areas and volumes; keep results of planes and of stacks apart")
    return found


def _sizes(rows: Sequence[dict[str, str]], column: str) -> list[float]:
    return [float(row[column]) for row in rows if row.get("review") != REJECTED and row.get("excluded") != "True"]


def _array(values: Sequence[float]) -> Values:
    return np.asarray(values, np.float64)
