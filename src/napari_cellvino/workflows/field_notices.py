"""What is worth knowing of the fields of a run, told once for all that it holds for."""

from __future__ import annotations

from collections.abc import Sequence

from napari_cellvino.workflows.field_task import FieldOutcome


def notices_of_fields(outcomes: Sequence[FieldOutcome]) -> list[str]:
    """Return what is worth knowing of fields: each notice once, with the field that it is of unless that is all."""
    return _told_once(outcomes, [outcome.notices for outcome in outcomes])


def remarks_of_fields(outcomes: Sequence[FieldOutcome]) -> list[str]:
    """Return those of the notices that are remarks, in the same words."""
    return _told_once(outcomes, [outcome.remarks for outcome in outcomes])


def _told_once(outcomes: Sequence[FieldOutcome], said: Sequence[Sequence[str]]) -> list[str]:
    named: dict[str, list[str]] = {}
    for outcome, notices in zip(outcomes, said, strict=True):
        for notice in notices:
            named.setdefault(notice, []).append(outcome.name)
    return [notice if len(of) == len(outcomes) else f"{_first_of(of)}: {notice}" for notice, of in named.items()]


def _first_of(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1:,} more"
