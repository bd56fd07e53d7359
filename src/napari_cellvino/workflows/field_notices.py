"""What is worth knowing of the fields of a run, told once for all that it holds for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from napari_cellvino.segmentation.seen_size import describe_own_sizes, is_own_size
from napari_cellvino.workflows.field_task import FieldOutcome

_NUMBERED = re.compile(r"(channel \d+)?", re.IGNORECASE)  # no name at all


def notices_of_fields(outcomes: Sequence[FieldOutcome], channel: str) -> list[str]:
    """Return what is worth knowing of fields: each notice once, with the field that it is of unless that is all.

    ``channel`` is the choice of the recipe: by its number, it may be another one in each image.
    """
    sizes = describe_own_sizes([outcome.notices for outcome in outcomes if not outcome.failed])
    of_each = [[one for one in outcome.notices if not (sizes and is_own_size(one))] for outcome in outcomes]
    return [*_told_once(outcomes, of_each), *sizes, *_mixed_channels(outcomes, channel)]


def _mixed_channels(outcomes: Sequence[FieldOutcome], channel: str) -> list[str]:
    """Return what to say where channels of several names were looked at, and none was chosen by its name."""
    if channel and not channel.isdecimal():
        return []
    held: dict[str, list[str]] = {}
    for outcome in outcomes:
        name = str(outcome.row.get("channel") or "")
        if not (outcome.failed or outcome.remarks or _NUMBERED.fullmatch(name)):
            held.setdefault(name.casefold(), []).append(name)
    if len(held) < 2:
        return []
    which = f"channel {channel}" if channel else "the first channel"
    shares = ", ".join(f"{names[0]} in {len(names):,}" for names in held.values())
    return [f"{which} is not the same in all images: {shares}; name the channel that is meant"]


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
