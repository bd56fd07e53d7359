"""The loop of every run over folders, time series and plates, from command line and window.

``counts.csv`` and other tables are written during the run and at its end, even if it fails; ``run.json`` records the
run, ``summary.html`` shows it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from napari_cellvino.core.stage_log import log_stage
from napari_cellvino.core.threads import import_ahead
from napari_cellvino.results.plot_measures import FIELD
from napari_cellvino.results.schema import SPOT_HISTOGRAM_NAME
from napari_cellvino.results.store import ResultStore
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.workflows.executor import ExecutorMaker, RunEvent
from napari_cellvino.workflows.field_events import field_events
from napari_cellvino.workflows.field_log import ALL, FieldLog, FieldSelection
from napari_cellvino.workflows.field_notices import notices_of_fields, remarks_of_fields
from napari_cellvino.workflows.field_task import FieldOutcome, FieldTask
from napari_cellvino.workflows.group_plots import write_plot
from napari_cellvino.workflows.run_field import FieldWorker
from napari_cellvino.workflows.run_info import write_run_info
from napari_cellvino.workflows.run_page import NONE_DRAWN, Drawn, begin_pictures, write_run_page

_logger = logging.getLogger(__name__)

PLOTTED_WITH = ("matplotlib.figure", "matplotlib.backends.backend_agg")  # the histogram of spots, at the end
TABLES_EVERY_S = 2.0
TABLES_SHARE = 30  # times as long as writing the tables takes, the run goes on before they are written again


@dataclass(frozen=True, slots=True)
class RunResult:
    """The outcomes of all fields of a run, notices for the user, and the content of ``run.json``.

    ``faults`` are sentences on what makes the counts wrong until the user decides; ``remarks`` are those of the notices
    that only say what was done, with nothing to doubt.
    """

    outcomes: tuple[FieldOutcome, ...]
    notices: tuple[str, ...]
    info: dict[str, object]
    faults: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether a field has no result, or the user has to decide."""
        return bool(self.faults) or any(outcome.failed for outcome in self.outcomes)


class Tables(Protocol):
    """The tables of a folder of results, updated with the outcomes of a run."""

    def update(self, outcomes: Sequence[FieldOutcome]) -> None:
        """Write ``counts.csv`` with the outcomes so far."""
        ...

    def finish(self, outcomes: Sequence[FieldOutcome], *, complete: bool) -> tuple[str, ...]:
        """Write all tables, and return notices for the user.

        If the run is not ``complete``, more fields may be finished than there are outcomes.
        """
        ...


class FolderTables:
    """``counts.csv`` of images outside plates."""

    def __init__(self, store: ResultStore) -> None:
        self._store, self._counts = store, store.counts  # what failed in earlier runs is known before this one begins

    def update(self, outcomes: Sequence[FieldOutcome]) -> None:
        """Write the rows of this run, then those of earlier runs."""
        self._store.write_counts([o.row for o in outcomes])

    def finish(self, outcomes: Sequence[FieldOutcome], *, complete: bool) -> tuple[str, ...]:
        """Write the rows once more, with what a person corrected meanwhile."""
        self._store.write_counts([o.row for o in outcomes], corrected=True)
        return ()


def run_fields(
    tasks: Iterable[FieldTask | FieldOutcome],
    executor: ExecutorMaker,
    tables: Tables,
    worker: FieldWorker,
    store: ResultStore,
    pipeline: Pipeline,
    selection: FieldSelection = ALL,
    notices: tuple[str, ...] = (),
    remarks: tuple[str, ...] = (),
) -> Generator[RunEvent, None, RunResult]:
    """Yield progress and outcomes, and return the result of the run.

    Parameters
    ----------
    tasks
        The fields, in order; outcomes among them are of unreadable images.
    executor
        Makes what executes the tasks.
    tables
        The tables of this kind of run.
    worker
        Engines, open files and results of this process.
    store
        The folder of results.
    pipeline
        The pipeline, for ``recipe.yaml`` and ``run.json``.
    selection
        Which of the fields are run.
    notices
        What the user should know of all fields.
    remarks
        Those of the notices that only say what was done.

    Raises
    ------
    OutputError
        If tables, recipe or ``run.json`` cannot be written.
    """
    started = time.time()
    write_run_info(store, pipeline, (), started, complete=False)  # fails at once if the folder cannot be written
    _begin(pipeline, store)
    outcomes, complete, drawn = list[FieldOutcome](), False, NONE_DRAWN
    log = FieldLog(store, pipeline, selection)
    try:
        with log.open():
            events = field_events(tasks, executor(worker), log, worker, selection)
            yield from _collect(events, outcomes, tables, store, None if selection.only else pipeline)
        complete = True
        drawn = _begin_pictures(store, outcomes)
    finally:
        outcomes.sort(key=lambda outcome: outcome.number)  # what another run did came last
        notices += tables.finish(outcomes, complete=complete)
    _log_end(outcomes, time.time() - started)
    notices = tuple(dict.fromkeys((*notices_of_fields(outcomes, pipeline.recipe.channel), *notices)))
    remarks = tuple(dict.fromkeys((*remarks_of_fields(outcomes), *remarks)))
    info = write_run_info(store, pipeline, outcomes, started, complete=True, notices=notices)
    _write_pictures(store, pipeline, outcomes, drawn)
    return RunResult(tuple(outcomes), notices, info, remarks=remarks)


