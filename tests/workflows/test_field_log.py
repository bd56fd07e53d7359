"""A run enters its fields into the ledger, shares them with other runs, and does again what may pass."""

from __future__ import annotations

import errno

import pandas as pd
import pytest
from executors import InlineExecutor

from napari_cellvino.cli import main
from napari_cellvino.core.errors import RunEndedError
from napari_cellvino.core.image import Origin
from napari_cellvino.core.progress import finish
from napari_cellvino.results.store import ResultStore
from napari_cellvino.storage import run_control
from napari_cellvino.storage.field_ledger import FieldLedger, FieldRecord, FieldState
from napari_cellvino.storage.ledger_file import LEDGER_NAME
from napari_cellvino.workflows import field_events, run_field
from napari_cellvino.workflows.field_log import FieldSelection, unopened_name
from napari_cellvino.workflows.field_task import FieldOutcome
from napari_cellvino.workflows.run_folder import run_folder
from napari_cellvino.workflows.run_page import group_counts, write_run_page


def run(images, job, *, report=lambda event: None, **choices):
    return finish(run_folder(images, job.pipeline, job.root, job.engines, **choices), report)


def states(job) -> dict[str, str]:
    return {record.name: record.shown_state.value for record in FieldLedger(job.root).records()}


@pytest.fixture
def damaged(images):
    """Three images, the second one no image at all."""
    good = images[1].read_bytes()
    images[1].write_bytes(b"II*\0 no image")
    return images, good


def test_fields_stand_in_the_ledger_with_what_made_them(damaged, job):
    images, _ = damaged
    run(images, job)
    known = {record.name: record for record in FieldLedger(job.root).records()}
    first, second, third = known["field 1"], known[str(images[1])], known["field 3"]
    assert (first.state, first.attempts, first.file, first.host != "") == ("done", 1, str(images[0]), True)
    assert first.model == job.pipeline.package.sha256
    assert first.recipe
    assert third.cells > 0
    assert (second.state, second.stage) == ("failed", "open")
    assert second.error


def test_page_of_a_run_names_what_failed_and_is_made_anew_only_where_the_table_changed(damaged, job):
    images, good = damaged
    run(images, job)
    page = (job.root / "summary.html").read_text(encoding="utf-8")
    assert "What failed: 1 field<" in page
    assert "field 2.tif" in page
    assert page.count("data:image/jpeg") == 2, "a picture of each field that is done"
    assert "in 2 fields" in page
    assert "2.3 to 280" in page, "px, what the model sees at one of its zooms"
    assert not write_run_page(ResultStore(job.root))
    images[1].write_bytes(good)
    run(images, job, selection=FieldSelection(frozenset({"failed"})))
    assert "What failed" not in (job.root / "summary.html").read_text(encoding="utf-8")


def test_fields_are_grouped_by_what_is_in_their_wells():
    rows = [
        {"well": well, "compound": what, "dose": dose, "count": count, "status": "failed" if count == "" else "done"}
        for well, what, dose, count in (("A01", "DMSO", "", "4"), ("A02", "x", "2.5", "9"), ("A03", "DMSO", "", "8"))
    ] + [{"well": "A04", "compound": "", "count": "", "status": "failed"}]
    word, groups = group_counts(rows)
    assert word == "Content of the wells"
    assert [(g.name, g.fields, g.failed, g.cells, g.median) for g in groups] == [
        ("DMSO", 2, 0, 12, "6"), ("x 2.5", 1, 0, 9, "9"), ("nothing said", 1, 1, 0, ""),
    ]  # fmt: skip


def test_run_is_paused_goes_on_and_is_ended_by_another_process(images, job, monkeypatch, capsys):
    monkeypatch.setattr(run_control, "ORDERS_EVERY_S", 0.0)
    monkeypatch.setattr(field_events, "WAITING_EVERY_S", 0.0)
    seen: list[str] = []
    asked = iter([["pause"], ["resume"], ["cancel"]])

    def report(event) -> None:
        if isinstance(event, FieldOutcome):
            seen.append(str(event.row["folder"]))
            if words := next(asked, None):
                assert main(["jobs", *words, str(job.root)]) == 0
        elif event.progress.noun == field_events.PAUSED:
            seen.append("paused")
            assert states(job)["field 1"] == "done", "what was begun is finished and told"
            assert main(["jobs", *next(asked), str(job.root)]) == 0

    with pytest.raises(RunEndedError):
        run(images, job, report=report, executor=InlineExecutor)
    assert seen == ["field 1", "paused", "field 2"]
    assert (job.root / "counts.csv").read_text(encoding="utf-8").count("done") == 2
    assert [o.kept for o in run(images, job).outcomes] == [True, True, False], "a run that begins later is not ended"
    capsys.readouterr()


