"""Applied edits, as emitted to viewers and as written to a journal."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from napari_cellvino.annotation.edit import Edit
from napari_cellvino.annotation.region import Region


class EditAction(StrEnum):
    """How an edit was applied."""

    DO = "do"
    UNDO = "undo"
    REDO = "redo"


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """An applied edit; for an undo, the reverse edit."""

    step: EditAction
    edit: Edit


@dataclass(frozen=True, slots=True)
class Change:
    """Summary of an event for viewers; ``region`` is the changed region, None if there is none.

    ``pixels`` tells whether label pixels changed in the region. ``added``, ``removed`` and ``changed`` are ids of
    objects. ``undo`` and ``redo`` name the next edits to undo and redo; ``rerun`` is that of `Edit`. ``replaced`` tells
    whether the label image is another array now, which is shown anew as a whole.
    """

    step: EditAction
    name: str
    region: Region | None
    pixels: bool
    added: tuple[int, ...]
    removed: tuple[int, ...]
    changed: tuple[int, ...]
    undo: str
    redo: str
    rerun: bool = False
    replaced: bool = False
