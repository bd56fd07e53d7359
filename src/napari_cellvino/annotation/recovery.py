"""Go on from a journal that a crash, a power cut or a closed window left beside a result."""

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
from napari_cellvino.annotation.journal import FORMAT, Journal, free_name, set_aside, start_journal
from napari_cellvino.annotation.session import EditSession, now
from napari_cellvino.core.errors import CellvinoError, JournalError

REPLAYED_BYTES = 2**62  # of history while a journal is replayed: what it undoes must be there


@dataclass(frozen=True, slots=True)
class Unsaved:
    """Steps in a journal that are not in the result beside it.

    ``last`` names the last of them. ``damage`` is a sentence about what was torn or altered, empty where nothing was.
    ``fits`` tells whether the result is the one that the steps were made on.
    """

    path: Path
    steps: int
    last: str
    damage: str
    fits: bool


@dataclass(frozen=True, slots=True)
class Resumed:
    """A session that goes on, how many steps were made again, and where the last one was; None where there is none."""

    session: EditSession
    steps: int
    at: Change | None
    damage: str


@dataclass(frozen=True, slots=True)
class _Content:
    lines: list[dict[str, Any]]
    good_bytes: int
    torn_lines: int

    def since(self, fingerprint: str) -> int | None:
        """Return the first line after the state of this fingerprint, None if the journal does not know it."""
        marks = [n for n, line in enumerate(self.lines) if line.get("saved") == fingerprint]
        if marks:  # made while editing went on: the state is that after so many steps
            steps = [n for n, line in enumerate(self.lines) if "step" in line]
            before = sum(n < marks[-1] for n in steps)  # what marks of earlier versions mean, which do not say it
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


def find_unsaved(path: Path, annotation: Annotation) -> Unsaved | None:
    """Return what a journal holds beyond the result, or None where there is no journal or nothing in it.

    Raises
    ------
    JournalError
        If the file is no journal.
    """
    if not path.exists():
        return None
    content = _read(path)
    since = content.since(annotation.fingerprint())
    steps = [line for line in content.lines[since or 1 :] if "step" in line]
    if not steps and content.torn_lines == 0:
        return None
    last = str(steps[-1].get("name", "")) if steps else ""
    return Unsaved(path, len(steps), last, content.damage, fits=since is not None)


def start_session(
    path: Path,
    annotation: Annotation,
    *,
    author: str = "",
    history_bytes: int = BYTES,
    clock: Callable[[], str] = now,
) -> EditSession:
    """Return a session with a new journal at ``path``; one with steps in it is set aside under another name.

    Raises
    ------
    OutputError
        If the journal cannot be written.
    """
    set_aside(path)
    journal = start_journal(path, annotation)
    return EditSession(annotation, journal=journal, author=author, history_bytes=history_bytes, clock=clock)


def resume_session(
    path: Path,
    annotation: Annotation,
    *,
    author: str = "",
    history_bytes: int = BYTES,
    clock: Callable[[], str] = now,
) -> Resumed:
    """Return a session in the state after the last whole step of a journal; it goes on in the same file.

    Parameters
    ----------
    path
        The journal; what is torn at its end is cut off, and where more is damaged, a copy is kept beside it.
    annotation
        The result as it was saved, in which the steps are made again.

    Raises
    ------
    JournalError
        If the file is no journal, or belongs to another state of the result, or a step does not fit.
    """
    content = _read(path)
    since = content.since(annotation.fingerprint())
    if since is None:
        raise JournalError(f"{path} belongs to another state of this result; save it under another name, or delete it")
    session = EditSession(annotation, author=author, history_bytes=REPLAYED_BYTES, clock=clock)
    at = _replay(session, content.lines[since:], path)
    session.history.fit(history_bytes)
    _cut(path, content)
    session.journal = Journal(path)
    return Resumed(session, session.unsaved, at, content.damage)


def _replay(session: EditSession, lines: list[dict[str, Any]], path: Path) -> Change | None:
    at = None
    for number, line in enumerate((line for line in lines if "step" in line), 1):
        try:
            event = read_event(line, session.annotation)
            session.replay(event)
        except CellvinoError as error:
            raise JournalError(f"step {number} of {path} cannot be made again: {error}") from error
        at = session.news(event)
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
    if not lines or lines[0].get("journal") != FORMAT:
        raise JournalError(f"{path} is no journal of corrections that this version knows; move it away")
    return _Content(lines, good, len(raw) - len(lines))


def _cut(path: Path, content: _Content) -> None:
    if content.torn_lines == 0:
        return
    if content.torn_lines > 1:
        shutil.copy2(path, free_name(path, "damaged"))
    with path.open("r+b") as file:
        file.truncate(content.good_bytes)
        os.fsync(file.fileno())
