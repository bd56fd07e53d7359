"""A run that is killed at any point and started again ends with the same bytes as one that was not."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import tifffile

from tests.processes import command, end, start

FIELDS = 10
SIDE = 96


@pytest.fixture(scope="module")
def fields(wells, tmp_path_factory) -> list[Path]:
    """Small images; two of them with one stem, in two folders."""
    folder = tmp_path_factory.mktemp("fields")
    paths = [folder / ("a" if n % 2 else "b") / f"field {n // 2 if n < 2 else n}.tif" for n in range(FIELDS)]
    for number, path in enumerate(paths):
        path.parent.mkdir(exist_ok=True)
        y, x = divmod(number, 2)
        tifffile.imwrite(path, wells[number % len(wells)][20 * y :, 40 * x :][:SIDE, :SIDE])
    return paths


def typed(fields, out, more=()) -> list[str]:
    return [str(word) for word in ("run", *fields, "--out", out, "--device", "CPU", *more)]


def run_to_end(fields, out, more=()) -> str:
    said = out.with_name("said.txt")
    assert end(start(command, typed(fields, out, more), said)) == 0, said.read_text()
    return said.read_text()


def results(out) -> int:
    return len(list(out.glob("[!.]*/annotation.json")))


def unfinished(out) -> list[str]:
    return sorted(p.name for p in out.glob(".*"))


def tree(out) -> dict[str, bytes]:
    files = (p for p in sorted(out.rglob("*")) if p.is_file() and p.name not in ("run.json", "ledger.sqlite"))
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in files}


@pytest.fixture(scope="module")
def unbroken(fields, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("unbroken") / "out"
    run_to_end(fields, out)
    return out


@pytest.mark.skipif(sys.platform == "win32", reason="there is no Ctrl-C for one process there")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_says_so_and_counts_what_is_finished(fields, unbroken, tmp_path, sent):
    for attempt in range(5):  # a busy computer may see the run end before the signal comes: then once more
        out = tmp_path / f"out-{attempt}"
        process = start(command, typed(fields, out), tmp_path / "said.txt")
        while process.is_alive() and not results(out):
            time.sleep(0.0005)
        with suppress(ProcessLookupError):
            os.kill(process.pid, sent)
        code = end(process)
        if code != 0:
            break
    said = (tmp_path / "said.txt").read_text(encoding="utf-8")
    assert code == 1
    assert "finished fields are kept" in said
    assert "Traceback" not in said
    assert unfinished(out) == []
    assert len((out / "counts.csv").read_text(encoding="utf-8").splitlines()) == 1 + results(out)
    run_to_end(fields, out)
    assert tree(out) == tree(unbroken)


def test_two_runs_on_the_cpu_give_the_same_bytes(fields, unbroken, tmp_path):
    run_to_end(fields[:3], tmp_path / "out")
    first, second = tree(unbroken), tree(tmp_path / "out")
    compared = [name for name in second if name.endswith(("labels.tif", "objects.csv", "qc.png", "annotation.json"))]
    assert len(compared) == 12
    assert all(first[name] == second[name] for name in compared)
