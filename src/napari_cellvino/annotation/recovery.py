"""Recovery of unsaved edits from a journal after a crash, a power cut or a closed window."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_cellvino.annotation.document import Annotation
from napari_cellvino.annotation.event import Change
from napari_cellvino.annotation.event_json import read_event, read_line
from napari_cellvino.annotation.history import BYTES
from napari_cellvino.annotation.journal import FORMAT, check_free, open_journal, start_journal, unused_name
from napari_cellvino.annotation.session import EditSession, now
from napari_cellvino.core.errors import CellvinoError, JournalError

REPLAYED_BYTES = 2**62  # history limit during a replay: all edits must be available for undo


@dataclass(frozen=True, slots=True)
class UnsavedSteps:
    """Steps of a journal that are not in the saved result.

    ``last`` is the name of the last one. ``damage`` describes damage of the journal, empty if there is none. ``fits``
    tells whether the steps belong to the saved result.
    """

    path: Path
    steps: int
    last: str
    damage: str
    fits: bool


@dataclass(frozen=True, slots=True)
class ResumedSession:
    """A resumed session, the number of replayed steps, and the last change, None if there is none."""

    session: EditSession
    steps: int
    at: Change | None
    damage: str


@dataclass(frozen=True, slots=True)
class _Content:
    lines: list[dict[str, Any]]
    valid_bytes: int
    torn_lines: int

    def first_line_after(self, fingerprint: str) -> int | None:
        """Return the first line after the state with this fingerprint, None if the journal does not contain it."""
        marks = [n for n, line in enumerate(self.lines) if line.get("saved") == fingerprint]
        if marks:  # written while editing continued: the saved state is that after ``after`` steps
            steps = [n for n, line in enumerate(self.lines) if "step" in line]
            before = sum(n < marks[-1] for n in steps)  # for marks of earlier versions, without ``after``
            after = int(self.lines[marks[-1]].get("after", before))
            return steps[after - 1] + 1 if 0 < after <= len(steps) else 1
        return 1 if self.lines[0].get("base") == fingerprint else None

    @property
    def damage(self) -> str:
        if self.torn_lines == 0:
            return ""
        if self.torn_lines == 1:
            return "the last step was only half written and is left out"
        return f"the journal is damaged: the last {self.torn_lines} steps cannot be read and are left out"


def find_unsaved(path: Path, annotation: Annotation) -> UnsavedSteps | None:
    """Return the unsaved steps of a journal, or None where there is no journal or no such step.

    Raises
    ------
    JournalError
        If the file is not a journal.
    """
    if not path.exists() or path.stat().st_size == 0:  # the power went before its first line was on the disk
        return None
    content = _read(path)
    since = content.first_line_after(annotation.fingerprint())
    steps = [line for line in content.lines[since or 1 :] if "step" in line]
    if not steps and content.torn_lines == 0:
        return None
    last = str(steps[-1].get("name", "")) if steps else ""
    return UnsavedSteps(path, len(steps), last, content.damage, fits=since is not None)


def start_session(
    path: Path,
    annotation: Annotation,
    *,
    author: str = "",
    history_bytes: int = BYTES,
    clock: Callable[[], str] = now,
    fingerprint: str = "",
) -> EditSession:
    """Return a session with a new journal at ``path``; an existing journal is renamed.

    ``fingerprint`` is that of the annotation as it is, if it is known already.

    Raises
    ------
    JournalBusyError
        If another window, or another process, writes the existing one.
    OutputError
        If the journal cannot be written.
    """
    journal = start_journal(path, fingerprint or annotation.fingerprint())
    return EditSession(annotation, journal=journal, author=author, history_bytes=history_bytes, clock=clock)


def resume_session(
    path: Path,
    annotation: Annotation,
    *,
    author: str = "",
    history_bytes: int = BYTES,
    clock: Callable[[], str] = now,
) -> ResumedSession:
    """Return a session after the last complete step of a journal; it continues in the same file.

    Parameters
    ----------
    path
        The journal; an incomplete last line is cut off; if more is damaged, a copy is kept beside it.
    annotation
        The saved result, to which the steps are applied.

    Raises
    ------
    JournalBusyError
        If another window, or another process, writes it.
    JournalError
        If the file is not a journal, belongs to another state of the result, or a step does not fit.
    """
    check_free(path)
    content = _read(path)
    since = content.first_line_after(annotation.fingerprint())
    if since is None:
        raise JournalError(f"{path} belongs to another state of this result; save it under another name, or delete it")
    session = EditSession(annotation, author=author, history_bytes=REPLAYED_BYTES, clock=clock)
    at = _replay(session, content.lines[since:], path)
    session.history.set_limit(history_bytes)
    _truncate(path, content)
    session.journal = open_journal(path, earlier=content.lines[0]["journal"] < FORMAT)
    return ResumedSession(session, session.unsaved, at, content.damage)


def _replay(session: EditSession, lines: list[dict[str, Any]], path: Path) -> Change | None:
    at = None
    for number, line in enumerate((line for line in lines if "step" in line), 1):
        try:
            event = read_event(line, session.annotation)
            session.replay(event)
        except CellvinoError as error:
            raise JournalError(f"step {number} of {path} cannot be made again: {error}") from error
        at = session.describe_change(event)
    return at


def _read(path: Path) -> _Content:
    lines: list[dict[str, Any]] = []
    raw = path.read_bytes().splitlines(keepends=True)
    good = 0
    for line in raw:
        content = read_line(line)
        if content is None:
            break
        lines.append(content)
        good += len(line)
    if not lines or lines[0].get("journal") not in range(1, FORMAT + 1):
        raise JournalError(f"{path} is no journal of corrections that this version knows; move it away")
    return _Content(lines, good, len(raw) - len(lines))


def _truncate(path: Path, content: _Content) -> None:
    if content.torn_lines == 0:
        return
    if content.torn_lines > 1:
        shutil.copy2(path, unused_name(path, "damaged"))
    with path.open("r+b") as file:
        file.truncate(content.valid_bytes)
        os.fsync(file.fileno())
