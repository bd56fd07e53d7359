"""A lab's old masks as starting annotations: results as a run writes them, with the masks in the place of a model.

Masks of a plane (Y, X) become a result of that plane, masks of a stack (Z, Y, X) one in 3D. Every position of an image
file is a field, and every time point where all are asked for; each has masks of its own, found by its name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

from napari_cellvino.annotation import Annotation, ObjectRecord, Provenance, pixels_sha256
from napari_cellvino.core.errors import CellvinoError, ImageReadError, ImageValueError
from napari_cellvino.core.image import Origin, Plane, Stack
from napari_cellvino.core.objects import Doubt, ObjectOrigin, ReviewState
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.engines.engine import NO_ENGINE
from napari_cellvino.formats.field import Cell, Cells, MisfitError
from napari_cellvino.formats.mask_files import is_named_after, others_named_after
from napari_cellvino.formats.matching import ImageQuery, of_same_cellpose_run, plain
from napari_cellvino.formats.reading import find_annotations, holds_one_image, read_cells, without_masks
from napari_cellvino.io.pyramid import place_in_image
from napari_cellvino.quality.doubts import find_doubts
from napari_cellvino.quality.masks_fit import describe_masks_fit
from napari_cellvino.results.corrections import IMPORTED, by_person
from napari_cellvino.results.field_folder import read_annotation
from napari_cellvino.results.field_result import FieldResult, measured
from napari_cellvino.results.schema import ResultKey, Row, field_row
from napari_cellvino.results.store import ResultStore
from napari_cellvino.segmentation.prepare import check_usable, project
from napari_cellvino.segmentation.volume import Volume, read_volume
from napari_cellvino.storage.file_names import compared_name
from napari_cellvino.workflows.field_listing import list_fields
from napari_cellvino.workflows.field_task import why_failed
from napari_cellvino.workflows.known_inputs import at_time
from napari_cellvino.workflows.masks_scale import describe_masks_scale
from napari_cellvino.workflows.run_page import refresh_run_page

Word = TypeVar("Word", bound=IntEnum)


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What became of one field: its row of ``counts.csv``, and what a person should know."""

    row: Row
    notices: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether there is no result."""
        return self.row["status"] == "failed"


def import_masks(
    masks: Path, images: Sequence[Path], root: Path, recipe: Recipe, *, overwrite: bool = False, in_um: bool = False
) -> Iterator[ImportOutcome]:
    """Yield what became of each field; a result is written to its folder under ``root``, at the end ``counts.csv``.

    Parameters
    ----------
    masks
        A file, or a folder with one file per field of the field's name.
    images
        The images that they belong to; of each position the plane, or the whole stack, that ``recipe`` names. Masks
        among them, that lie beside their images, are passed over.
    root
        Folder of results.
    recipe
        Channel, way along z, time point and what the user said of the images; its model plays no part.
    overwrite
        Replace other results that stand there.
    in_um
        Outlines (of GeoJSON) are in µm, and not in px.

    Raises
    ------
    OutputError
        If ``counts.csv`` cannot be written.
    """
    images = without_masks(images, masks)
    fields = list_fields(images, recipe)
    first = list(islice(fields, 2))
    store = ResultStore(root)
    store.begin_run()
    rows: list[Row] = []
    taken: set[str] = set()
    for origin, stack in chain(first, fields):
        try:
            if isinstance(stack, CellvinoError):
                raise stack
            here = at_time(recipe, origin)
            check_usable(stack, here.frame)
            wanted = _wanted(origin, images, several=len(first) > 1)
            wanted = replace(wanted, place=place_in_image(stack))
            if in_um:
                wanted = replace(wanted, unit_px=px_per_um(stack))
            file = _own_file(masks, wanted, stack, here)
            done = _import_field(file, wanted, stack, store, here, taken, overwrite=overwrite)
            done = replace(done, notices=(*done.notices, *_beside(file, masks, wanted)))
        except Exception as error:  # a bug on one image must not cost the others
            done = ImportOutcome(field_row(origin, "", "failed", why_failed(error)[0]))
        rows.append(done.row)
        yield done
    store.write_counts(rows)
    refresh_run_page(root)


def px_per_um(stack: Stack) -> tuple[float, float]:
    """Return how many px (x, y) of the whole image at full resolution a µm is.

    Raises
    ------
    ImageValueError
        If the size of a pixel is not known.
    """
    spacing, step = stack.spacing, place_in_image(stack).step
    if spacing.x is None or spacing.y is None:
        raise ImageValueError("the image has no size of a pixel, which outlines in µm need; give it with --pixel-size")
    return step[0] / spacing.x, step[1] / spacing.y


def _wanted(origin: Origin, images: Sequence[Path], *, several: bool) -> ImageQuery:
    """Return what the masks of a field are looked for by; images of the same name in other folders are its rivals."""
    own, path = plain(Origin(path=origin.path).name), Path(origin.path).absolute()
    names = [plain(Origin(path=str(image)).name) for image in images]
    alike = (image.absolute() for image, name in zip(images, names, strict=True) if name == own)
    rivals = tuple(str(image) for image in alike if image != path)
    return ImageQuery(origin.name, str(path), rivals, several, others=frozenset(names) - {own})


def _own_file(masks: Path, wanted: ImageQuery, stack: Stack, recipe: Recipe) -> Path:
    """Return what holds the masks of a field; of several files of its name the one that fits its size."""

    def fits(file: Path) -> bool:
        try:
            _read(file, stack, recipe, wanted)
        except CellvinoError:
            return False
        return True

    file = find_annotations(masks, wanted, fits)
    if wanted.several and file == masks and holds_one_image(masks):
        raise ImageReadError(
            f"{masks} holds the masks of one image, but {wanted.name} is one of several; name a folder with a file for "
            "each, called as it is, or one image"
        )
    return file


def _beside(file: Path, masks: Path, wanted: ImageQuery) -> tuple[str, ...]:
    """Return what to say where several files are of one image, or a name only begins like its own."""
    if file != masks and file.is_file() and is_named_after(file, wanted):
        return (f"{file.name} was taken, by the beginning of its name",)
    others = [] if file == masks else of_same_cellpose_run(file)
    more = [] if file == masks else others_named_after(file, wanted)
    return (
        *([f"{file.name} was taken, of what Cellpose wrote of it, and not {', '.join(others)}"] if others else []),
        *([f"{file.name} was taken, and not {', '.join(more)}; name the file itself to take that"] if more else []),
    )


def _import_field(
    file: Path,
    wanted: ImageQuery,
    stack: Stack,
    store: ResultStore,
    recipe: Recipe,
    taken: set[str],
    *,
    overwrite: bool,
) -> ImportOutcome:
    origin = stack.origin_of(recipe.frame)
    cells = _read(file, stack, recipe, wanted)  # before the pixels: what does not fit is told at once
    folder = store.choose_folder(origin, taken)
    taken.add(compared_name(folder.name))
    if recipe.z_choice.joined:
        plane, volume = finish(read_volume(stack, channel=recipe.channel, frame=recipe.frame))
        result = imported_field(cells, file, recipe, plane, volume)
    else:
        plane = finish(project(stack, channel=recipe.channel, z=recipe.z_choice, frame=recipe.frame))
        result = imported_field(cells, file, recipe, plane)
    before = folder.exists()
    store.save(folder, result, _result_key(result), overwrite=overwrite)
    kept = _kept_notices(folder, cells, result.annotation.shape) if before else ()
    fit = () if cells.labels is None else describe_masks_fit(file.name, cells.labels, plane.pixels)
    scale = describe_masks_scale(file, stack.spacing)
    return ImportOutcome(store.row(folder), (*cells.notices, *fit, *scale, *kept))


def _kept_notices(folder: Path, cells: Cells, shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return what to say of corrections that stayed in a result that masks were imported into again."""
    annotation = read_annotation(folder, shape=shape)
    kept = sum(map(by_person(annotation), annotation.records.values()))
    if not kept and not annotation.deleted:
        return ()
    deleted = f", and the {len(annotation.deleted)} deleted stay deleted" if annotation.deleted else ""
    return (
        f"{kept} object(s) that a person corrected in the result before stay as they are{deleted}; "
        f"of {len(cells.cells)} in the file, {len(annotation.records) - kept} are new beside them",
    )


