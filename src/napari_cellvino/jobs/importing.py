"""A lab's old masks as starting annotations: results as a run writes them, with the masks in the place of a model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation import Annotation, Provenance, pixels_sha256
from napari_cellvino.annotation.rows import records_of_objects
from napari_cellvino.errors import CellvinoError
from napari_cellvino.export.fields import Cells, Labels
from napari_cellvino.export.reading import find_annotations, read_cells
from napari_cellvino.image import Origin, Plane
from napari_cellvino.inference.engine import EngineFacts
from napari_cellvino.inference.progress import finish
from napari_cellvino.inference.project import project
from napari_cellvino.io import open_source
from napari_cellvino.jobs.field import FieldResult, find_doubts, measured
from napari_cellvino.jobs.results import Row, Ticket, choose_folder, field_row, finished_row, save_field, write_counts
from napari_cellvino.objects import ObjectOrigin, Objects, ReviewState
from napari_cellvino.recipe import Precision, Recipe

IMPORTED = "imported"
NO_ENGINE = EngineFacts("none", Precision.EXACT, "none", "none")


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one image: its row of ``counts.csv``, and what a person should know."""

    row: Row
    notices: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether there is no result."""
        return self.row["status"] == "failed"


def import_masks(
    masks: Path, images: Sequence[Path], root: Path, recipe: Recipe, *, overwrite: bool = False
) -> Iterator[Imported]:
    """Yield what became of each image; a result is written to its folder under ``root``, at the end ``counts.csv``.

    Parameters
    ----------
    masks
        A file, or a folder with one file per image of the image's name.
    images
        The images that they belong to; of each the plane that ``recipe`` names.
    root
        Folder of results.
    recipe
        Channel, plane, time point and what the user said of the images; its model plays no part.
    overwrite
        Replace other results that stand there.

    Raises
    ------
    OutputError
        If ``counts.csv`` cannot be written.
    """
    rows = []
    for path in images:
        done = _one_image(masks, path, root, recipe, overwrite=overwrite)
        rows.append(done.row)
        yield done
    write_counts(root, rows)


def _one_image(masks: Path, path: Path, root: Path, recipe: Recipe, *, overwrite: bool) -> Imported:
    wishes = recipe.wishes
    plane = None
    try:
        source = open_source(path, axes=wishes.axes, spacing=wishes.spacing, channels=wishes.channels)
        plane = finish(project(source.read(), channel=recipe.channel, z=recipe.z_choice, frame=recipe.frame))
        file = find_annotations(masks, plane.origin.name)
        cells = read_cells(file, plane.shape, plane.origin.name)
        folder = choose_folder(root, plane.origin)
        result = imported_field(plane, cells, file, recipe)
        save_field(folder, result, _ticket(path, plane, result), overwrite=overwrite)
    except CellvinoError as error:
        origin = plane.origin if plane else Origin(path=str(path))
        return Imported(field_row(origin, "", "failed", str(error)))
    return Imported(finished_row(folder), cells.notices)


def imported_field(plane: Plane, cells: Cells, file: Path, recipe: Recipe) -> FieldResult:
    """Return annotations of a plane as the result of a run, measured; ``file`` is where they came from."""
    objects = objects_of(cells)
    objects = replace(objects, doubts=find_doubts(objects, plane.shape))
    provenance = Provenance(
        origin=plane.origin,
        plane=plane.chosen,
        pixels_sha256=pixels_sha256(plane),
        model=f"{IMPORTED} from {file.name}",
        model_sha256=hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "",
        recipe=recipe.model_copy(update={"model": IMPORTED}),
        engine=NO_ENGINE,
    )
    plain = records_of_objects(objects, boxes=cells.labels is None)
    records = [replace(r, excluded=c.excluded, note=c.note) for r, c in zip(plain, cells.cells, strict=True)]
    return measured(Annotation(cells.labels, records, cells.classes, provenance, shape=plane.shape), plane)


def objects_of(cells: Cells) -> Objects:
    """Return the columns of imported cells; origins and review states that are not known here are those of imports."""
    found, n = cells.cells, len(cells.cells)
    box = np.rint(np.array([cell.box for cell in found]).reshape(n, 4)).astype(np.int32)
    ids = np.array([cell.id for cell in found], np.int32)
    area, centroid = _of_boxes(box) if cells.labels is None else _of_labels(cells.labels, ids)
    return Objects(
        id=ids,
        class_index=np.array([cells.classes.index(cell.kind) for cell in found], np.int32),
        score=np.array([cell.score for cell in found], np.float32),
        box=box,
        centroid=centroid,
        area_px=area,
        origin=_codes([cell.origin for cell in found], ObjectOrigin.IMPORTED),
        review=_codes([cell.review for cell in found], ReviewState.UNSEEN),
        doubts=np.zeros(n, np.int32),
    )


def _codes(words: Sequence[str], unknown: IntEnum) -> NDArray[np.int32]:
    kinds = type(unknown).__members__
    return np.array([kinds.get(word.upper(), unknown) for word in words], np.int32)


def _of_boxes(box: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    area = (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])
    return area, ((box[:, :2] + box[:, 2:] - 1) / 2).astype(np.float32)


def _of_labels(labels: Labels, ids: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    y, x = np.nonzero(labels)
    row = np.searchsorted(ids, labels[y, x])
    area, ys, xs = (np.bincount(row, weights, minlength=len(ids)) for weights in (None, y, x))
    return area.astype(np.int32), np.stack([ys / area, xs / area], axis=1).astype(np.float32)


def _ticket(path: Path, plane: Plane, result: FieldResult) -> Ticket:
    stat, provenance = path.stat(), result.annotation.provenance
    made_with = hashlib.sha256((provenance.recipe.fingerprint() + provenance.model_sha256).encode()).hexdigest()
    return Ticket(str(path.resolve()), plane.origin.position, stat.st_size, stat.st_mtime_ns, made_with)
