"""Gates and a classifier over measurements: which cells they are for, and what becomes of these.

They decide on cells that nobody looked at. What a person reviewed or brought stays as it is, so that a gate that is
changed or taken away changes back what it did, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation import Annotation, ObjectRecord
from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.gates import Gate, GateAction
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.measure.cell_classes import class_numbers, numeric_columns

if TYPE_CHECKING:
    import pandas as pd

Bools = NDArray[np.bool_]
RULES = ("gates", "classifier")  # the choices of a recipe that decide on cells by what was measured of them


def in_gate(gate: Gate, values: Mapping[str, NDArray[np.floating]]) -> Bools:
    """Return which cells (N,) lie in a gate, from columns (N,) by name; those without a value do not."""
    x = np.asarray(values[gate.x], np.float64)
    if not gate.y:
        low, high = -np.inf if gate.low is None else gate.low, np.inf if gate.high is None else gate.high
        return np.asarray(np.isfinite(x) & (low <= x) & (x <= high))
    from skimage.measure import points_in_poly

    points = np.stack([x, np.asarray(values[gate.y], np.float64)], axis=1)
    known = np.isfinite(points).all(axis=1)
    inside = np.zeros(len(points), bool)
    inside[known] = points_in_poly(points[known], np.array(gate.corners))
    return inside


def apply_gates(annotation: Annotation, table: pd.DataFrame) -> Annotation:
    """Return an annotation as classifier and gates of its recipe have it; ``table`` has a row per object, by ids.

    Raises
    ------
    OptionError
        If a measurement that they need is not among the columns.
    """
    recipe, known = annotation.provenance.recipe, annotation.records
    untouched = annotation.as_found or not any(map(_is_gated, known.values()))
    if not known or (untouched and not recipe.has_rules):
        return annotation
    records = [known[id_] for id_ in table["id"].tolist()]
    excluded, classes = _decide(recipe, table, annotation.classes)
    changed = [
        _decided(record, left_out, class_index)
        for record, left_out, class_index in zip(records, excluded.tolist(), classes.tolist(), strict=True)
        if not record.protected
    ]
    return annotation.with_records(changed)


def with_rules(annotation: Annotation, recipe: Recipe) -> Annotation:
    """Return an annotation with the classifier and the gates of another recipe, to be measured anew.

    What those before did is taken back. It shares the label image. A class that a person gave stays, also where nothing
    gives it any more.
    """
    made = annotation.provenance
    records = [_decided(r, False, -1) if not r.protected else r for r in annotation.records.values()]
    given = [annotation.classes[record.class_index] for record in records]
    model = made.recipe.without_new_classes(annotation.classes)
    classes = tuple(dict.fromkeys((*recipe.with_new_classes(model), *given)))
    renamed = [replace(r, class_index=classes.index(name)) for r, name in zip(records, given, strict=True)]
    done = annotation.with_records(renamed)
    done.classes = classes
    done.provenance = replace(
        made, recipe=made.recipe.model_copy(update={name: getattr(recipe, name) for name in RULES})
    )
    return done


def _is_gated(record: ObjectRecord) -> bool:
    return not record.protected and (record.excluded or record.found_class is not None)


def _decide(recipe: Recipe, table: pd.DataFrame, names: tuple[str, ...]) -> tuple[Bools, NDArray[np.int64]]:
    """Return which cells are excluded, and the class that each gets, -1 where nothing gives one; the last one wins."""
    excluded, classes = np.zeros(len(table), bool), np.full(len(table), -1)
    if recipe.classifier is not None:
        given = class_numbers(recipe.classifier, table)
        numbers = np.array([names.index(name) for name in recipe.classifier.classes])
        classes = np.where(given >= 0, numbers[given], -1)
    for gate in recipe.gates:
        inside = in_gate(gate, {name: _column(table, name, gate) for name in gate.columns})
        if gate.action is GateAction.CLASSIFY:
            classes[inside] = names.index(gate.class_name)
        else:
            excluded |= inside if gate.action is GateAction.EXCLUDE else ~inside
    return excluded, classes


def _column(table: pd.DataFrame, name: str, gate: Gate) -> NDArray[np.float64]:
    numbers = numeric_columns(table)
    if name not in numbers:
        held = ", ".join(numbers) or "nothing"
        raise OptionError(f"the gate {str(gate)!r} needs {name!r}, which is not measured here; there is {held}")
    return table[name].to_numpy(np.float64)


def _decided(record: ObjectRecord, excluded: bool, class_index: int) -> ObjectRecord:
    """Return a record with what gates say of it; ``class_index`` is -1 where they give no class."""
    found = record.class_index if record.found_class is None else record.found_class
    if class_index < 0:
        return replace(record, excluded=excluded, class_index=found, found_class=None)
    return replace(record, excluded=excluded, class_index=class_index, found_class=found)