def _read(file: Path, stack: Stack, recipe: Recipe, wanted: ImageQuery) -> Cells:
    """Return the masks of a field; those of another number of axes than was asked for with what to do about it."""
    sizes, joined = tuple(stack.shape[2:]), recipe.z_choice.joined
    if joined and stack.shape.z == 1:
        raise ImageValueError(f"{wanted.name} has one plane {sizes[1:]} and is no stack; leave out --z 3d")
    try:
        return read_cells(file, sizes if joined else sizes[1:], wanted)
    except MisfitError as error:
        if len(error.found) == len(error.wanted):
            raise
        raise ImageValueError(_misfit(file, error.found, stack, recipe)) from error


def _misfit(file: Path, found: tuple[int, ...], stack: Stack, recipe: Recipe) -> str:
    sizes = tuple(stack.shape[2:]) if stack.shape.z > 1 else tuple(stack.shape[3:])
    chosen = "all planes were" if recipe.z_choice.joined else "one plane was"
    if len(found) > 3 or (len(found) > 2 and found[0] == stack.shape.t > 1):
        advice = "give the masks of each time point as a file of its own"
    elif recipe.z_choice.joined:
        advice = "say which plane these lie on with --z plane:K, or leave out --z 3d where it is the projection"
    elif stack.shape.z == 1:
        advice = "name the stack that these were made in, or give masks of this plane"
    else:
        advice = "masks of a whole stack are taken with --z 3d"
    return (
        f"{file} holds masks of shape {found}, and the image is {sizes}, of which {chosen} chosen "
        f"({recipe.z}); {advice}"
    )


