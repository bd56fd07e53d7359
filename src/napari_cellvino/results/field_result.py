"""A field that was finished: what was found in it, everything measured."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation import Annotation, Provenance, pixels_sha256
from napari_cellvino.annotation.index import Places
from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import Plane
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.core.spots import Spots
from napari_cellvino.core.stage_log import timed_stage
from napari_cellvino.core.threads import begin
from napari_cellvino.measure.compartments import Part, with_compartments
from napari_cellvino.measure.counts import count_row
from napari_cellvino.measure.gates import apply_gates
from napari_cellvino.measure.image_values import image_values
from napari_cellvino.measure.objects import measure, named_classes
from napari_cellvino.measure.outlines import Outlines, find_outlines
from napari_cellvino.measure.spot_pairs import SpotPairs, count_pairs, pair_spots, with_common_light, with_pairs
from napari_cellvino.measure.spots import count_spots, with_spots
from napari_cellvino.measure.volumes import measure_volume, volume_count_row
from napari_cellvino.quality.doubts import find_doubts
from napari_cellvino.quality.known_cells import SelectedCells
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.segmentation.plane_reading import read_ahead
from napari_cellvino.segmentation.predict import Prediction
from napari_cellvino.segmentation.predict_field import notices_of, remarks_of, volume_of
from napari_cellvino.segmentation.spots.step import PAIR_DISTANCE
from napari_cellvino.segmentation.volume import Volume, cell_map
from napari_cellvino.segmentation.whole_cells import whole_cells_of

if TYPE_CHECKING:
    import pandas as pd

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FieldResult:
    """A finished field: the annotation, the plane it belongs to, its table of objects and its row of counts.

    Objects in 3D belong to a ``volume``, and the plane is what people see of it. ``cells`` are whole cells with the ids
    of their nuclei, labelled as these are, and ``spots`` those of the field, where the recipe asks for them, with the
    ``pairs`` that they make with those of another channel.
    """

    annotation: Annotation
    plane: Plane
    table: pd.DataFrame
    counts: dict[str, float | int]
    volume: Volume | None = None
    cells: NDArray[np.int32] | None = None
    spots: Spots | None = None
    pairs: SpotPairs | None = None


def finish_field(prediction: Prediction, pipeline: Pipeline) -> FieldResult:
    """Return the annotation of a prediction with everything measured."""
    outlines = outlines_of(prediction)
    annotation = annotate(prediction, pipeline, outlines=outlines)
    volume = volume_of(prediction)
    return measured(annotation, prediction.plane, volume, outlines=outlines, spots=prediction.spots)


def outlines_of(prediction: Prediction) -> Outlines | None:
    """Return the outlines of what was found in a plane; None of boxes and of objects in 3D."""
    decoded = prediction.decoded
    if decoded.labels is None or decoded.labels.ndim != 2:
        return None
    return find_outlines(decoded.labels, decoded.objects.id, decoded.known_runs)


def places_of(outlines: Outlines) -> Places:
    """Return the geometry of objects in a plane (N,) from their outlines."""
    runs = outlines.runs
    y, x, end = (column.astype(np.int64) for column in (runs.y, runs.x0, runs.x1))
    length = end - x
    sums = (runs.total(y * length), runs.total(length * (x + end - 1) // 2))
    low, high = (
        np.stack([extreme.reduceat(column, runs.starts) for column in columns], 1)
        if len(runs.starts)
        else np.zeros((0, 2), np.int64)
        for extreme, columns in ((np.minimum, (y, x)), (np.maximum, (y + 1, end)))
    )
    return Places(runs.total(length).astype(np.int64), np.stack(sums, 1).astype(np.int64), low, high)


def annotate(
    prediction: Prediction,
    pipeline: Pipeline,
    *,
    sha256: str = "",
    outlines: Outlines | None = None,
    selected: SelectedCells | None = None,
) -> Annotation:
    """Return the annotation of a prediction, which shares its labels; nothing is measured.

    ``sha256`` is the hash of its pixels, ``outlines`` those of its objects, where they are known already; ``selected``
    are its objects where all is known of those that they were chosen from.
    """
    plane, decoded, volume = prediction.plane, prediction.decoded, volume_of(prediction)
    hashed = begin(lambda: sha256 or (pixels_sha256(plane) if volume is None else volume.sha256))
    shape = plane.shape if volume is None else volume.stack.shape[2:]
    maps = cell_map(prediction.raw, pipeline.package.spec.maps) if pipeline.find else None
    if selected is None and outlines is None:
        outlines = outlines_of(prediction)
    doubts = find_doubts(
        decoded.objects,
        decoded.labels,
        shape,
        foreground_probability=maps,
        outlines=outlines,
        evidence=None if selected is None else selected.evidence,
    )
    objects = replace(decoded.objects, doubts=doubts)
    outline = pipeline.outline
    provenance = Provenance(
        origin=plane.origin,
        plane=plane.chosen,
        channel=plane.channel,
        pixels_sha256=hashed.result(),
        model=pipeline.package.label if pipeline.find else "",
        model_sha256=pipeline.package.sha256 if pipeline.find else "",
        recipe=_as_done(prediction, pipeline),
        engine=prediction.raw.engine_info,
        outline=outline.label if outline else "",
        outline_engine=prediction.masks.engine_info if prediction.masks else None,
        notices=notices_of(prediction),
        remarks=remarks_of(prediction),
    )
    known = None if outlines is None else places_of(outlines)
    places = known if selected is None else selected.places
    return Annotation.found(decoded.labels, objects, pipeline.classes, provenance, shape=tuple(shape), places=places)


def _as_done(prediction: Prediction, pipeline: Pipeline) -> Recipe:
    """Return the recipe with what the field itself decided."""
    done: dict[str, object] = {"parameters": prediction.values, "cell_channel": prediction.cell_channel}
    if prediction.spots is not None:
        done["spot_channel"] = prediction.spots.channel
        if prediction.spots.partner is not None:
            done["spot_partner"] = prediction.spots.partner.channel
        done |= {} if pipeline.find else {"channel": prediction.spots.channel}
    return pipeline.recipe.model_copy(update=done)


def measured(
    annotation: Annotation,
    plane: Plane,
    volume: Volume | None = None,
    *,
    outlines: Outlines | None = None,
    spots: Spots | None = None,
) -> FieldResult:
    """Return an annotation with its table of objects, and the counts of those neither rejected nor excluded.

    The gates of its recipe are applied: what they say of cells is in the annotation that is returned.

    What was found in all planes of a ``volume`` is measured there; ``plane`` is what people see of it. ``outlines`` are
    those of its objects in a plane, where they are known already; ``spots`` those of the field.
    """
    with timed_stage(_logger, "measure", plane.origin.name, f"{len(annotation.objects)} object(s)"):
        cells = grow_cells(annotation, plane, volume)
        table = _measure(annotation, cells, plane, volume, outlines)
        held = None if spots is None else spots.in_cells(annotation.labels if cells is None else cells)
        pairs = None if held is None or held.partner is None else pair_spots(held, *_apart(annotation, plane))
        if held is not None:
            nuclei = annotation.labels if cells is not None else None
            table = with_spots(table, held, nuclei)
            table = _with_partner(table, held, pairs, annotation, plane, nuclei, cells)
        gated = apply_gates(annotation, table)
        if gated is not annotation:
            table["class"] = named_classes(gated.objects, gated.classes)
        table = _with_decisions(table, gated, spotted=held is not None)
        counts = _count(gated, plane, volume, table, held, pairs)
        return FieldResult(gated, plane, table, counts, volume, cells, held, pairs)


def _with_decisions(table: pd.DataFrame, annotation: Annotation, *, spotted: bool) -> pd.DataFrame:
    """Return a table with what persons and gates say of its cells; before the columns of spots, if there are any."""
    known = annotation.records
    records = [] if annotation.as_found else [known[id_] for id_ in table["id"].tolist()]
    decided = {
        "excluded": np.array([record.excluded for record in records] or [False] * len(table), bool),
        "note": np.array([record.note for record in records] or [""] * len(table), object),
    }
    first = list(table.columns).index("spots") if spotted else table.shape[1]
    for place, (name, values) in enumerate(decided.items()):
        table.insert(first + place, name, values)
    return table


def _count(
    annotation: Annotation,
    plane: Plane,
    volume: Volume | None,
    table: pd.DataFrame,
    spots: Spots | None,
    pairs: SpotPairs | None,
) -> dict[str, float | int]:
    """Return the counts of a field and the values of its image; no number of cells where none were sought."""
    if volume is not None:
        counts = volume_count_row(table, annotation.classes, plane.spacing, annotation.shape)
    else:
        counts = count_row(table, annotation.classes, plane.spacing, plane.shape)
    counts |= image_values(plane.inputs)
    if spots is None:
        return counts
    sought = bool(annotation.provenance.model)
    unknown = {} if sought else {"count": float("nan")}
    counts |= unknown | count_spots(table, spots, cells=sought)
    if pairs is None:
        return counts
    reach, steps = _apart(annotation, plane)
    return counts | count_pairs(spots, pairs, reach, plane.shape, steps)


def _apart(annotation: Annotation, plane: Plane) -> tuple[float, float]:
    """Return how far apart pairs are at most, in px, and the distance of planes over that of pixels."""
    reach = float(annotation.provenance.recipe.parameters.get(PAIR_DISTANCE.name, PAIR_DISTANCE.default))
    return reach, plane.spacing.z / plane.spacing.x if plane.spacing.z and plane.spacing.x else 1.0


def _with_partner(
    table: pd.DataFrame,
    spots: Spots,
    pairs: SpotPairs | None,
    annotation: Annotation,
    plane: Plane,
    nuclei: NDArray[np.int32] | None,
    cells: NDArray[np.int32] | None,
) -> pd.DataFrame:
    """Return a table with the pairs of two channels in each cell, and in one plane with how their light goes."""
    if pairs is None:
        return table
    table = with_pairs(table, spots, pairs, nuclei)
    recipe, outlined = annotation.provenance.recipe, annotation.labels if cells is None else cells
    names = recipe.spot_channel, recipe.spot_partner
    if outlined is None or outlined.ndim != 2 or not set(names) <= set(plane.channels):
        return table
    one, other = (plane.pixels[plane.channels.index(name)] for name in names)
    return with_common_light(table, outlined, one, other)


def _measure(
    annotation: Annotation,
    grown: NDArray[np.int32] | None,
    plane: Plane,
    volume: Volume | None,
    outlines: Outlines | None,
) -> pd.DataFrame:
    objects, classes = annotation.objects, annotation.classes
    if volume is not None and annotation.labels is not None:
        table = measure_volume(annotation.labels, objects, volume.planes(), plane.channels, plane.spacing, classes)
    else:
        table = measure(
            annotation.labels, objects, plane.pixels, plane.channels, plane.spacing, classes, outlines=outlines
        )
    if grown is not None and annotation.labels is not None:
        parts = _parts(annotation.labels, grown, plane, volume)
        table = with_compartments(table, parts, plane.channels, plane.spacing)
    return table


def grow_cells(annotation: Annotation, plane: Plane, volume: Volume | None = None) -> NDArray[np.int32] | None:
    """Return the whole cells of the nuclei of an annotation as they are now; None where its recipe asks for none.

    They are made anew from the nuclei whenever these are corrected, so that both always fit.

    Raises
    ------
    ImageValueError
        If the image has no channel of the name of that of the cells.
    """
    recipe, nuclei = annotation.provenance.recipe, annotation.labels
    step = whole_cells_of(recipe)
    if step is None or nuclei is None:
        return None
    index = _channel_of_cells(plane, recipe.cell_channel)
    if volume is None:
        return step.plane(nuclei, None if index is None else plane.pixels[index], recipe.parameters)
    cells = np.zeros(nuclei.shape, np.int32)
    for z, pixels in enumerate(read_ahead(volume.stack, volume.frame - 1, range(volume.stack.shape.z))):
        cells[z] = step.plane(nuclei[z], None if index is None else pixels[index], recipe.parameters)
    return cells


def _channel_of_cells(plane: Plane, name: str) -> int | None:
    if not name:
        return None
    if name not in plane.channels:
        held = ", ".join(plane.channels)
        raise ImageValueError(f"{plane.origin.name} has no channel {name!r} to grow cells over; it holds {held}")
    return plane.channels.index(name)


def _parts(nuclei: NDArray[np.int32], cells: NDArray[np.int32], plane: Plane, volume: Volume | None) -> Iterable[Part]:
    """Return the planes that compartments are measured in."""
    return [(nuclei, cells, plane.pixels)] if volume is None else zip(nuclei, cells, volume.planes(), strict=True)
