"""Result folders as the exporters take them: the labels, what is known of every object, and the raw pixels below.

The only place that knows both the files of a result and `ExportField`: when the document gets new fields, they are
read here. What a file does not say takes its default, so that results of earlier versions still export.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from napari_cellvino.annotation import pixels_sha256
from napari_cellvino.core.errors import CellvinoError, ImageReadError, ImageValueError
from napari_cellvino.core.image import Origin, Plane, Stack, channel_index
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Recipe, make_recipe
from napari_cellvino.formats.field import UNSEEN, Box, Cell, Cells, ExportField, Labels
from napari_cellvino.io import open_source
from napari_cellvino.io.label_tiff import read_labels
from napari_cellvino.results.field_files import ANNOTATION_NAME, LABELS_NAME
from napari_cellvino.segmentation.prepare import project
from napari_cellvino.segmentation.volume import read_volume

OBJECTS_NAME = "objects.csv"
NOT_MEASURED = {
    "id",
    "class",
    "score",
    "y0",
    "x0",
    "y1",
    "x1",
    "touches_edge",
    "origin",
    "review",
    "doubts",
    "note",
    "excluded",
}


class _File(BaseModel):
    model_config = ConfigDict(extra="ignore", protected_namespaces=())


class _Record(_File):
    """One object in ``annotation.json``."""

    id: int
    class_: int | str = 0
    score: float | None = 1.0
    box: tuple[int, ...] = (0, 0, 0, 0)
    review: str = UNSEEN
    origin: str = "model"
    excluded: bool = False
    note: str = ""


class _Result(_File):
    """What ``annotation.json`` says."""

    provenance: dict[str, Any]
    classes: tuple[str, ...]
    outlines: bool = True
    objects: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A field that cannot be exported, and why."""

    folder: Path
    error: CellvinoError


def result_folders(results: Path) -> list[Path]:
    """Return the folders of all results in ``results``, by name; or itself, where it is one.

    Raises
    ------
    ImageReadError
        If there is none.
    """
    if (results / ANNOTATION_NAME).is_file():
        return [results]
    found = sorted(p.parent for p in results.glob(f"*/{ANNOTATION_NAME}") if not p.parent.name.startswith("."))
    if not found:
        raise ImageReadError(
            f"{results} holds no results",
            remedy="choose the folder that results were saved into",
            command="name the folder that 'cellvino run' wrote (--out)",
        )
    return found


def read_fields(
    folders: Sequence[Path], groups: Mapping[str, str], unreadable: list[Unreadable]
) -> Iterator[ExportField]:
    """Yield the fields one after the other; those that cannot be read go to ``unreadable``, the others go on."""
    for folder in folders:
        try:
            yield read_field(folder, groups)
        except CellvinoError as error:
            unreadable.append(Unreadable(folder, error))


def read_field(folder: Path, groups: Mapping[str, str] | None = None) -> ExportField:
    """Return the field whose result stands in ``folder``, with the pixels of the image it was made from.

    Parameters
    ----------
    folder
        Holds ``annotation.json``, ``labels.tif`` (where there are outlines) and ``objects.csv``.
    groups
        Names of groups by the name of the folder; without, it is the well, or the file where that holds several
        positions, or the field itself.

    Raises
    ------
    ImageReadError
        If a file is missing or broken.
    ImageValueError
        If the image is not the one the result was made from.
    """
    result = _read_result(folder)
    cells = _cells(folder, result)
    plane, recipe, stack = _read_plane(folder, result)
    stacked = cells.labels is not None and cells.labels.ndim == 3
    origin, pixels = plane.origin, _whole(stack, recipe) if stacked else plane.pixels
    index = channel_index(stack, recipe.channel)
    return ExportField(
        name=folder.name,
        pixels=pixels,
        cells=cells,
        spacing=plane.spacing,
        channels=plane.channels,
        rgb=stack.rgb,
        seen=index,
        group=(groups or {}).get(folder.name) or group_of(origin, folder.name),
        measurements=_measurements(folder / OBJECTS_NAME, [cell.id for cell in cells.cells]),
        provenance=result.provenance,
    )


def read_result_cells(folder: Path) -> Cells:
    """Return the cells of the result in ``folder``, without the image.

    Raises
    ------
    ImageReadError
        If a file is missing or broken.
    """
    return _cells(folder, _read_result(folder))


def _cells(folder: Path, result: _Result) -> Cells:
    labels = read_result_labels(folder) if result.outlines else None
    return Cells(labels, tuple(_cell(_record(folder, raw), result.classes) for raw in result.objects), result.classes)


def group_of(origin: Origin, name: str) -> str:
    """Return what keeps fields together in one split: the well, the file of several positions, else the field."""
    if origin.well:
        return f"{origin.plate} {origin.well}".strip()
    return Origin(origin.path).name if origin.position else name


