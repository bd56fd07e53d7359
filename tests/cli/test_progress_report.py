"""What a long run says of its pace."""

from __future__ import annotations

import pytest

from napari_cellvino.cli.progress_report import Reporter, span
from napari_cellvino.core.image import Origin
from napari_cellvino.core.progress import Progress
from napari_cellvino.results.schema import field_row
from napari_cellvino.workflows.field_events import NO_WORKER
from napari_cellvino.workflows.field_task import FieldOutcome, FieldProgress


@pytest.mark.parametrize(("seconds", "text"), [(40.2, "40 s"), (430, "7 min"), (11520, "3.2 h")])
def test_times(seconds, text):
    assert span(seconds) == text


def test_log_says_how_fast_a_run_goes_and_what_is_left(capsys, monkeypatch):
    now = [1000.0]
    for clock in ("monotonic", "perf_counter"):
        monkeypatch.setattr(f"time.{clock}", lambda: now[0])
    reporter = Reporter(7)
    row = field_row(Origin("/images/a.tif"), "a", "done") | {"count": 3}
    reporter.report(FieldOutcome(1, row, kept=True))
    reporter.report(FieldProgress(2, "b", Progress("tiles", 0, 1)))
    for number in (2, 3):
        now[0] += 20
        reporter.report(FieldOutcome(number, row))
    assert "3 of 7 fields, 3 fields a minute, about 80 s left" in capsys.readouterr().err


def test_many_fields_that_stood_already_are_summed_up_and_what_is_said_of_one_is_told(capsys):
    reporter = Reporter(30)
    for number in range(1, 31):
        row = field_row(Origin(f"/images/{number}.tif"), str(number), "done") | {"count": 3}
        notices = ("out of focus",) if number == 27 else ()
        reporter.report(FieldOutcome(number, row, kept=True, notices=notices))
    reporter.end([])
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines[:22]] == [f"{n}.tif" for n in (*range(1, 21), 27)] + ["  out of focus"]
    assert lines[22] == "and 9 more, kept from an earlier run"


def test_log_says_once_that_no_worker_of_a_cluster_is_there(capsys):
    reporter = Reporter(2)
    for _ in range(3):
        reporter.report(FieldProgress(1, "a", Progress(NO_WORKER, 0, 1)))
    assert capsys.readouterr().err == "waiting for a worker of the cluster\n"