def _begin(pipeline: Pipeline, store: ResultStore) -> None:
    """Write the recipe of a first run, log that it begins, and begin to import what its plot is drawn with."""
    if not store.has_recipe:
        store.write_recipe(pipeline.recipe)
    _logger.info("run of %s into %s", pipeline.label, store.root)
    if pipeline.recipe.spots is not None:
        import_ahead(*PLOTTED_WITH)


def _begin_pictures(store: ResultStore, outcomes: Sequence[FieldOutcome]) -> Drawn:
    """Begin to make the pictures of the page of the run, where it will be written."""
    fresh = any(not (outcome.kept or outcome.failed) for outcome in outcomes)
    return begin_pictures(store) if fresh and not store.is_one_of_many else NONE_DRAWN


def _write_pictures(store: ResultStore, pipeline: Pipeline, outcomes: Sequence[FieldOutcome], drawn: Drawn) -> None:
    """Write what a person looks at: the histogram of spots, and the page of the run."""
    if pipeline.recipe.spots is not None and any(outcome.count for outcome in outcomes):
        write_plot(store.root, "spots", FIELD.name, store.root / SPOT_HISTOGRAM_NAME)
    if not store.is_one_of_many:  # a watch has a page of its own over all of them
        write_run_page(store, drawn=drawn)


def _collect(
    events: Generator[RunEvent, None, None],
    outcomes: list[FieldOutcome],
    tables: Tables,
    store: ResultStore,
    pipeline: Pipeline | None,
) -> Generator[RunEvent, None, None]:
    """Yield events and collect the outcomes; tables are written regularly, the recipe with the first result.

    Without a pipeline the recipe stays: some fields are run again, and it is that of the others.
    """
    due, fresh = time.monotonic() + TABLES_EVERY_S, False
    with closing(events):  # pending results are written before the tables are
        for item in events:
            if isinstance(item, FieldOutcome):
                if pipeline and not item.failed and all(o.failed for o in outcomes):  # without a result nothing changes
                    store.write_recipe(pipeline.recipe)
                outcomes.append(item)
                _log_outcome(item)
                fresh = fresh or not item.kept  # what was kept stands in the tables
            yield item
            if isinstance(item, FieldOutcome) and fresh and time.monotonic() > due:
                began = time.monotonic()
                tables.update(outcomes)
                fresh = False
                took = time.monotonic() - began
                due = time.monotonic() + max(TABLES_EVERY_S, TABLES_SHARE * took)  # large tables are written seldom


def _log_end(outcomes: Sequence[FieldOutcome], seconds: float) -> None:
    failed = sum(outcome.failed for outcome in outcomes)
    _logger.info("run finished: %d field(s), %d failed, %.1f s", len(outcomes), failed, seconds)


def _log_outcome(outcome: FieldOutcome) -> None:
    if outcome.failed:
        details = f"\n{outcome.traceback}" if outcome.traceback else ""
        _logger.warning("run %s: failed: %s%s", outcome.row["file"], outcome.row["error"], details)
    elif _logger.isEnabledFor(logging.DEBUG):
        kept = ", kept from an earlier run" if outcome.kept else ""
        log_stage(_logger, "run", str(outcome.row["folder"]), outcome.seconds, f"count {outcome.row['count']}{kept}")
