"""Run jobs by the one loop of every run, and sum up what became of each."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_cellvino.core.errors import CellvinoError, can_pass
from napari_cellvino.core.plate import choose_fields
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.io.plates import open_plate
from napari_cellvino.results.plate_place import PlateChoices
from napari_cellvino.results.plate_store import PlateStore
from napari_cellvino.results.store import ResultStore
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.storage.ledger import Job, JobState
from napari_cellvino.workflows.executor import RunEvent
from napari_cellvino.workflows.field_task import FieldOutcome
from napari_cellvino.workflows.run_fields import RunResult
from napari_cellvino.workflows.run_folder import run_folder
from napari_cellvino.workflows.run_plate import run_plate

_BLOCK = 1 << 22


@dataclass(slots=True)
class JobTally:
    """The outcomes of the fields of a job so far.

    ``twin`` is an input of the same content that is done, so that this one is not run. ``can_pass`` says that every
    failure may be gone later.
    """

    fields: int = 0
    failed: int = 0
    cells: int = 0
    error: str = ""
    twin: str = ""
    can_pass: bool = True

    def add(self, outcome: FieldOutcome) -> None:
        """Add the outcome of a field."""
        self.fields += 1
        if outcome.failed:
            self.failed += 1
            self.error = self.error or str(outcome.row["error"])
            self.can_pass = self.can_pass and outcome.can_pass
        else:
            self.cells += outcome.count

    def stop(self, error: CellvinoError) -> None:
        """Take in that the run itself could not go on."""
        self.failed += 1
        self.error, self.can_pass = str(error), can_pass(error)

    @property
    def state(self) -> JobState:
        """What became of the job."""
        if self.failed:
            return JobState.FAILED
        return JobState.DONE if self.fields else JobState.SKIPPED

    @property
    def reason(self) -> str:
        """Why the job failed or was skipped; empty where it is done."""
        if self.state is not JobState.SKIPPED:
            return self.error
        if self.twin:
            return f"it has the same content as {self.twin}, which is done"
        return "it belongs to another file, which was run with it"


def run_jobs(jobs: Sequence[Job], pipeline: Pipeline, engines: EngineProvider) -> Generator[RunEvent, None, None]:
    """Yield progress and outcomes of jobs that share a folder of results; errors are those of the runs."""
    root = Path(jobs[0].results)
    images = [Path(job.source) for job in jobs if job.kind == "image"]
    again = bool(jobs[0].recipe)
    if images:
        yield from run_folder(
            images, pipeline, root, engines, overwrite=again, replace=True, one_of_many=True, named=()
        )
    for job in jobs:
        if job.kind == "plate":
            yield from _run_plate(Path(job.source), pipeline, root, engines, again=again)


def _run_plate(
    path: Path, pipeline: Pipeline, root: Path, engines: EngineProvider, *, again: bool
) -> Generator[RunEvent, None, RunResult]:
    overrides = pipeline.recipe.overrides
    source = open_plate(path, overrides)
    fields = choose_fields(source.plate, "", "")
    layout = PlateStore(ResultStore(root), source).layout()
    choices = PlateChoices(layout, replace=True, again=again)
    return (yield from run_plate(source, fields, pipeline, root, engines, choices))


def content_hash(path: Path) -> str:
    """Return a hash of the content of a file; empty for a folder, or where it cannot be read."""
    try:
        if path.is_dir():
            return ""
        digest = hashlib.blake2b(digest_size=20)
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError:  # the run tells it
        return ""
    return digest.hexdigest()