def read_groups(path: Path) -> dict[str, str]:
    """Return the group (animal, well, …) of each field in a CSV with the columns ``id`` and ``group``.

    Raises
    ------
    ImageReadError
        If the file cannot be read or has other columns.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            return {row["id"]: row["group"] for row in csv.DictReader(handle)}
    except (OSError, KeyError, UnicodeDecodeError, csv.Error) as error:
        raise ImageReadError(f"{path} cannot be read as a table with the columns id and group: {error!r}") from error


def _read_result(folder: Path) -> _Result:
    path = folder / ANNOTATION_NAME
    try:
        return _Result.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise ImageReadError(f"{path} cannot be read as a result of 'cellvino run': {error}") from error


def _record(folder: Path, raw: Mapping[str, Any]) -> _Record:
    try:
        return _Record.model_validate({**raw, "class_": raw.get("class", 0)})
    except ValidationError as error:
        raise ImageReadError(f"{folder / ANNOTATION_NAME} describes an object wrongly: {error}") from error


def _cell(record: _Record, classes: Sequence[str]) -> Cell:
    known = isinstance(record.class_, int) and record.class_ < len(classes)
    kind = classes[int(record.class_)] if known else str(record.class_)
    score = float("nan") if record.score is None else record.score
    box = _in_plane(record.box)
    return Cell(record.id, kind, box, score, record.review, record.origin, record.excluded, record.note)


def _in_plane(box: Sequence[float]) -> Box:
    """Return (y0, x0, y1, x1) of a box of two or three axes, lows before highs."""
    axes = len(box) // 2
    return box[axes - 2], box[axes - 1], box[2 * axes - 2], box[2 * axes - 1]


def read_result_labels(folder: Path) -> Labels:
    """Return the label image (Y, X) or (Z, Y, X) of a result; `ImageReadError` if there is none."""
    labels, _ = read_labels(folder / LABELS_NAME)
    if labels.max() > np.iinfo(np.int32).max:
        raise ImageValueError(f"{folder / LABELS_NAME} has the label {labels.max()}; ids go to 2147483647")
    return labels.astype(np.int32)


def _read_plane(folder: Path, result: _Result) -> tuple[Plane, Recipe, Stack]:
    """Return the plane that the result was made from, checked to be the same pixels."""
    try:
        origin = Origin(**result.provenance["origin"])
        recipe = make_recipe(result.provenance["recipe"], source=f"{folder / ANNOTATION_NAME}")
    except (KeyError, TypeError) as error:
        raise ImageReadError(f"{folder / ANNOTATION_NAME} does not say which image it belongs to") from error
    overrides = recipe.overrides
    source = open_source(origin.path, axes=overrides.axes, spacing=overrides.spacing, channels=overrides.channels)
    position = next((p for p in source.positions if p.name == origin.position), None)
    if position is None and origin.position:
        raise ImageValueError(f"{origin.path} has no position {origin.position!r} any more")
    stack = source.read(position)
    plane, sha256 = _as_seen(stack, recipe)
    expected = result.provenance.get("pixels_sha256")
    if expected and sha256 != expected:
        raise ImageValueError(f"{origin.path} has changed since {folder.name} was made of it; run it again")
    return plane, recipe, stack


def _as_seen(stack: Stack, recipe: Recipe) -> tuple[Plane, str]:
    """Return what people see of a stack that was run with a recipe, and the hash of all pixels that were looked at."""
    if recipe.z_choice.joined:
        plane, volume = finish(read_volume(stack, channel=recipe.channel, frame=recipe.frame, inputs=3))
        return plane, volume.sha256
    plane = finish(project(stack, channel=recipe.channel, z=recipe.z_choice, frame=recipe.frame, inputs=3))
    return plane, pixels_sha256(plane)


def _whole(stack: Stack, recipe: Recipe) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    """Return all planes (C, Z, Y, X) of the time point."""
    t, shape = recipe.frame - 1, stack.shape
    return np.stack([np.stack([stack.plane(t=t, c=c, z=z) for z in range(shape.z)]) for c in range(shape.c)])


def _measurements(path: Path, ids: Sequence[int]) -> dict[str, tuple[float, ...]]:
    """Return the measured columns of ``objects.csv`` in the order of ``ids``; none where there is no such table."""
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8-sig") as handle:
        table = csv.DictReader(handle)
        rows = {int(row["id"]): row for row in table}
        names = [name for name in table.fieldnames or () if name not in NOT_MEASURED]
    return {name: tuple(_number(rows.get(id_, {}).get(name, "")) for id_ in ids) for name in names}


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