def test_failed_files_of_one_well_have_names_of_their_own():
    files = [Origin(path, "", "", "B02", "1") for path in ("a.tif", "b.tif")]
    assert [unopened_name(origin) for origin in files] == ["a.tif", "b.tif"]
    assert unopened_name(Origin("plate", "B02_f1", "P", "B02", "1")) == "B02_f1", "as its folder"


def test_only_new_and_only_failed_run_nothing_else(damaged, job):
    images, good = damaged
    run(images[:2], job)
    done = run(images, job, selection=FieldSelection(frozenset({"new"})))
    assert [(o.row["status"], o.kept) for o in done.outcomes] == [("failed", False), ("done", False)]
    assert len(states(job)) == 3, "what was not tried again has one row"
    images[1].write_bytes(good)
    done = run(images, job, selection=FieldSelection(frozenset({"failed"})))
    assert [(o.row["folder"], o.kept) for o in done.outcomes] == [("field 2", False)]
    assert states(job) == {"field 1": "done", "field 2": "done", "field 3": "done"}
    assert (job.root / "counts.csv").read_text(encoding="utf-8").count("done") == 3


def test_field_that_fails_over_an_older_result_stands_once(images, job):
    run(images, job)
    images[1].write_bytes(b"II*\0 no image")
    run(images, job)
    table = pd.read_csv(job.root / "counts.csv", keep_default_na=False)
    assert dict(zip(table["file"], table["status"], strict=True)) == {
        str(path): "failed" if path == images[1] else "done" for path in images
    }
    assert states(job) == {"field 1": "done", "field 2": "failed", "field 3": "done"}


def test_rejected_fields_are_made_again_with_another_recipe(images, job):
    run(images, job)
    FieldLedger(job.root).review(["field 2"], FieldState.REJECTED)
    recipe = (job.root / "recipe.yaml").read_bytes()
    other = job.choosing(parameters={"confidence": 0.9})
    done = run(images, other, selection=FieldSelection(frozenset({"rejected"})))
    assert [(o.row["folder"], o.kept) for o in done.outcomes] == [("field 2", False)]
    assert states(job) == {"field 1": "done", "field 2": "done", "field 3": "done"}
    assert (job.root / "recipe.yaml").read_bytes() == recipe, "what fails later is retried with that of the others"


def test_ledger_that_was_lost_is_made_again(damaged, job):
    images, _ = damaged
    run(images, job)
    before = states(job)
    (job.root / LEDGER_NAME).unlink()
    assert run(images, job).outcomes[0].kept
    assert states(job) == before


def test_field_whose_run_was_killed_after_its_result_stood_is_done(images, job):
    run(images, job)
    FieldLedger(job.root).begin(FieldRecord("field 2", worker="gone|1|0"), 1.0)
    assert all(o.kept for o in run(images, job).outcomes)
    assert states(job)["field 2"] == "done"


def test_table_that_somebody_changed_stops_no_run(images, job):
    run(images, job)
    (job.root / LEDGER_NAME).unlink()
    table = job.root / "counts.csv"
    table.write_text(table.read_text(encoding="utf-8").replace(",done,,", ",done,,about "), encoding="utf-8")
    assert not run(images, job).failed


def test_what_may_pass_is_tried_again_and_what_cannot_is_not(images, job, monkeypatch):
    tried: list[str] = []
    predict = run_field.predict_field

    def failing(stack, *given, **choices):
        tried.append(stack.origin.name)
        if tried.count("field 2") == 1 and stack.origin.name == "field 2":
            raise OSError(errno.ESTALE, "the drive went")
        if stack.origin.name == "field 3":
            raise ValueError("it is damaged")
        return predict(stack, *given, **choices)

    monkeypatch.setattr(run_field, "predict_field", failing)
    events: list[object] = []
    done = run(images, job, report=events.append, selection=FieldSelection(retries=2, wait_s=0.0))
    assert tried == ["field 1", "field 2", "field 3", "field 2"]
    assert [(o.number, o.failed) for o in done.outcomes] == [(1, False), (2, False), (3, True)]
    assert sum(isinstance(event, FieldOutcome) for event in events) == 3
    assert {r.name: r.attempts for r in FieldLedger(job.root).records()}["field 2"] == 2


def test_field_that_another_run_does_is_awaited_and_not_done_twice(images, job):
    run(images[:1], job)
    ledger = FieldLedger(job.root)
    ledger.begin(FieldRecord("field 2", worker="another-computer|1|0"), 10.0**12)
    waited = 0

    def report(event):
        nonlocal waited
        if not isinstance(event, FieldOutcome) and event.progress.noun == "fields of another run":
            waited += 1
            ledger.end("field 2", state="done")

    done = run(images, job, report=report)
    assert waited == 1
    assert [o.number for o in done.outcomes] == [1, 2, 3]
