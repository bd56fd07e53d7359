"""Progress of a training as lines of JSON, written by the training process and read by the window."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict


class TrainingProgress(BaseModel):
    """Progress of a training: a step with losses and the latest validation score, or a ``message`` on the stage.

    ``saved`` tells whether a checkpoint was written.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    step: int = 0
    steps: int = 0
    loss: dict[str, float] = {}
    validation: float | None = None
    seconds_left: float = 0.0
    saved: bool = False
    message: str = ""

    @property
    def total_loss(self) -> float:
        """The sum of all losses, which training minimises."""
        return sum(self.loss.values())


def write_progress(path: Path, progress: TrainingProgress) -> None:
    """Append a line."""
    with path.open("a", encoding="utf-8") as handle:
        handle.write(progress.model_dump_json() + "\n")


def read_progress(path: Path) -> list[TrainingProgress]:
    """Return all progress so far, without steps that were repeated later, and without an incomplete last line."""
    found: list[TrainingProgress] = []
    for progress in read_more(path, 0)[0]:
        found = [earlier for earlier in found if not progress.step or earlier.step < progress.step]
        found.append(progress)
    return found


def read_more(path: Path, start: int) -> tuple[list[TrainingProgress], int]:
    """Return the progress from byte ``start`` on, and the byte after the last complete line."""
    try:
        with path.open("rb") as handle:
            handle.seek(start)
            whole, _, _ = handle.read().rpartition(b"\n")
    except OSError:
        return [], start
    lines = whole.splitlines()
    return [TrainingProgress.model_validate_json(line) for line in lines], start + len(whole) + bool(lines)
