"""What a fit said of itself, kept in its run folder as a table and a picture."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

TABLE_NAME, PICTURE_NAME = "history.csv", "history.png"


@dataclass(frozen=True, slots=True)
class Record:
    """Mean losses of a stretch of steps that ended at ``step``, and the score on the validation fields."""

    step: int
    loss: dict[str, float]
    validation: float | None


def add_record(folder: Path, record: Record) -> None:
    """Append a record to the history of a run and draw it anew; later steps of an older run are forgotten."""
    records = [r for r in read_history(folder) if r.step < record.step] + [record]
    part = folder / f"{TABLE_NAME}.part"
    with part.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["step", *record.loss, "validation"])
        for r in records:
            score = "" if r.validation is None else f"{r.validation:.5f}"
            writer.writerow([r.step, *(f"{value:.6g}" for value in r.loss.values()), score])
    part.replace(folder / TABLE_NAME)
    _draw(records, folder / PICTURE_NAME)


def read_history(folder: Path) -> list[Record]:
    """Return the records of a run, none where it has not begun."""
    path = folder / TABLE_NAME
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as handle:
        return [_record(row) for row in csv.DictReader(handle)]


def _record(row: dict[str, str]) -> Record:
    score = row.pop("validation")
    step = int(row.pop("step"))
    return Record(step, {name: float(value) for name, value in row.items()}, float(score) if score else None)


def _draw(records: list[Record], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    steps = [r.step for r in records]
    for name in records[-1].loss:
        axes.plot(steps, [r.loss.get(name, float("nan")) for r in records], label=f"{name} loss")
    axes.set(xlabel="step", ylabel="loss", yscale="log")
    scored = [(r.step, r.validation) for r in records if r.validation is not None]
    if scored:
        right = axes.twinx()
        right.plot(*zip(*scored, strict=True), "k--", label="validation")
        right.set(ylabel="validation score", ylim=(0, 1))
    figure.legend(loc="outside upper center", ncols=4)
    part = path.with_suffix(".part.png")
    figure.savefig(part, dpi=110)
    part.replace(path)
