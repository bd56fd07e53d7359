"""One field from stack to result: read, infer, decode, annotate, write."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation import Annotation, Provenance, pixels_sha256
from napari_cellvino.core.image import Plane, Stack
from napari_cellvino.core.objects import Doubt, Objects
from napari_cellvino.core.progress import Progress
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.engines.engine import Engine
from napari_cellvino.measure.counts import count_row
from napari_cellvino.measure.objects import measure
from napari_cellvino.measure.volumes import measure_volume, volume_count_row
from napari_cellvino.model_package import ModelPackage
from napari_cellvino.segmentation.heads import check_parameters
from napari_cellvino.segmentation.plane_reading import read_ahead
from napari_cellvino.segmentation.predict import Prediction, decode, infer_maps
from napari_cellvino.segmentation.predict_stack import decode_stack, predict_stack
from napari_cellvino.segmentation.prepare import project
from napari_cellvino.segmentation.raw_maps import RawMaps
from napari_cellvino.segmentation.refine import CellMasks, MaskRefiner, infer_masks, outline_cells
from napari_cellvino.segmentation.stitch_z import joining_parameters
from napari_cellvino.segmentation.volume import StackMaps, Volume

if TYPE_CHECKING:
    import pandas as pd

NO_DEVICE = "none"  # of what no network found
LOW_SCORE = 0.7  # cells less sure than this are worth a second look
ODD_SIZE = 3.0  # times larger or smaller than the median area


@dataclass(frozen=True, slots=True)
class FieldResult:
    """A finished field: the annotation, the plane it belongs to, its table of objects and its row of counts.

    Objects in 3D belong to a ``volume``, and the plane is what people see of it.
    """

    annotation: Annotation
    plane: Plane
    table: pd.DataFrame
    counts: dict[str, float | int]
    volume: Volume | None = None


def predict_field(
    stack: Stack,
    recipe: Recipe,
    package: ModelPackage,
    engine: Engine,
    refiner: MaskRefiner | None = None,
    *,
    keep_maps: bool = True,
) -> Generator[Progress, None, Prediction]:
    """Yield progress and return the prediction for the plane of ``stack`` that the recipe names, or for all of them.

    With an ``refiner``, every cell found is outlined. Without ``keep_maps``, what was found in all planes cannot be
    decoded again and takes less memory.
    """
    values = values_of(recipe, package, refiner.package if refiner else None)
    if recipe.z_choice.joined:
        return (yield from _predict_stack(stack, recipe, package, engine, values, keep_maps=keep_maps))
    plane = yield from project(
        stack, channel=recipe.channel, z=recipe.z_choice, frame=recipe.frame, inputs=package.spec.input_channels
    )
    raw = yield from infer_maps(plane, package.spec, engine, diameter_px=recipe.diameter_px)
    return (yield from decode_plane(plane, raw, values, recipe, package, refiner))


def values_of(recipe: Recipe, package: ModelPackage, outline: ModelPackage | None = None) -> dict[str, float]:
    """Return the value of every parameter of a run: of the head, of a model that outlines, of joining along z.

    Raises
    ------
    OptionError
        If a name is unknown or a value out of range.
    """
    more = joining_parameters(recipe.z_choice)
    return check_parameters(package.spec, recipe.parameters, outline.spec if outline else None, more)


def _predict_stack(
    stack: Stack, recipe: Recipe, package: ModelPackage, engine: Engine, values: dict[str, float], *, keep_maps: bool
) -> Generator[Progress, None, Prediction]:
    return (
        yield from predict_stack(
            stack,
            package.spec,
            engine,
            values,
            channel=recipe.channel,
            frame=recipe.frame,
            diameter_px=recipe.diameter_px,
            keep_maps=keep_maps,
        )
    )


def decode_again(
    before: Prediction, values: dict[str, float], recipe: Recipe, package: ModelPackage, refiner: MaskRefiner | None
) -> Generator[Progress, None, Prediction]:
    """Yield progress and return a prediction decoded with other values."""
    if isinstance(before.raw, StackMaps):
        return decode_stack(before, before.raw, package.spec, values)
    return (yield from decode_plane(before.plane, before.raw, values, recipe, package, refiner, before.masks))


def decode_plane(
    plane: Plane,
    raw: RawMaps,
    values: dict[str, float],
    recipe: Recipe,
    package: ModelPackage,
    refiner: MaskRefiner | None = None,
    known: CellMasks | None = None,
) -> Generator[Progress, None, Prediction]:
    """Yield progress and return what kept maps hold, decoded with ``values``.

    The network of an ``refiner`` is run on the cells that are not ``known`` from an earlier decoding.
    """
    found = decode(raw, package.spec, values)
    if refiner is None:
        return Prediction(plane, raw, found, values)
    masks = yield from infer_masks(plane, found.objects, refiner, known=known)
    outlined = outline_cells(found, masks, plane.shape, values["outline"])
    return Prediction(plane, raw, outlined, values, masks)


def finish_field(
    prediction: Prediction, recipe: Recipe, package: ModelPackage, outline: ModelPackage | None = None
) -> FieldResult:
    """Return the annotation of a prediction with everything measured."""
    return measured(annotate(prediction, recipe, package, outline), prediction.plane, volume_of(prediction))


def volume_of(prediction: Prediction) -> Volume | None:
    """Return the stack that a prediction was made in where its objects are in 3D."""
    return prediction.raw.volume if isinstance(prediction.raw, StackMaps) else None


def annotate(
    prediction: Prediction,
    recipe: Recipe,
    package: ModelPackage,
    outline: ModelPackage | None = None,
    *,
    sha256: str = "",
) -> Annotation:
    """Return the annotation of a prediction, which shares its labels; nothing is measured.

    ``sha256`` is the hash of its pixels where that is known already.
    """
    plane, decoded, spec, volume = prediction.plane, prediction.decoded, package.spec, volume_of(prediction)
    shape = plane.shape if volume is None else volume.stack.shape[2:]
    objects = replace(decoded.objects, doubts=find_doubts(decoded.objects, shape))
    provenance = Provenance(
        origin=plane.origin,
        plane=plane.chosen,
        pixels_sha256=sha256 or (pixels_sha256(plane) if volume is None else volume.sha256),
        model=package.label,
        model_sha256=package.sha256,
        recipe=resolved(recipe, package, outline).model_copy(update={"parameters": prediction.values}),
        engine=prediction.raw.facts,
        outline=outline.label if outline else "",
        outline_engine=prediction.masks.facts if prediction.masks else None,
    )
    return Annotation.found(decoded.labels, objects, spec.classes, provenance, shape=tuple(shape))


def measured(annotation: Annotation, plane: Plane, volume: Volume | None = None) -> FieldResult:
    """Return an annotation with its table of objects, and the counts of those neither rejected nor excluded.

    What was found in all planes of a ``volume`` is measured there; ``plane`` is what people see of it.
    """
    objects, classes = annotation.objects, annotation.classes
    if volume is not None and annotation.labels is not None:
        planes = read_ahead(volume.stack, volume.frame - 1, range(volume.stack.shape.z))
        table = measure_volume(annotation.labels, objects, planes, plane.channels, plane.spacing, classes)
    else:
        table = measure(annotation.labels, objects, plane.pixels, plane.channels, plane.spacing, classes)
    records = [annotation.records[id_] for id_ in objects.id.tolist()]
    table["excluded"] = np.array([record.excluded for record in records], bool)
    table["note"] = np.array([record.note for record in records], object)
    if volume is not None:
        counts = volume_count_row(table, classes, plane.spacing, annotation.shape)
    else:
        counts = count_row(table, classes, plane.spacing, plane.shape)
    return FieldResult(annotation, plane, table, counts, volume)


def resolved(recipe: Recipe, package: ModelPackage, outline: ModelPackage | None = None) -> Recipe:
    """Return the recipe with the hashes of its models."""
    return recipe.model_copy(
        update={"model_sha256": package.sha256, "outline_sha256": outline.sha256 if outline else ""}
    )


def notices_of(prediction: Prediction) -> tuple[str, ...]:
    """Return what the user should know of a prediction, as sentences."""
    left_out = prediction.decoded.left_out
    if not left_out:
        return prediction.raw.notices
    cells = "1 cell was" if left_out == 1 else f"{left_out} cells were"
    return (*prediction.raw.notices, f"{cells} found but nothing could be outlined there: not counted")


def find_doubts(objects: Objects, shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Return the reasons to look twice at each object, as `Doubt` flags, with those it has already.

    ``shape`` is that of the image, (Y, X), or (Z, Y, X) for objects in 3D.
    """
    box, area = objects.box, objects.area_px
    edge = (box[:, : len(shape)] == 0).any(1) | (box[:, len(shape) :] == np.asarray(shape)).any(1)
    usual = np.median(area) if len(area) else 1.0
    odd = (area > ODD_SIZE * usual) | (area * ODD_SIZE < usual)
    flags = ((objects.score < LOW_SCORE, Doubt.LOW_SCORE), (edge, Doubt.TOUCHES_EDGE), (odd, Doubt.ODD_SIZE))
    found = objects.doubts.copy()
    for holds, doubt in flags:
        found[holds] |= int(doubt)
    return found
