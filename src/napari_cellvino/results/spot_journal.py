"""Edits of spots that no result holds yet, in a file beside its folder: a crash or a closed window loses none.

The whole list is written with every edit. It is short, and each of its edits holds all that is needed to do it again.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from napari_cellvino.core.errors import ImageReadError, JournalBusyError, OutputError
from napari_cellvino.core.spot_edits import SpotEdit
from napari_cellvino.storage.atomic import atomic_path
from napari_cellvino.storage.json_text import json_text
from napari_cellvino.storage.lock import hold_file

FORMAT = 1


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True)

    added: bool
    position: tuple[float, float, float]
    intensity: float
    score: float


class _Content(BaseModel):
    model_config = ConfigDict(frozen=True)

    spot_journal: int
    pixels_sha256: str
    edits: tuple[_Line, ...]


class SpotHold:
    """Holds the spots of one result for one window until it is released: others may look at them, not edit them.

    Raises
    ------
    JournalBusyError
        If another window, or another process, holds them.
    OutputError
        If nothing can be written beside the result.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder.with_name(f".{folder.name}.spots.lock")
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("ab")
        except OSError as error:
            raise OutputError(f"edits of spots cannot be kept beside {folder}: {error}") from error
        if not hold_file(self._file.fileno()) or not self._is_there():
            self._file.close()
            raise JournalBusyError(
                f"the spots of {folder.name} are being edited in another window or program",
                remedy="close it there to edit them here; until then they can be looked at",
            )

    def release(self) -> None:
        """Let others edit them."""
        if not self._file.closed:
            with suppress(OSError):  # Windows keeps what is open
                self._path.unlink()
            self._file.close()
            if os.name == "nt":
                with suppress(OSError):
                    self._path.unlink()

    def _is_there(self) -> bool:
        """Return whether the file that is held is still the one in the folder: who held it before may delete it."""
        try:
            return os.path.samestat(os.fstat(self._file.fileno()), self._path.stat())
        except OSError:
            return False


def spot_journal_path(folder: Path) -> Path:
    """Return the file beside a result's folder that holds edits of spots until they are saved."""
    return folder.with_name(f"{folder.name}.spots.corrections")


def keep_spot_edits(folder: Path, edits: Sequence[SpotEdit], pixels_sha256: str) -> None:
    """Write all edits of the spots of an image beside the folder of its result.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    lines = [
        {"added": edit.added, "position": edit.position, "intensity": edit.intensity, "score": edit.score}
        for edit in edits
    ]
    with atomic_path(spot_journal_path(folder)) as part:
        content = {"spot_journal": FORMAT, "pixels_sha256": pixels_sha256, "edits": lines}
        part.write_text(json_text(content), encoding="utf-8")


def kept_spot_edits(folder: Path, pixels_sha256: str) -> tuple[SpotEdit, ...] | None:
    """Return the edits that were kept of the spots of an image, None where there are none, or those of other pixels.

    Raises
    ------
    ImageReadError
        If the file cannot be read.
    """
    path = spot_journal_path(folder)
    if not path.is_file():
        return None
    try:
        content = _Content.model_validate_json(path.read_bytes())
        if content.spot_journal != FORMAT:
            raise ValueError(f"it is of format {content.spot_journal}, and this version knows {FORMAT}")
    except (OSError, ValueError, ValidationError) as error:
        raise ImageReadError(f"{path} cannot be read: {error}; move it away") from error
    if content.pixels_sha256 != pixels_sha256:
        return None
    return tuple(SpotEdit(line.added, line.position, line.intensity, line.score) for line in content.edits)


def forget_spot_edits(folder: Path, saved: Sequence[SpotEdit]) -> None:
    """Delete the edits that were kept, where a result holds the same now; edits made meanwhile stay."""
    path = spot_journal_path(folder)
    try:
        content = _Content.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return
    if len(content.edits) == len(saved) and all(
        (line.added, line.position) == (edit.added, edit.position)
        for line, edit in zip(content.edits, saved, strict=True)
    ):
        path.unlink(missing_ok=True)
