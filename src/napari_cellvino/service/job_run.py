"""Run jobs by the one loop of every run, and sum up what became of each."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from napari_cellvino.core.errors import CellvinoError, ImageReadError, can_pass
from napari_cellvino.core.image import Origin
from napari_cellvino.core.plate import choose_fields
from napari_cellvino.core.progress import Progress
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.io.plates import open_plate
from napari_cellvino.results.film_folder import read_film
from napari_cellvino.results.plate_place import PlateChoices
from napari_cellvino.results.plate_store import PlateStore
from napari_cellvino.results.schema import field_row
from napari_cellvino.results.store import ResultStore
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.service.follow_film import Patience, follow_film
from napari_cellvino.service.inputs import PLATE, SET
from napari_cellvino.storage.ledger import Job, JobState
from napari_cellvino.workflows.executor import RunEvent
from napari_cellvino.workflows.field_task import FieldOutcome, FieldProgress, failed_outcome
from napari_cellvino.workflows.film import open_film
from napari_cellvino.workflows.film_labels import FoundLabels, FoundOfGrowing
from napari_cellvino.workflows.growing_film import GrowingTracks
from napari_cellvino.workflows.run_fields import RunResult
from napari_cellvino.workflows.run_folder import run_folder
from napari_cellvino.workflows.run_plate import run_plate
from napari_cellvino.workflows.track_film import TrackedFilm, TrackRequest, track_film

_BLOCK = 1 << 22
Tracking = Generator[Progress, None, TrackedFilm | None]


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


def run_jobs(
    jobs: Sequence[Job], pipeline: Pipeline, engines: EngineProvider, settle_s: float, stop: threading.Event
) -> Generator[RunEvent, None, None]:
    """Yield progress and outcomes of jobs that share a folder of results; errors are those of the runs.

    ``settle_s`` is how long a frame of a film must stand still; a film ends where no frame came for as long.
    """
    root = Path(jobs[0].results)
    images = [Path(job.source) for job in jobs if job.kind in ("image", SET)]
    again = bool(jobs[0].recipe)
    if images:
        yield from run_folder(
            images, pipeline, root, engines, overwrite=again, replace=True, one_of_many=True, named=()
        )
    for job in jobs:
        if job.kind == PLATE:
            yield from _run_plate(Path(job.source), pipeline, root, engines, again=again)
        elif job.kind == "film":
            yield from _run_film(Path(job.source), pipeline, root, engines, Patience(settle_s, settle_s), stop, again)


def _run_plate(
    path: Path, pipeline: Pipeline, root: Path, engines: EngineProvider, *, again: bool
) -> Generator[RunEvent, None, RunResult]:
    overrides = pipeline.recipe.overrides
    source = open_plate(path, overrides)
    fields = choose_fields(source.plate, "", "")
    layout = PlateStore(ResultStore(root), source).layout()
    choices = PlateChoices(layout, replace=True, again=again)
    return (yield from run_plate(source, fields, pipeline, root, engines, choices))


def _run_film(
    path: Path, pipeline: Pipeline, root: Path, engines: EngineProvider, patience: Patience, stop: threading.Event,
    again: bool,
) -> Generator[RunEvent, None, None]:  # fmt: skip
    """Track a film that is a file, or the frames of a folder that are there and those that still come.

    Those of a folder are tracked after what an earlier run tracked.
    """
    origin, begun = Origin(path=str(path)), time.perf_counter()
    request = TrackRequest(pipeline.recipe, out=root, overwrite=again or path.is_file())
    try:
        if path.is_file():
            whole = open_film(path, pipeline.recipe.overrides)
            running: Tracking = track_film(whole, FoundLabels(whole, pipeline, engines), request)
            folder = root / whole.name
        else:
            tracks = GrowingTracks(path, FoundOfGrowing(pipeline, engines), request, pipeline.recipe.overrides)
            running, folder = _followed(tracks, path, patience, stop), tracks.folder
        film = yield from _as_fields(running, path.name)
        if film is None and not folder.is_dir():
            raise ImageReadError(f"{path} holds no images that could be frames of a film")
        summary = read_film(folder).summary if film is None else film.tables.summary
    except CellvinoError as error:
        yield failed_outcome(1, origin, error)
        return
    row = field_row(origin, path.name, "done") | {"count": summary.get("cells", 0)}
    notices = () if film is None else film.notices
    yield FieldOutcome(1, row, kept=film is None, seconds=time.perf_counter() - begun, notices=notices)


def _followed(tracks: GrowingTracks, path: Path, patience: Patience, stop: threading.Event) -> Tracking:
    with closing(tracks):
        return (yield from follow_film(path, tracks, patience, stop))


def _as_fields(running: Tracking, name: str) -> Generator[RunEvent, None, TrackedFilm | None]:
    """Yield the progress of a film as that of a field, and return the film."""
    with closing(running):
        while True:
            try:
                yield FieldProgress(1, name, next(running))
            except StopIteration as finished:
                film: TrackedFilm | None = finished.value
                return film


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
