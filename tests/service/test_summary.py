"""The page of the morning names what failed, and shows the fields whose count is unlike the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from napari_cellvino.core.image import Origin
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.quality.drift import RunValues, find_drift
from napari_cellvino.results.schema import FieldSummary, ResultKey
from napari_cellvino.service import summary
from napari_cellvino.storage.csv_table import read_table
from napari_cellvino.storage.ledger import Job, JobState, Ledger
from napari_cellvino.workflows import drift
from napari_cellvino.workflows.drift import JudgedRun, judge_runs, write_drift
from napari_cellvino.workflows.field_ranking import RankedField, rank_fields


class Counted:
    """A folder of results of which only the counts are known."""

    def __init__(self, root, counts):
        self.root, self._counts = root, counts

    def summaries(self):
        for number, count in enumerate(self._counts):
            known = {"finished": True, "counts": {"count": count}, "doubtful": 0, "cells": count, "notices": ""}
            yield self.root / f"f{number}", type("Summary", (), known)


@pytest.mark.parametrize(
    ("counts", "odd"),
    [
        ([100, 103, 98, 110, 95, 102, 4], [4]),
        ([100, 103, 98, 110, 95, 102, 400], [400]),
        ([100, 103, 98, 110, 95, 102, 120], []),  # what chance makes of counts
        ([0, 1, 0, 2, 1, 0, 3], []),
        ([100, 4], []),  # too few to say
    ],
)
def test_field_is_odd_when_chance_does_not_explain_its_count(tmp_path, counts, odd):
    assert [field.count for field in rank_fields(Counted(tmp_path, counts)) if field.reasons] == odd


def test_page_names_failures_and_escapes_names(tmp_path, monkeypatch):
    failed = Job("/in/<b>.tif", state=JobState.FAILED, error="damaged & cut off", results=str(tmp_path / "a"), failed=1)
    done = Job("/in/c.tif", state=JobState.DONE, results=str(tmp_path / "a"), fields=2, cells=1234)
    ranked = RankedField(tmp_path / "a" / "f1", 7, ("much is doubtful",), 1.0)
    monkeypatch.setattr(summary, "rank_fields", lambda store: [ranked] if store.root.name == "a" else [])
    monkeypatch.setattr(summary, "MOST_SKIPPED", 1)
    place = str(tmp_path / "a")
    copies = [Job(f"/in/{n}.tif", state=JobState.SKIPPED, error=f"equal to c{n}", results=place) for n in range(3)]
    page = summary.render_summary(tmp_path, [failed, done, *copies])
    assert "<b>f1</b>" in page
    assert "3 inputs were not run" in page
    assert "equal to c0" in page
    assert "equal to c1" not in page
    assert "and 2 more" in page
    other = Job("/in/d.tif", state=JobState.DONE, results=str(tmp_path / "b"), fields=1)
    assert "<b>a/f1</b>" in summary.render_summary(tmp_path, [done, other]), "fields of two folders may have one name"
    assert "/in/&lt;b&gt;.tif" in page
    assert "damaged &amp; cut off" in page
    assert "1,234 cells in 2 fields" in page
    assert "1 failed" in page


def test_page_names_runs_unlike_earlier_ones(tmp_path, monkeypatch):
    usual = dict.fromkeys(("intensity", "size", "count"), 10.0)
    runs = [RunValues(f"day {n}", "nuclei", float(n), 8, usual) for n in range(8)]
    dim = RunValues("day 8", "nuclei", 8.0, 8, usual | {"intensity": 3.0})
    judged = [JudgedRun(tmp_path, drift) for drift in find_drift([*runs, dim])]
    monkeypatch.setattr(summary, "judge_runs", lambda places, root: judged)
    page = summary.render_summary(tmp_path, [])
    assert "day 8" in page
    assert "intensity is 3 grey levels" in page
    assert "Likely the lamp" in page
    assert "day 7" not in page
    other = [
        JudgedRun(tmp_path, d) for d in find_drift(RunValues(f"b {n}", "cells", float(n), 8, usual) for n in (1, 2))
    ]
    assert write_drift(tmp_path, [*judged, *other]) == ["drift.png", "drift-2.png"], "kinds are not mixed"
    assert read_table(tmp_path / "drift.csv")["kind"].nunique() == 2


def test_instruments_that_rules_name_are_not_compared_with_each_other(tmp_path, monkeypatch):
    names = [f"{scope}_{number}.tif" for scope in ("left", "right") for number in range(4)]
    for name in names[:-1]:
        Ledger(tmp_path).queue(Job(f"/in/{name}", attributes={"instrument": name.partition("_")[0]}))
    origin = Origin(path="/in/x.tif")
    one = FieldSummary(ResultKey.of(origin, Recipe()), origin, {"count": 9}, True, 9, 0, 0, 0, 0, "m 1", "DNA")
    fields = [(tmp_path / name, replace(one, origin=Origin(path=f"/in/{name}"))) for name in names]
    monkeypatch.setattr(drift.ResultStore, "summaries", lambda _: iter(fields))
    runs = {run.drift.run.kind: run.drift.run.fields for run in judge_runs([tmp_path], tmp_path)}
    assert runs == {"m 1, DNA, left": 4, "m 1, DNA, right": 3, "m 1, DNA": 1}
    assert {run.drift.run.kind for run in judge_runs([tmp_path])} == {"m 1, DNA"}
