"""Results as the exporters take them: the labels, what is known of every object, and the raw pixels below.

What a file does not say takes its default, so that results of earlier versions still export.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from napari_cellvino.annotation import pixels_sha256
from napari_cellvino.core.errors import CellvinoError, ImageReadError, ImageValueError
from napari_cellvino.core.image import MetadataOverrides, Origin, Plane, Stack, channel_index
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Recipe, make_recipe
from napari_cellvino.formats.field import ExportField
from napari_cellvino.io import Source, open_as
from napari_cellvino.io.plates import is_of_plate, open_plate
from napari_cellvino.io.pyramid import place_in_image
from napari_cellvino.results.field_folder import FieldFolder
from napari_cellvino.results.schema import ANNOTATION_NAME
from napari_cellvino.segmentation.prepare import project
from napari_cellvino.segmentation.volume import read_volume
from napari_cellvino.storage.csv_table import read_dicts

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


@dataclass(frozen=True, slots=True)
class UnreadableField:
    """A field that cannot be exported, and why."""

    folder: Path
    error: CellvinoError


def read_fields(
    folders: Sequence[Path],
    groups: Mapping[str, str],
    unreadable: list[UnreadableField],
    moved: Callable[[str], str] = lambda path: path,
) -> Iterator[ExportField]:
    """Yield the fields one after the other; those that cannot be read go to ``unreadable``, the others go on.

    ``moved`` says where an image lies now, by its path when it was run.
    """
    for folder in folders:
        try:
            yield read_field(folder, groups, moved)
        except CellvinoError as error:
            unreadable.append(UnreadableField(folder, error))


def read_field(
    folder: Path, groups: Mapping[str, str] | None = None, moved: Callable[[str], str] = lambda path: path
) -> ExportField:
    """Return the field whose result stands in ``folder``, with the pixels of the image it was made from.

    Parameters
    ----------
    folder
        Holds ``annotation.json``, ``labels.tif`` (where there are outlines) and ``objects.csv``.
    groups
        Names of groups by the name of the folder; without, it is the well, or the file where that holds several
        positions, or the field itself.
    moved
        Where the image lies now, by its path when it was run; it must have the same pixels.

    Raises
    ------
    ImageReadError
        If a file is missing or broken.
    ImageValueError
        If the image is not the one the result was made from.
    """
    stored = FieldFolder(folder)
    cells = stored.cells()
    plane, recipe, stack = _read_plane(stored, moved)
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
        place=place_in_image(stack),
        group=(groups or {}).get(folder.name) or group_of(origin, folder.name),
        measurements=_measurements(stored, [cell.id for cell in cells.cells]),
        provenance=stored.result.provenance or {},
    )


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
        return {row["id"]: row["group"] for row in read_dicts(path)}
    except (OSError, KeyError, ValueError, csv.Error) as error:
        raise ImageReadError(f"{path} cannot be read as a table with the columns id and group: {error!r}") from error


def _read_plane(stored: FieldFolder, moved: Callable[[str], str]) -> tuple[Plane, Recipe, Stack]:
    """Return the plane that the result was made from, checked to be the same pixels."""
    provenance, origin = stored.result.provenance or {}, stored.result.origin
    if origin is None or "recipe" not in provenance:
        raise ImageReadError(f"{stored.path / ANNOTATION_NAME} does not say which image it belongs to")
    origin = replace(origin, path=moved(origin.path))
    recipe = make_recipe(provenance["recipe"], source=f"{stored.path / ANNOTATION_NAME}")
    source = _open(origin, recipe.overrides)
    position = next((p for p in source.positions if p.name == origin.position), None)
    if position is None and origin.position:
        raise ImageValueError(f"{origin.path} has no position {origin.position!r} any more")
    stack = source.read(position)
    plane, sha256 = _as_seen(stack, recipe)
    expected = provenance.get("pixels_sha256")
    if expected and sha256 != expected:
        raise ImageValueError(f"{origin.path} has changed since {stored.name} was made of it; run it again")
    return plane, recipe, stack


def _open(origin: Origin, overrides: MetadataOverrides) -> Source:
    """Return the image file of a result, or the plate that its field belongs to."""
    path = Path(origin.path)
    if is_of_plate(origin):
        return open_plate(path, overrides)
    return open_as(path, overrides)


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


def _measurements(stored: FieldFolder, ids: Sequence[int]) -> dict[str, tuple[float, ...]]:
    """Return the measured columns of ``objects.csv`` in the order of ``ids``; none where there is no such table."""
    try:
        with stored.open_objects() as (columns, table):
            rows = {int(row["id"]): row for row in table}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, csv.Error) as error:
        raise ImageReadError(f"{stored.path} has no table of its cells that can be read: {error!r}") from error
    names = [name for name in columns if name not in NOT_MEASURED]
    return {name: tuple(_number(rows.get(id_, {}).get(name, "")) for id_ in ids) for name in names}


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
