"""A result on disk made ready to be reviewed and drawn in the thread that reads it, so that the window need not wait.

Of 4096 x 4096 px with 14,000 cells the window stood still for half a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.core.image import Stack
from napari_cellvino.gui.napari_bridge import CellLook, drawn_look, is_light
from napari_cellvino.results.corrections import EarlierCorrections, find_unsaved_steps
from napari_cellvino.results.store import ResultStore
from napari_cellvino.workflows.saved_field import SavedField, load_saved_field


@dataclass(frozen=True, slots=True, eq=False)
class PreparedSavedField:
    """A saved field, how it looks, and what only its journal has: nothing, corrections, or why it cannot be read.

    ``seen`` is a copy of its labels, which nobody changes; None of boxes.
    """

    saved: SavedField
    look: CellLook
    seen: NDArray[np.int32] | None
    unsaved: EarlierCorrections | CellvinoError | None


def folder_read(store: ResultStore, name: str) -> Path:
    """Return the folder of a field; the store knows what stands there from then on, and need not read it again."""
    folder = store.root / name
    store.key(folder)
    return folder


def prepare_saved_field(folder: Path, stack: Stack, frame: int) -> PreparedSavedField | None:
    """Return the result of a time point (from 1) of an image, prepared; None where there is none in the folder.

    Raises
    ------
    ImageReadError, ImageValueError
        As `load_saved_field`.
    """
    saved = load_saved_field(folder, stack, frame)
    if saved is None:
        return None
    annotation = saved.annotation
    light = is_light(saved.plane.pixels, rgb=stack.rgb)
    look = drawn_look(annotation, annotation.classes, light=light)
    try:
        unsaved: EarlierCorrections | CellvinoError | None = find_unsaved_steps(folder, annotation)
    except CellvinoError as error:
        unsaved = error
    _ = annotation.corrected, annotation.states  # the window asks for them
    seen = None if annotation.labels is None else annotation.labels.copy()
    return PreparedSavedField(saved, look, seen, unsaved)