def imported_field(cells: Cells, file: Path, recipe: Recipe, plane: Plane, volume: Volume | None = None) -> FieldResult:
    """Return annotations of a plane, or in 3D of a volume, as the result of a run, measured.

    ``file`` is where they came from; of a volume, ``plane`` is what people see of it.
    """
    provenance = Provenance(
        origin=plane.origin,
        plane=plane.chosen,
        channel=plane.channel,
        pixels_sha256=pixels_sha256(plane) if volume is None else volume.sha256,
        model=f"{IMPORTED} from {file.name}",
        model_sha256=_sha256(file),
        recipe=recipe.model_copy(update={"model": IMPORTED}),
        engine=NO_ENGINE,
    )
    shape = plane.shape if volume is None else tuple(volume.stack.shape[2:])
    annotation = Annotation(cells.labels, records_of_cells(cells), cells.classes, provenance, shape=shape)
    flags = find_doubts(annotation.objects, annotation.labels, shape).tolist()
    known = [annotation.records[id_] for id_ in sorted(annotation.records)]
    records = [replace(record, doubts=Doubt(flag)) for record, flag in zip(known, flags, strict=True)]
    return measured(Annotation(cells.labels, records, cells.classes, provenance, shape=shape), plane, volume)


def _sha256(file: Path) -> str:
    if not file.is_file():
        return ""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def records_of_cells(cells: Cells) -> list[ObjectRecord]:
    """Return a record per cell; origins and review states that are not known here are those of imports."""
    number = {kind: index for index, kind in enumerate(cells.classes)}
    return [
        ObjectRecord(
            cell.id,
            number[cell.kind],
            cell.score,
            _known(cell.origin, ObjectOrigin.IMPORTED),
            _known(cell.review, ReviewState.UNSEEN),
            excluded=cell.excluded,
            note=cell.note,
            box=_whole_px(cell) if cells.labels is None else None,
        )
        for cell in cells.cells
    ]


def _known(word: str, unknown: Word) -> Word:
    return type(unknown).__members__.get(word.upper(), unknown)


def _whole_px(cell: Cell) -> tuple[int, ...]:
    return tuple(round(edge) for edge in cell.box)


def _result_key(result: FieldResult) -> ResultKey:
    provenance = result.annotation.provenance
    origin, path = provenance.origin, Path(provenance.origin.path)
    stat = path.stat()
    made_with = hashlib.sha256((provenance.recipe.fingerprint() + provenance.model_sha256).encode()).hexdigest()
    return ResultKey(str(path.resolve()), origin.position, stat.st_size, stat.st_mtime_ns, made_with)
