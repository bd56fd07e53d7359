"""What a long run says of its pace."""

from __future__ import annotations

import pytest

from napari_cellvino.cli.progress_report import Reporter, span
from napari_cellvino.core.image import Origin
from napari_cellvino.core.progress import Progress
from napari_cellvino.results.schema import field_row
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
