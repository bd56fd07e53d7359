"""What is worth knowing of the fields of a run, told once for all that it holds for."""

from __future__ import annotations

from collections.abc import Sequence

from napari_cellvino.workflows.field_task import FieldOutcome


def notices_of_fields(outcomes: Sequence[FieldOutcome]) -> list[str]:
    """Return what is worth knowing of fields: each notice once, with the field that it is of unless that is all."""
    named: dict[str, list[str]] = {}
    for outcome in outcomes:
        for notice in outcome.notices:
            named.setdefault(notice, []).append(outcome.name)
    return [notice if len(of) == len(outcomes) else f"{_first_of(of)}: {notice}" for notice, of in named.items()]


def _first_of(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1:,} more"
