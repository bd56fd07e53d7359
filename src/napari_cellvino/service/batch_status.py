"""How the work in a folder of results stands, as its ledgers say: jobs of a watch, and the fields of every run."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from napari_cellvino.results.schema import QC_NAME
from napari_cellvino.results.store import ResultStore
from napari_cellvino.storage.field_ledger import FieldLedger, FieldRecord, FieldState
from napari_cellvino.storage.ledger import ENDED, Job, JobState, Ledger
from napari_cellvino.storage.run_control import RunControl
from napari_cellvino.workflows.field_log import known_records

RECENT_S = 300.0  # over which the pace is measured


@dataclass(frozen=True, slots=True)
class BatchField:
    """A field, and the folder of results that it belongs to."""

    folder: Path
    record: FieldRecord

    @property
    def picture(self) -> Path:
        """The picture to check it by."""
        return self.folder / self.record.name / QC_NAME


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """Everything that is known of the work in a folder of results."""

    root: Path
    fields: tuple[BatchField, ...] = ()
    jobs: tuple[Job, ...] = ()
    paused: bool = False

    @property
    def counts(self) -> Counter[FieldState]:
        """The number of fields in each state."""
        return Counter(field.record.shown_state for field in self.fields)

    @property
    def open_jobs(self) -> int:
        """The number of jobs that wait or run."""
        return sum(job.state not in ENDED for job in self.jobs)

    def per_minute(self, now: float) -> float:
        """Return how many fields have ended in each of the last minutes."""
        ended = [at for field in self.fields if now - (at := field.record.ended) < RECENT_S]
        return len(ended) / max(now - min(ended), 1.0) * 60 if len(ended) > 1 else 0.0


def read_status(root: Path) -> BatchStatus:
    """Return how the work in a folder of results stands; a ledger that was lost is read from tables and results.

    Raises
    ------
    OutputError
        If a ledger cannot be read.
    """
    ledger = Ledger(root)
    jobs = ledger.jobs()
    folders = dict.fromkeys([root, *(Path(job.results) for job in jobs if job.results)])
    fields = [BatchField(folder, record) for folder in folders for record in _records(folder)]
    return BatchStatus(root, tuple(fields), tuple(jobs), ledger.paused or RunControl(root).paused)


def field_names(fields: Sequence[BatchField]) -> list[str]:
    """Return what fields are called: where their images lie in several folders or plates, with that.

    Files of one name are told apart so. What could not be opened has its file's name.
    """
    places = [_place(field.record) for field in fields]
    several = {place for place in places if place}
    shown = dict.fromkeys(several, "") if len(several) < 2 else _apart(several)
    names = [os.path.basename(r.name) if os.path.isabs(r.name) else r.name for r in (f.record for f in fields)]
    return [f"{shown.get(place, '')}{name}" for place, name in zip(places, names, strict=True)]


def _place(record: FieldRecord) -> str:
    """Return the plate of a field, or the folder that its image lies in."""
    return record.file if record.plate else os.path.dirname(record.file)


def _apart(places: Iterable[str]) -> dict[str, str]:
    """Return of each folder what follows the part that all have in common, with a slash at the end."""
    parts = {place: Path(place).parts for place in places}
    levels = zip(*(own[:-1] for own in parts.values()), strict=False)
    shared = sum(1 for _ in takewhile(lambda level: len(set(level)) == 1, levels))
    return {place: "/".join(own[shared:]) + "/" for place, own in parts.items()}


def _records(folder: Path) -> list[FieldRecord]:
    return FieldLedger(folder).records() or known_records(ResultStore(folder))


def pause_work(root: Path, *, paused: bool) -> None:
    """Let the watch of a folder of results, or the runs that fill it, begin nothing further, or go on."""
    ledger = Ledger(root)
    if ledger.file.is_file():
        ledger.paused = paused
    if not paused or not ledger.jobs():  # the runs of a watch are its own
        RunControl(root).paused = paused


def change_jobs(root: Path, state: JobState, of: Sequence[JobState], **changes: object) -> int:
    """Give another state to all jobs in some states, and return how many there were."""
    ledger = Ledger(root)
    found = [job.source for job in ledger.jobs(of)]
    ledger.update(found, state=state, retry_at=0.0, error="", **changes)
    return len(found)


def judge_fields(fields: Sequence[BatchField], review: FieldState) -> None:
    """Enter what a person says of results.

    Raises
    ------
    OptionError
        If a field is not done.
    """
    folders = dict.fromkeys(field.folder for field in fields)
    for folder in folders:
        ledger = FieldLedger(folder)
        if not ledger.records():
            ledger.enter(known_records(ResultStore(folder)))
        ledger.review([field.record.name for field in fields if field.folder == folder], review)
