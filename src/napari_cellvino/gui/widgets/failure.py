"""An error as a panel says it: what happened and what to do; a bug keeps its traceback."""

from __future__ import annotations

import traceback
from dataclasses import dataclass

from napari.utils.notifications import notification_manager

from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.gui.widgets.option_names import window_text

FIRST_WORDS = frozenset({
    "a", "an", "axes", "box", "boxes", "choose", "class", "classes", "corrections", "edits", "encrypted", "examples",
    "features", "films", "format", "frame", "give", "it", "its", "label", "labels", "layout", "level", "line", "low",
    "maps", "merging", "model", "module", "name", "new", "no", "none", "nothing", "object", "of", "one", "pattern",
    "phenotypes", "pixel", "pixels", "planes", "plate", "profiles", "quantizing", "recipe", "rerun", "rules", "run",
    "say", "servers", "settings", "something", "splitting", "spots", "step", "stopped", "stride", "strokes", "test",
    "the", "there", "these", "this", "training", "true", "two", "use", "wells", "what", "where", "whole", "without",
    "z",
})  # fmt: skip
"""The words that messages begin with; another one is the name of a file, a layer or a class, which stays as it is."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Words for the panel; ``details`` (a traceback) is empty for what the user can understand and act on."""

    message: str
    details: str = ""


def failure_of(error: BaseException) -> Failure:
    """Return the words for an error; one that nobody foresaw is also handed to napari's notifications."""
    if isinstance(error, CellvinoError):
        return Failure(_sentence(window_text(error.window_message)))
    notification_manager.receive_error(type(error), error, error.__traceback__)
    lines = "".join(traceback.format_exception(error))
    return Failure(
        f"This should not have happened ({type(error).__name__}: {error}). Your images are untouched; "
        "please report it with the details below.",
        lines,
    )


def _sentence(text: str) -> str:
    """Return a message with a capital letter, unless it begins with a name."""
    first = text.split(maxsplit=1)[0].rstrip(",:;") if text else ""
    return text[:1].upper() + text[1:] if first in FIRST_WORDS else text
