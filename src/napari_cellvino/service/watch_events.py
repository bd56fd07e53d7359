"""What a watch is told to do, and what it says while it does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from napari_cellvino.core.recipe import Recipe
from napari_cellvino.service.rules import RuleBook
from napari_cellvino.storage.ledger import Job
from napari_cellvino.workflows.field_task import FieldOutcome, FieldProgress


@dataclass(frozen=True, slots=True)
class WatchPlan:
    """What is watched and how.

    Attributes
    ----------
    folders, root
        The watched folders, and the folder of results and ledger.
    book, base
        The rules, and the recipe of rules that name none.
    settle_s, patience_s
        Seconds that a file, or a plate or image folder, must stand still to count as written.
    every_s
        Seconds between two listings where the system tells of no change.
    """

    folders: tuple[Path, ...]
    root: Path
    book: RuleBook = field(default_factory=RuleBook)
    base: Recipe | None = None
    settle_s: float = 5.0
    patience_s: float = 120.0
    every_s: float = 10.0


@dataclass(frozen=True, slots=True)
class PlannedInput:
    """What an input of a watch would get: rule, model, channel and folder of results; or ``why`` it is not taken."""

    input: str
    plate: bool = False
    rule: str = ""
    why: str = ""
    model: str = ""
    channel: str = ""
    results: str = ""
    attributes: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.rule}: {self.model} -> {self.results}" if self.rule else f"not taken: {self.why}"


@dataclass(frozen=True, slots=True)
class JobQueued:
    """An input was entered into the ledger."""

    job: Job


@dataclass(frozen=True, slots=True)
class JobEnded:
    """A job came to its end, or waits for its next attempt."""

    job: Job


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing can be run now, and why."""

    reason: str


WatchEvent = JobQueued | JobEnded | Idle | FieldProgress | FieldOutcome
