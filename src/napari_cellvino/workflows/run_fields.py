"""The loop of every run: folders, films and plates, from the command line and from the window.

``counts.csv`` and the tables beside it are written on the way and however the run ends; ``run.json`` says what ran.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from napari_cellvino.core.stage_log import log_stage
from napari_cellvino.results.store import ResultStore
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.workflows.executor import Executor, News
from napari_cellvino.workflows.field_task import FieldOutcome, FieldTask
from napari_cellvino.workflows.run_info import write_run_info

_logger = logging.getLogger(__name__)

TABLES_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class RunResult:
    """What became of every field of a run, what the user should know beside that, and what ``run.json`` says."""

    outcomes: tuple[FieldOutcome, ...]
    notices: tuple[str, ...]
    info: dict[str, object]

    @property
    def failed(self) -> bool:
        """Whether a field has no result."""
        return any(outcome.failed for outcome in self.outcomes)


class Tables(Protocol):
    """The tables of a folder of results, brought up to date with the outcomes of a run."""

    def update(self, outcomes: Sequence[FieldOutcome]) -> None:
        """Write ``counts.csv`` with the outcomes so far."""
        ...

    def finish(self, outcomes: Sequence[FieldOutcome], *, complete: bool) -> tuple[str, ...]:
        """Write every table, and return what the user should know.

        Where the run is not ``complete``, a field may have been finished that is not among the outcomes.
        """
        ...


class FolderTables:
    """``counts.csv`` of images that belong to no plate."""

    def __init__(self, store: ResultStore) -> None:
        self._store, self._counts = store, store.counts  # what failed in earlier runs is known before this one begins

    def update(self, outcomes: Sequence[FieldOutcome]) -> None:
        """Write the rows of this run, and after them those of earlier ones."""
        self._store.write_counts([o.row for o in outcomes])

    def finish(self, outcomes: Sequence[FieldOutcome], *, complete: bool) -> tuple[str, ...]:
        """Write the rows once more, with what a person corrected meanwhile."""
        self._store.write_counts([self._store.fresh_row(o.row) for o in outcomes])
        return ()


def run_fields(
    tasks: Iterable[FieldTask | FieldOutcome],
    executor: Executor,
    tables: Tables,
    store: ResultStore,
    pipeline: Pipeline,
) -> Generator[News, None, RunResult]:
    """Yield progress and outcomes, and return what became of every field.

    Parameters
    ----------
    tasks
        The fields, in order; outcomes among them are of images that cannot be read.
    executor
        Does them.
    tables
        The tables of this kind of run.
    store
        The folder of results.
    pipeline
        What is done, for ``recipe.yaml`` and ``run.json``.

    Raises
    ------
    OutputError
        If tables, recipe or ``run.json`` cannot be written.
    """
    started = time.time()
    write_run_info(store, pipeline, (), started, complete=False)  # tells at once whether the folder can be written
    if not store.has_recipe:
        store.write_recipe(pipeline.recipe)
    _logger.info("run of %s into %s", pipeline.label, store.root)
    outcomes: list[FieldOutcome] = []
    complete = False
    try:
        yield from _work(executor.run(tasks), outcomes, tables, store, pipeline)
        complete = True
    finally:
        notices = tables.finish(outcomes, complete=complete)
    failed = sum(outcome.failed for outcome in outcomes)
    _logger.info("run finished: %d field(s), %d failed, %.1f s", len(outcomes), failed, time.time() - started)
    info = write_run_info(store, pipeline, outcomes, started, complete=True)
    return RunResult(tuple(outcomes), notices, info)


def _work(
    news: Generator[News, None, None],
    outcomes: list[FieldOutcome],
    tables: Tables,
    store: ResultStore,
    pipeline: Pipeline,
) -> Generator[News, None, None]:
    """Pass on news and collect the outcomes; tables are written now and then, the recipe with the first result."""
    written = time.monotonic()
    with closing(news):  # what is being written comes to its end before the tables look at it
        for item in news:
            if isinstance(item, FieldOutcome):
                if not item.failed and all(o.failed for o in outcomes):  # a run without any result changes nothing
                    store.write_recipe(pipeline.recipe)
                outcomes.append(item)
                _log_outcome(item)
            yield item
            if isinstance(item, FieldOutcome) and time.monotonic() - written > TABLES_EVERY_S:
                tables.update(outcomes)
                written = time.monotonic()


def _log_outcome(outcome: FieldOutcome) -> None:
    if outcome.failed:
        details = f"\n{outcome.traceback}" if outcome.traceback else ""
        _logger.warning("run %s: failed: %s%s", outcome.row["file"], outcome.row["error"], details)
    elif _logger.isEnabledFor(logging.DEBUG):
        kept = ", kept from an earlier run" if outcome.kept else ""
        log_stage(_logger, "run", str(outcome.row["folder"]), outcome.seconds, f"count {outcome.row['count']}{kept}")
