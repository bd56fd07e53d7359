"""Watch folders: queue what is written to its end, run it by the rules, and keep the ledger.

Folders are listed again and again, which works on network drives too; where the system tells of changes, the next
listing comes at once. What is done is known by the ledger, so that a watch that was stopped, or a second one beside it,
does nothing twice.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from napari_cellvino import __version__
from napari_cellvino.core.errors import CellvinoError, DeviceError, OptionError, OutputError
from napari_cellvino.core.recipe import load_recipe
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.segmentation.pipeline import Pipeline, make_pipeline
from napari_cellvino.service.folder_changes import told_of_changes
from napari_cellvino.service.image_sets import ImageSet, ImageSets
from napari_cellvino.service.inputs import PLATE, SET, Folders, Input, UnchangedSince, check_folders
from napari_cellvino.service.job_run import JobTally, content_hash, run_jobs
from napari_cellvino.service.notify import notify
from napari_cellvino.service.rules import Rule, RuleMatch, recipe_of
from napari_cellvino.service.start_gate import StartGate
from napari_cellvino.service.summary import write_summary
from napari_cellvino.service.watch_events import Idle, JobEnded, JobQueued, PlannedInput, WatchEvent, WatchPlan
from napari_cellvino.storage.ledger import Job, JobState, Ledger
from napari_cellvino.storage.ledger_file import this_worker
from napari_cellvino.workflows.executor import RunEvent
from napari_cellvino.workflows.field_task import FieldOutcome

_logger = logging.getLogger(__name__)

BATCH = 32  # jobs of one rule that are run together, so that reading, network and writing overlap
MOST_ATTEMPTS = 5
BACKOFF_S = 30.0  # before the second attempt; doubled with each further one
BEAT_S = 20.0


class Watch:
    """A watch over folders; `run` does the work.

    Parameters
    ----------
    plan
        What is watched and how.
    clock
        Returns seconds since 1970.

    Raises
    ------
    OptionError, ModelPackageError
        If a folder is none, or a rule asks for what is not possible.
    """

    def __init__(self, plan: WatchPlan, *, clock: Callable[[], float] = time.time) -> None:
        check_folders(plan.folders, plan.root)
        self.plan, self._clock = plan, clock
        self.ledger = Ledger(plan.root)
        self.folders = Folders(plan.folders, plan.root.absolute(), plan.book.take)
        self._settled = UnchangedSince(plan.settle_s, plan.patience_s)
        self._whole = UnchangedSince(plan.settle_s, plan.patience_s)  # of sets of files
        self._sets = ImageSets(self.ledger)
        self._pipelines: dict[tuple[str, str], Pipeline] = {}
        for rule in plan.book.rules:
            if not rule.skip:
                self._pipeline(rule, "")
        self._worker = this_worker()
        self._wake = threading.Event()
        self._passed_over: dict[Path, tuple[tuple[int, int], str]] = {}
        self._gate = StartGate(plan.book, plan.root, clock, is_started=self.ledger.started)
        self._untold: list[Job] = []
        self._is_begun = self._is_stuck = False
        self._is_page_due = True  # a watch that was killed may have left it as it was

    def run(
        self, stop: threading.Event, engines: EngineProvider, *, once: bool = False
    ) -> Generator[WatchEvent, None, None]:
        """Yield what happens, until ``stop`` is set, or with ``once`` until everything that is there is done.

        A folder of results that goes or cannot be written later, as on a full disk, is waited for, but with ``once``.

        Raises
        ------
        DeviceError
            If the device or the precision of a rule is not available.
        OutputError
            If the ledger cannot be written at the start, or with ``once``.
        """
        with told_of_changes(self.plan.folders, self._wake):
            reason = ""
            while not stop.is_set():
                self._wake.clear()
                try:
                    ran, is_over, unsettled, said = yield from self._look(engines, stop)
                except OutputError as error:
                    if once or not self._is_begun:
                        raise
                    self._is_stuck = True
                    ran, is_over, unsettled, said = False, False, None, str(error)
                if said and said != reason:
                    yield Idle(said)
                reason = said
                if once and is_over:
                    return
                if not ran and not stop.is_set():
                    self._wait(unsettled, stop)

    def _look(
        self, engines: EngineProvider, stop: threading.Event
    ) -> Generator[WatchEvent, None, tuple[bool, bool, float | None, str]]:
        """Queue and run what is there; return whether anything ran, whether all is done, and what is waited for."""
        if self._is_stuck:
            self.ledger.give_back(self._worker)
            self._is_stuck = False
        queued, unsettled = yield from self._queue()
        ran, said = yield from self._work(engines, stop)
        said = said or next((f"{folder}: {why}" for folder, why in self.folders.unreadable.items()), "")
        self._is_page_due |= ran or queued > 0
        if self._is_page_due:
            self._write_page()
        if not ran and self._untold:
            notify(self.plan.book.notify, self._untold)
            self._untold = []
        left = (
            ran or self._is_page_due or unsettled is not None or self.ledger.jobs([JobState.WAITING, JobState.RUNNING])
        )
        return ran, not left, unsettled, said

    def _write_page(self) -> None:
        """Write the page and the table of jobs; they stay due where another watch has ended a job meanwhile."""
        jobs = self.ledger.jobs()
        if jobs:
            write_summary(self.plan.root, jobs)
        self._is_page_due = [job.state for job in self.ledger.jobs()] != [job.state for job in jobs]

    def verdict(self, found: Input) -> RuleMatch:
        """Return which rule takes an input and where its results go, or why none does; raises as `RuleBook.match`."""
        path = None if found.plate or found.film else found.path
        return self.plan.book.match(found.relative, path, plate=found.plate)

    def not_taken(self) -> dict[Path, str]:
        """Return the inputs that were looked at and are not run, with the reason; without those that a rule skips."""
        return {path: why for path, (_, why) in self._passed_over.items() if why}

    def planned(self) -> Iterator[PlannedInput]:
        """Yield what every input that is there would get, and why."""
        for found in self.folders.list():
            plan = PlannedInput(str(found.path), found.plate)
            head = self._sets.of(found).whole
            if head.path != found.path:
                yield replace(plan, why=f"it belongs to {head.path.name}, which is run with it")
                continue
            try:
                match = self.verdict(found)
            except CellvinoError as error:
                yield replace(plan, why=str(error))
                continue
            if match.rule is None:
                yield replace(plan, why=match.why)
                continue
            recipe = recipe_of(match.rule, self.plan.base)
            yield PlannedInput(
                plan.input, plan.plate, match.rule.name or "the rule", "", recipe.model, recipe.channel,
                str(self.plan.root / match.results), dict(match.attributes),
            )  # fmt: skip

    def wake(self) -> None:
        """Look at the folders at once."""
        self._wake.set()

    # -- queue

    def _queue(self) -> Generator[WatchEvent, None, tuple[int, float | None]]:
        """Queue what is new; return how much, and for how long what is being written must still stand still."""
        known, queued, unsettled = self.ledger.stamps(), 0, list[float]()
        now = time.monotonic()  # the clock of the day may be set, and goes on while the computer sleeps
        for found in self.folders.list():
            if known.get(found.source) == found.stamp or self._is_passed_over(found):
                continue
            left = self._settled.look(found, now)
            group = ImageSet(found) if left > 0 else self._sets.of(found)
            if not group.is_one_file and not group.is_known(known):
                left = self._whole.look(group.whole, now)
            if left > 0:
                unsettled.append(left)
                continue
            if group.is_one_file:
                self._settled.forget(found.path)
            for event in self._enter(group, known):
                queued += isinstance(event, JobQueued)
                yield event
        return queued, min(unsettled, default=None)

    def _enter(self, group: ImageSet, known: dict[str, tuple[int, int]]) -> Iterator[JobQueued | JobEnded]:
        """Enter an input, or the files of a set: one job for all of them, in the place of those run by themselves.

        It fails where the results of one of these must stay.
        """
        is_done = group.is_known(known) or self._is_passed_over(group.whole)
        job = None if is_done else self._job(group.whole)
        if job is None:
            return
        alone = self._sets.run_alone(group)
        if alone is None:
            return
        others = [o for o in group.others if known.get(o.source) != o.stamp and o.source not in alone]
        known |= self._sets.pass_over(others, job)
        if known.get(job.source) == job.stamp or not self.ledger.queue(job):
            return
        known[job.source] = job.stamp
        yield JobQueued(job)
        if alone:
            tally = JobTally()
            tally.stop(group.counted_twice(alone))
            yield self._ended(job, tally)

    def _is_passed_over(self, found: Input) -> bool:
        known = self._passed_over.get(found.path)
        return known is not None and known[0] == found.stamp

    def _job(self, found: Input) -> Job | None:
        """Return the job of an input, or None where no rule takes it."""
        try:
            found.relative.encode()  # what is no text cannot stand in ledger and tables
            verdict = self.verdict(found)
        except UnicodeEncodeError:
            verdict = RuleMatch(None, "its name is no text; rename it")
        except CellvinoError as error:
            verdict = RuleMatch(None, str(error))
        if verdict.rule is None:
            self._passed_over[found.path] = (found.stamp, "" if verdict.skipped else verdict.why)
            _logger.info("watch %s: not taken: %s", found.path, verdict.why)
            return None
        return Job(
            found.source, found.kind, *found.stamp, verdict.rule.name,
            str(self.plan.root / verdict.results), attributes=verdict.attributes, queued=self._clock(),
        )  # fmt: skip

    # -- work

    def _work(self, engines: EngineProvider, stop: threading.Event) -> Generator[WatchEvent, None, tuple[bool, str]]:
        """Run the jobs that wait; return whether there were any, and why the others must wait."""
        self.ledger.take_up(self._clock())
        self._is_begun = True
        ran = False
        while not stop.is_set():
            reason = self._gate.why_not(paused=self.ledger.paused)
            self._remember_schedule()
            if reason:
                return ran, reason
            jobs = self.ledger.claim(BATCH, self._worker, self._clock())
            if not jobs:
                self._gate.close()
                self._remember_schedule()
                break
            ran = True
            try:
                yield from self._run(jobs, engines, stop)
            finally:
                self.ledger.give_back(self._worker)
        return ran, ""

    def _remember_schedule(self) -> None:
        """Enter that a time of the schedule has come, so that a watch that is begun again goes on at once."""
        if self.plan.book.start and self.ledger.started != self._gate.is_started:
            self.ledger.started = self._gate.is_started

    def _run(
        self, jobs: Sequence[Job], engines: EngineProvider, stop: threading.Event
    ) -> Generator[WatchEvent, None, None]:
        """Run jobs of one rule that share a folder of results, and enter what became of each."""
        try:
            pipeline = self._pipeline(self._rule(jobs[0].rule), jobs[0].recipe)
        except CellvinoError as error:  # the rules have changed, or a recipe is gone
            tally = JobTally()
            tally.stop(error)
            for job in jobs:
                yield self._ended(job, tally)
            return
        fresh: list[Job] = []
        for job in jobs:
            if job.kind in (SET, PLATE):
                self._sets.take_over(job)
            digest = "" if job.kind == SET else content_hash(Path(job.source))
            known = replace(job, digest=digest, fingerprint=pipeline.recipe.fingerprint())
            self.ledger.update([job.source], digest=known.digest, fingerprint=known.fingerprint, version=__version__)
            compared = bool(known.digest) and not job.recipe
            twin = self.ledger.twin(known) if compared else ""
            if twin:
                yield self._ended(job, JobTally(twin=twin))
            elif not (compared and any(other.digest == known.digest for other in fresh)):
                fresh.append(known)  # a copy of one of them waits for what becomes of it
        tallies = {job.source: JobTally() for job in fresh}
        yield from self._events(fresh, pipeline, engines, tallies, stop)

    def _events(
        self,
        jobs: Sequence[Job],
        pipeline: Pipeline,
        engines: EngineProvider,
        tallies: dict[str, JobTally],
        stop: threading.Event,
    ) -> Generator[WatchEvent, None, None]:
        if not jobs:
            return
        beaten, stopped = self._clock(), False
        running: Generator[RunEvent, None, object] = run_jobs(jobs, pipeline, engines, self.plan.settle_s, stop)
        try:
            with closing(running):
                for event in running:
                    if isinstance(event, FieldOutcome):
                        self._count(event, tallies)
                    if self._clock() - beaten > BEAT_S:
                        beaten = self._clock()
                        self.ledger.beat(self._worker, beaten)
                    yield event
                    if stop.is_set():
                        stopped = True
                        break
        except DeviceError:  # no job can be run
            raise
        except CellvinoError as error:
            for tally in tallies.values():
                tally.stop(error)
        if not stopped:
            for job in jobs:
                yield self._ended(job, tallies[job.source])

    def _count(self, outcome: FieldOutcome, tallies: dict[str, JobTally]) -> None:
        """Count an outcome for the job of its file; one of no job counts for none, so that no number is wrong."""
        tally = tallies.get(str(outcome.row["file"]))
        if tally is None:
            _logger.warning("watch: the field of %s belongs to no job of this batch", outcome.row["file"])
        else:
            tally.add(outcome)

    def _ended(self, job: Job, tally: JobTally) -> JobEnded:
        """Enter what became of a job: what may pass is tried again later, and less and less often.

        While a watched folder is away, there is no last attempt.
        """
        now = self._clock()
        state, retry_at = tally.state, 0.0
        again = job.attempts < MOST_ATTEMPTS or self.folders.is_away(Path(job.source))
        if state is JobState.FAILED and tally.can_pass and again:
            state, retry_at = JobState.WAITING, now + BACKOFF_S * 2 ** (min(job.attempts, MOST_ATTEMPTS) - 1)
        self.ledger.update(
            [job.source], state=state, error=tally.reason, retry_at=retry_at, fields=tally.fields,
            failed=tally.failed, cells=tally.cells, ended=now, worker="",
        )  # fmt: skip
        ended = self.ledger.find([job.source])[0]
        if ended.state is not JobState.WAITING:
            self._untold.append(ended)
        return JobEnded(ended)

    def _rule(self, name: str) -> Rule:
        for rule in self.plan.book.rules:
            if rule.name == name:
                return rule
        raise OptionError(f"there is no rule {name!r} any more; queue its jobs again with 'cellvino jobs retry'")

    def _pipeline(self, rule: Rule, recipe: str) -> Pipeline:
        """Return the pipeline of a rule, or of the recipe that a job is to be run with instead; made once."""
        key = (rule.name, recipe)
        if key not in self._pipelines:
            self._pipelines[key] = make_pipeline(
                load_recipe(Path(recipe)) if recipe else recipe_of(rule, self.plan.base)
            )
        return self._pipelines[key]

    def _wait(self, unsettled: float | None, stop: threading.Event) -> None:
        """Wait for the next listing, for a change, or until what is being written may have settled."""
        end = time.monotonic() + min(self.plan.every_s, self.plan.every_s if unsettled is None else unsettled + 0.05)
        while time.monotonic() < end and not stop.is_set():
            if self._wake.wait(min(0.5, max(0.0, end - time.monotonic()))):
                stop.wait(min(0.2, self.plan.every_s))  # an instrument writes many files at once
                return
