"""What happened to an annotation, as a viewer hears of it and as a journal keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from napari_cellvino.annotation.edit import Edit
from napari_cellvino.annotation.region import Region


class Step(StrEnum):
    """How an edit came to be applied."""

    DO = "do"
    UNDO = "undo"
    REDO = "redo"


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """An edit that was applied: for an undo, the way back."""

    step: Step
    edit: Edit


@dataclass(frozen=True, slots=True)
class Change:
    """News of an event: which pixels and which objects; ``region`` is where to look, None if nothing has a place.

    ``pixels`` tells whether any pixel of the label image changed in the region; ``undo`` and ``redo`` name what can
    be taken back and made again now; ``rerun`` is the one of `Edit`.
    """

    step: Step
    name: str
    region: Region | None
    pixels: bool
    added: tuple[int, ...]
    removed: tuple[int, ...]
    changed: tuple[int, ...]
    undo: str
    redo: str
    rerun: bool = False
