"""What a training says of itself while it runs, a line of JSON each: written by the command, read by whoever waits."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict


class TrainingProgress(BaseModel):
    """One piece of news: a step (with its losses, and the latest validation score), or in ``words`` what is done now.

    ``saved`` says that a later run goes on from here.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    step: int = 0
    steps: int = 0
    loss: dict[str, float] = {}
    validation: float | None = None
    seconds_left: float = 0.0
    saved: bool = False
    words: str = ""

    @property
    def total_loss(self) -> float:
        """The sum that is made small."""
        return sum(self.loss.values())


def write_progress(path: Path, news: TrainingProgress) -> None:
    """Append a line."""
    with path.open("a", encoding="utf-8") as handle:
        handle.write(news.model_dump_json() + "\n")


def read_progress(path: Path) -> list[TrainingProgress]:
    """Return all news so far, without the steps that were done again after a stop; a line half written is left out."""
    found: list[TrainingProgress] = []
    for news in read_more(path, 0)[0]:
        found = [earlier for earlier in found if not news.step or earlier.step < news.step]
        found.append(news)
    return found


def read_more(path: Path, start: int) -> tuple[list[TrainingProgress], int]:
    """Return the news from byte ``start`` on, and where to go on reading: after the last whole line."""
    try:
        with path.open("rb") as handle:
            handle.seek(start)
            whole, _, _ = handle.read().rpartition(b"\n")
    except OSError:
        return [], start
    lines = whole.splitlines()
    return [TrainingProgress.model_validate_json(line) for line in lines], start + len(whole) + bool(lines)
