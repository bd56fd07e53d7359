"""Gates over measurements: which cells lie in them, and what becomes of these.

A gate decides on cells that nobody looked at. What a person reviewed or brought stays as it is, so that a gate that is
changed or taken away changes back what it did, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation import Annotation, ObjectRecord
from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.gates import Gate, GateAction, with_gate_classes, without_gate_classes

if TYPE_CHECKING:
    import pandas as pd

Bools = NDArray[np.bool_]


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
    """Return an annotation as the gates of its recipe have it; ``table`` has one row per object, in order of ids.

    Raises
    ------
    OptionError
        If a measurement of a gate is not among the columns.
    """
    gates = annotation.provenance.recipe.gates
    records = [annotation.records[id_] for id_ in table["id"].tolist()]
    if not records or (not gates and not any(map(_is_gated, records))):
        return annotation
    excluded, classes = _decide(gates, table, annotation.classes)
    changed = [
        _decided(record, left_out, class_index)
        for record, left_out, class_index in zip(records, excluded.tolist(), classes.tolist(), strict=True)
        if not record.protected
    ]
    return annotation.with_records(changed)


def with_gates(annotation: Annotation, gates: Sequence[Gate]) -> Annotation:
    """Return an annotation whose recipe has other gates, to be measured anew; what the ones before did is taken back.

    It shares the label image. A class that a person gave stays, also where no gate gives it any more.
    """
    made = annotation.provenance
    records = [_decided(r, False, -1) if not r.protected else r for r in annotation.records.values()]
    given = [annotation.classes[record.class_index] for record in records]
    model = without_gate_classes(annotation.classes, made.recipe.gates)
    classes = tuple(dict.fromkeys((*with_gate_classes(model, gates), *given)))
    renamed = [replace(r, class_index=classes.index(name)) for r, name in zip(records, given, strict=True)]
    done = annotation.with_records(renamed)
    done.classes = classes
    done.provenance = replace(made, recipe=made.recipe.model_copy(update={"gates": tuple(gates)}))
    return done


def _is_gated(record: ObjectRecord) -> bool:
    return not record.protected and (record.excluded or record.found_class is not None)


def _decide(gates: Sequence[Gate], table: pd.DataFrame, names: tuple[str, ...]) -> tuple[Bools, NDArray[np.int64]]:
    """Return which cells are excluded, and the class that each gets, -1 where no gate gives one; the last one wins."""
    excluded, classes = np.zeros(len(table), bool), np.full(len(table), -1)
    for gate in gates:
        inside = in_gate(gate, {name: _column(table, name, gate) for name in gate.columns})
        if gate.action is GateAction.CLASSIFY:
            classes[inside] = names.index(gate.class_name)
        else:
            excluded |= inside if gate.action is GateAction.EXCLUDE else ~inside
    return excluded, classes


def _column(table: pd.DataFrame, name: str, gate: Gate) -> NDArray[np.float64]:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    numbers = [c for c in table.columns if is_numeric_dtype(table[c]) and not is_bool_dtype(table[c]) and c != "id"]
    if name not in numbers:
        raise OptionError(
            f"the gate {str(gate)!r} needs {name!r}, which is not measured here; there is {_list(numbers)}"
        )
    return table[name].to_numpy(np.float64)


def _list(names: Sequence[str]) -> str:
    return ", ".join(map(str, names)) or "nothing"


def _decided(record: ObjectRecord, excluded: bool, class_index: int) -> ObjectRecord:
    """Return a record with what gates say of it; ``class_index`` is -1 where they give no class."""
    found = record.class_index if record.found_class is None else record.found_class
    if class_index < 0:
        return replace(record, excluded=excluded, class_index=found, found_class=None)
    return replace(record, excluded=excluded, class_index=class_index, found_class=found)
