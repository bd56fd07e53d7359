"""The ledger of fields: leases between runs, and what a person said."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace

import pytest

from napari_cellvino.core.errors import OptionError
from napari_cellvino.storage.field_ledger import FieldLedger, FieldRecord, FieldState
from napari_cellvino.storage.ledger import Job, Ledger
from napari_cellvino.storage.ledger_file import LEASE_S, LEDGER_NAME, this_worker

ELSEWHERE = "another-computer|7|0"
FIELD = FieldRecord("field 1", "/images/field 1.tif", worker="another-computer|7|0")


@pytest.fixture
def ledger(tmp_path):
    return FieldLedger(tmp_path)


def test_field_of_a_living_run_is_not_begun_by_another(ledger):
    assert ledger.begin(FIELD, 100.0)
    mine = replace(FIELD, worker=this_worker())
    assert not ledger.begin(mine, 100.0 + LEASE_S)
    ledger.beat(ELSEWHERE, 200.0)
    assert not ledger.begin(mine, 200.0 + LEASE_S)
    assert ledger.begin(mine, 201.0 + LEASE_S)
    (now,) = ledger.records()
    assert (now.state, now.attempts, now.worker) == ("running", 2, this_worker())


def test_field_that_ended_is_free_and_keeps_its_review_until_it_is_made_again(ledger):
    ledger.begin(FIELD, 1.0)
    ledger.end("field 1", state="done", cells=7)
    ledger.review(["field 1"], FieldState.REJECTED)
    assert [r.name for r in ledger.records([FieldState.REJECTED])] == ["field 1"]
    assert ledger.records([FieldState.DONE]) == []
    ledger.enter([replace(FIELD, state="done", cells=8)])
    (known,) = ledger.records()
    assert (known.cells, known.review) == (8, "rejected")
    assert ledger.begin(FIELD, 2.0)


def test_only_what_is_done_is_judged(ledger):
    ledger.enter([replace(FIELD, state="failed")])
    for name in ("field 1", "field 2"):
        with pytest.raises(OptionError, match=name):
            ledger.review([name], FieldState.ACCEPTED)


def test_attempt_that_was_stopped_does_not_count(ledger):
    ledger.begin(FIELD, 1.0)
    ledger.give_back(ELSEWHERE)
    (known,) = ledger.records()
    assert (known.state, known.attempts, known.worker) == ("waiting", 0, "")


def test_image_that_could_not_be_opened_gets_the_name_of_its_folder(ledger):
    ledger.enter([replace(FIELD, name=FIELD.file, state="failed", worker="")])
    ledger.begin(FIELD, 1.0)
    assert [record.name for record in ledger.records()] == ["field 1"]


def test_jobs_and_fields_share_a_file_and_a_damaged_one_is_begun_anew(ledger, tmp_path):
    ledger.enter([FIELD])
    Ledger(tmp_path).queue(Job("/images/field 1.tif"))
    assert [len(ledger.records()), len(Ledger(tmp_path).jobs())] == [1, 1]
    (tmp_path / LEDGER_NAME).write_bytes(b"no database at all" * 100)
    assert ledger.records() == []
    assert len(list(tmp_path.glob("*.damaged-*"))) == 1


@pytest.mark.parametrize(("kind", "mode"), [("nfs4", "delete"), ("ext4", "wal")])
def test_file_on_a_network_drive_shares_no_memory(ledger, tmp_path, monkeypatch, kind, mode):
    mount = SimpleNamespace(mountpoint=str(tmp_path), fstype=kind, opts="rw")
    monkeypatch.setattr("psutil.disk_partitions", lambda all: [mount])
    ledger.enter([FIELD])
    with closing(sqlite3.connect(ledger.path)) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == (mode,)
