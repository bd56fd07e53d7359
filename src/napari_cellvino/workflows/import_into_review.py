"""Masks of others as an edit of what is reviewed: they take the place of what nobody looked at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from napari_cellvino.annotation import Annotation
from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import Plane, Stack
from napari_cellvino.formats.field import Cell, Cells
from napari_cellvino.formats.matching import ImageQuery
from napari_cellvino.formats.reading import find_annotations, read_cells
from napari_cellvino.io.pyramid import place_in_image
from napari_cellvino.quality.doubts import find_doubts
from napari_cellvino.quality.masks_fit import describe_masks_fit
from napari_cellvino.quality.reconcile import Reconciliation, reconcile
from napari_cellvino.workflows.import_masks import px_per_um, records_of_cells


@dataclass(frozen=True, slots=True)
class Masks:
    """Cells of a file, for the image that is reviewed."""

    file: Path
    cells: Cells


def read_masks(
    path: Path, annotation: Annotation, *, in_um: bool = False, stack: Stack | None = None, plane: Plane | None = None
) -> Masks:
    """Return what a file, or a folder with a file named like the image, holds for the image of an annotation.

    Outlines (of GeoJSON) are in px, or ``in_um``; the ``stack`` of the image tells the size of its pixels, and where it
    lies in its file. With the ``plane`` that is seen of it, it is told where they do not fit that.

    Raises
    ------
    ImageReadError
        If it cannot be read.
    ImageValueError
        If it does not fit the image, or holds boxes where outlines are reviewed, or the other way round.
    """
    origin = annotation.provenance.origin
    unit = px_per_um(stack) if in_um and stack is not None else None
    wanted = ImageQuery(origin.name, origin.path, unit_px=unit)
    if stack is not None:
        wanted = replace(wanted, place=place_in_image(stack))
    file = find_annotations(path, wanted)
    cells = read_cells(file, annotation.shape, wanted)
    if (cells.labels is None) != (annotation.labels is None):
        kinds = ("outlines", "boxes") if cells.labels is not None else ("boxes", "outlines")
        raise ImageValueError(
            f"{file} holds {kinds[0]}, and these cells are {kinds[1]}; run a model that finds {kinds[0]}"
        )
    if plane is not None and cells.labels is not None:
        fit = describe_masks_fit(file.name, cells.labels, plane.pixels)
        cells = replace(cells, notices=(*cells.notices, *fit))
    return Masks(file, cells)


def take_masks(annotation: Annotation, masks: Masks) -> Reconciliation:
    """Return the edit by which masks replace all cells but those that a person reviewed.

    Masks that were taken in before and not reviewed are replaced, too.

    Classes are those of the annotation, by their names; cells of another class are of the first.
    """
    cells, known = masks.cells, annotation.classes
    renamed = replace(cells, classes=known, cells=tuple(_of_known_class(cell, known) for cell in cells.cells))
    brought = Annotation(cells.labels, records_of_cells(renamed), known, annotation.provenance, shape=annotation.shape)
    objects = replace(brought.objects, doubts=find_doubts(brought.objects, brought.labels, annotation.shape))
    done = reconcile(annotation, brought.labels, objects, kept=lambda record: record.reviewed)
    return replace(done, edit=replace(done.edit, name="Take in masks"))  # stands on a button: no room for the file


def _of_known_class(cell: Cell, known: tuple[str, ...]) -> Cell:
    return cell if cell.kind in known else replace(cell, kind=known[0])
