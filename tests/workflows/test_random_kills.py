"""Runs whose processes are killed at random moments end with the same trees and tables as runs that nothing disturbs.

``make kills KILLS=1000`` tries more of them than the tests do; a seed gives the same moments again.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from dataclasses import field as attribute
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import tifffile
from small_models import field as picture
from small_models import write_finder

from napari_cellvino.storage.field_ledger import FieldLedger
from napari_cellvino.storage.ledger import JobState, Ledger
from tests.processes import command, end, start

KILLS = int(os.environ.get("CELLVINO_KILLS", "30"))  # of all kinds of runs together
SEED = int(os.environ.get("CELLVINO_KILLS_SEED", "20240607"))
EACH_RUN = 4  # kills before a run may go on to its end
FIELDS = 6
SIDE = 96
TIMES = ("run.json", "ledger.sqlite", "jobs.csv", "summary.html")  # that say when something was done


@dataclass(frozen=True)
class Kind:
    """A kind of run: its words before the inputs and after them, and its share of all kills.

    ``beside`` runs are at work in one folder of results; with ``children``, the processes that a run has begun are
    killed as well as the run, and begin within some ``seconds``.
    """

    before: tuple[str, ...]
    after: tuple[str, ...] = ()
    share: float = 0.25
    beside: int = 1
    children: bool = False
    seconds: float = 0.0

    @property
    def watches(self) -> bool:
        return self.before == ("watch",)

    @property
    def last(self) -> Kind:
        """The kind of the run that goes on to the end: of a cluster, which starts slowly, a run without one."""
        return replace(self, after=()) if "--cluster" in self.after else self

    def words(self, inbox: Path, out: Path) -> list[str]:
        inputs = [inbox] if self.watches else sorted(inbox.rglob("*.tif"))
        return [*self.before, *map(str, inputs), "--out", str(out), *MODEL, str(inbox.with_name("finder")), *self.after]


MODEL = ("--device", "CPU", "--model")
WATCH = ("--once", "--settle", "0", "--patience", "0", "--every", "0.1")
KINDS = {
    "batch": Kind(("run",), share=0.35),
    "two batches": Kind(("run",), beside=2, share=0.15),
    "processes": Kind(("run",), ("--workers", "2"), children=True, share=0.1, seconds=2.0),
    "cluster": Kind(("run",), ("--cluster", "local:2"), children=True, share=0.05, seconds=5.0),
    "watch": Kind(("watch",), WATCH, share=0.2),
    "two watches": Kind(("watch",), WATCH, beside=2, share=0.15),
}


@dataclass
class Disturbed:
    """What was done to the runs of a kind."""

    kills: int = 0
    caught_writing: int = 0
    rounds: int = 0
    codes: Counter[int] = attribute(default_factory=Counter)


@pytest.fixture(scope="module")
def inbox(tmp_path_factory) -> Path:
    """A model, small images in two folders, two of them with one stem, and one that is damaged."""
    folder = tmp_path_factory.mktemp("inbox")
    write_finder(folder.with_name("finder"))
    chance = np.random.default_rng(SEED)
    for number in range(FIELDS):
        path = folder / ("a" if number % 2 else "b") / f"field {number // 2 if number < 2 else number}.tif"
        path.parent.mkdir(exist_ok=True)
        tifffile.imwrite(path, picture((SIDE, SIDE), chance.uniform(10, SIDE - 10, (number + 1, 2)).tolist()))
    (folder / "a" / "damaged.tif").write_bytes(b"II*\0 no image")
    return folder


def tree(out: Path) -> dict[str, bytes]:
    files = (p for p in sorted(out.rglob("*")) if p.is_file() and p.name not in TIMES and p.name != "counts.csv")
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in files}


def counts(out: Path) -> dict[str, list[str]]:
    """Return the rows of every table of fields as text, sorted: what ended first stands first in that of a watch."""
    tables = sorted(out.rglob("counts.csv"))
    return {p.relative_to(out).as_posix(): sorted(p.read_text(encoding="utf-8").splitlines()) for p in tables}


def known(out: Path) -> set[tuple[str, ...]]:
    """Return what the ledgers say of every job and field."""
    jobs = Ledger(out).jobs()
    folders = {Path(job.results) for job in jobs} or {out}
    fields = [(f.name, f.state, str(f.cells)) for folder in folders for f in FieldLedger(folder).records()]
    return {*fields, *((job.source, job.state.value, str(job.fields), str(job.cells)) for job in jobs)}


def unfinished(out: Path) -> list[str]:
    return sorted(p.name for p in out.rglob(".*")) if out.exists() else []


def to_end(kind: Kind, inbox: Path, out: Path) -> float:
    """Run to the end; return the seconds it took. One image is damaged, which a watch tells only once."""
    began, said = time.monotonic(), out.with_name("said.txt")
    codes = (0, 1) if kind.watches else (1,)
    assert end(start(command, kind.words(inbox, out), said)) in codes, said.read_text()
    assert "Traceback" not in said.read_text()
    return time.monotonic() - began


@pytest.fixture(scope="module")
def undisturbed(inbox, tmp_path_factory) -> Callable[[Kind], tuple[Path, float]]:
    """Return the results of a run or watch that nothing disturbed, and the seconds that it takes; a run in one process.

    All runs leave the same, wherever their fields were done.
    """
    made: dict[bool, tuple[Path, float]] = {}
    end(start(command, ["--version"], tmp_path_factory.mktemp("first") / "said.txt"))  # it alone waits for imports

    def get(kind: Kind) -> tuple[Path, float]:
        if kind.watches not in made:
            out = tmp_path_factory.mktemp("undisturbed") / "out"
            made[kind.watches] = out, to_end(KINDS["watch" if kind.watches else "batch"], inbox, out)
        return made[kind.watches]

    return get


def kill_one(running: list[BaseProcess], kind: Kind, chance: random.Random) -> bool:
    """Kill one of the processes that run, and return whether there was one."""
    alive = [process.pid for process in running if process.is_alive()]
    with suppress(psutil.NoSuchProcess):
        if kind.children:
            alive += [child.pid for pid in list(alive) for child in psutil.Process(pid).children(recursive=True)]
        if alive:
            psutil.Process(chance.choice(sorted(alive))).kill()
            return True
    return False


def wait_for(moment: float, out: Path, running: list[BaseProcess], *, writing: bool) -> None:
    """Wait so many seconds; where it is to be while something is written, then also for that."""
    until = time.monotonic() + moment
    while any(process.is_alive() for process in running):
        left = until - time.monotonic()
        if left <= 0 and not (writing and not any(".part-" in name for name in unfinished(out))):
            return
        time.sleep(0.001 if writing else 0.005)


def disturb(kind: Kind, inbox: Path, out: Path, lasts: float, chance: random.Random, done: Disturbed) -> None:
    """Start runs and kill their processes, until that was done often enough or they came to their end."""
    said = out.with_name("said.txt")
    running = [start(command, kind.words(inbox, out), said) for _ in range(kind.beside)]
    for _ in range(EACH_RUN):
        wait_for(chance.uniform(0, 0.7 * lasts), out, running, writing=chance.random() < 0.4)
        if not kill_one(running, kind, chance):
            break
        done.kills += 1
        done.caught_writing += bool(unfinished(out))
        for place, process in enumerate(running):
            if not kind.children and not process.is_alive():
                done.codes[end(process)] += 1
                running[place] = start(command, kind.words(inbox, out), said)
    for process in running:
        if not kind.children:  # else what is left of the run has to come to its end by itself
            process.kill()
        done.codes[end(process)] += 1


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_killed_runs_end_as_if_nothing_had_happened(inbox, undisturbed, tmp_path, name):
    kind = KINDS[name]
    chance, done = random.Random(f"{SEED} {name}"), Disturbed()
    whole, lasts = undisturbed(kind)
    wanted = max(2, round(KILLS * kind.share))
    while done.kills < wanted:
        out = tmp_path / str(done.rounds) / "out"
        out.parent.mkdir()
        disturb(kind, inbox, out, lasts + kind.seconds, chance, done)
        to_end(kind.last, inbox, out)
        assert unfinished(out) == [], f"round {done.rounds}"
        assert tree(out) == tree(whole), f"round {done.rounds}"
        assert counts(out) == counts(whole), f"round {done.rounds}"
        assert known(out) == {tuple(str(part).replace(str(whole), str(out)) for part in row) for row in known(whole)}
        if kind.watches:
            table = pd.read_csv(out / "jobs.csv", keep_default_na=False)
            assert sorted(table["source"]) == sorted(map(str, inbox.rglob("*.tif")))
            assert Counter(table["state"]) == {JobState.DONE: FIELDS, JobState.FAILED: 1}
        done.rounds += 1
    print(f"{name}: {done.kills} kills, {done.caught_writing} while something was written, in {done.rounds} runs")
