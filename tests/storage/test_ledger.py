"""The ledger is shared by processes, keeps what happened, and gives the jobs of the dead to the living."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from napari_cellvino.core.errors import OptionError, OutputError
from napari_cellvino.storage.ledger import DEATHS, Job, JobState, Ledger
from napari_cellvino.storage.ledger_file import LEASE_S, LEDGER_NAME, this_worker

NOW = 1_000_000.0


def job(name, **values):
    return Job(f"/in/{name}", size=10, modified_ns=5, rule="all", results="/out/a", queued=NOW, **values)


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "results")


def states(ledger):
    return {j.source: j.state.value for j in ledger.jobs()}


def test_input_is_queued_once_and_again_when_it_has_changed(ledger):
    assert ledger.queue(job("a.tif", attributes={"plate": "P1", "magnification": 20}))
    assert not ledger.queue(job("a.tif"))
    ledger.update(["/in/a.tif"], state=JobState.DONE, cells=7)
    changed = Job("/in/a.tif", size=11, modified_ns=6)
    assert ledger.queue(changed)
    (found,) = ledger.jobs()
    assert (found.state, found.cells, found.stamp) == (JobState.WAITING, 0, (11, 6))


def test_copy_of_what_was_replaced_by_other_content_waits_again(ledger):
    for name, state in (("a.tif", JobState.DONE), ("copy.tif", JobState.SKIPPED)):
        ledger.queue(job(name))
        ledger.update([f"/in/{name}"], state=state, digest="same")
    ledger.queue(Job("/in/a.tif", size=11, modified_ns=6))
    assert states(ledger) == {"/in/a.tif": "waiting", "/in/copy.tif": "waiting"}


def test_job_keeps_what_it_was_given(ledger):
    given = job("a.tif", kind="plate", attributes={"plate": "P1", "magnification": 20}, recipe="r.yaml")
    ledger.queue(given)
    assert ledger.find([given.source]) == [given]


def test_claim_takes_jobs_of_one_rule_and_folder_in_their_order(ledger):
    for number, (rule, results) in enumerate([("x", "/o1"), ("y", "/o1"), ("x", "/o1"), ("x", "/o2")]):
        ledger.queue(Job(f"/in/{number}", rule=rule, results=results, queued=NOW + number))
    assert [j.source for j in ledger.claim(10, "w", NOW)] == ["/in/0", "/in/2"]
    assert [j.source for j in ledger.claim(10, "w", NOW)] == ["/in/1"]
    assert [j.source for j in ledger.claim(10, "w", NOW)] == ["/in/3"]
    assert ledger.claim(10, "w", NOW) == []


def test_claim_waits_for_the_time_of_the_next_attempt(ledger):
    ledger.queue(job("a.tif"))
    ledger.update(["/in/a.tif"], retry_at=NOW + 30)
    assert ledger.claim(1, "w", NOW + 29) == []
    assert ledger.claim(1, "w", NOW + 30)[0].attempts == 1


def test_claim_does_not_wait_where_the_clock_was_set_back(ledger):
    ledger.queue(job("a.tif"))
    ledger.update(["/in/a.tif"], ended=NOW, retry_at=NOW + 30)
    assert ledger.claim(1, "w", NOW + 1) == []
    assert len(ledger.claim(1, "w", NOW - 86_400)) == 1


def test_two_workers_never_get_the_same_job(ledger):
    for number in range(60):
        ledger.queue(job(f"{number:02}.tif"))
    taken: list[str] = []

    def work(name):
        while jobs := Ledger(ledger.file.parent).claim(3, name, NOW):
            taken.extend(j.source for j in jobs)

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [f"/in/{number:02}.tif" for number in range(60)]


def test_jobs_of_a_process_that_is_gone_are_taken_up(ledger):
    ledger.queue(job("a.tif"))
    code = "import sys; from napari_cellvino.storage.ledger_file import this_worker; print(this_worker())"
    dead = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    ledger.claim(1, dead, NOW)
    assert ledger.take_up(NOW) == 1
    assert ledger.claim(1, this_worker(), NOW)[0].attempts == 2
    assert ledger.take_up(NOW + 10 * LEASE_S) == 0  # this process lives, however long it has been silent


def test_job_that_ends_every_worker_fails_alone(ledger):
    for name in ("a.tif", "b.tif", "c.tif"):
        ledger.queue(job(name))
    taken = []
    for _ in range(DEATHS):
        taken.append([Path(j.source).stem for j in ledger.claim(3, "elsewhere|1|1", NOW)])
        ledger.take_up(NOW + 2 * LEASE_S)
    assert taken == [["a", "b", "c"], *[["a"]] * (DEATHS - 1)], "what may have ended a worker is run alone"
    assert states(ledger) == {"/in/a.tif": "failed", "/in/b.tif": "waiting", "/in/c.tif": "waiting"}
    assert "5 times" in ledger.find(["/in/a.tif"])[0].error


def test_jobs_of_another_computer_are_taken_up_when_it_falls_silent(ledger):
    ledger.queue(job("a.tif"))
    ledger.claim(1, "elsewhere|1|1", NOW)
    ledger.beat("elsewhere|1|1", NOW + 200)
    assert ledger.take_up(NOW + 200 + LEASE_S) == 0
    assert ledger.take_up(NOW + 201 + LEASE_S) == 1


def test_what_was_given_back_waits_without_a_lost_attempt(ledger):
    ledger.queue(job("a.tif"))
    ledger.claim(1, "w", NOW)
    ledger.give_back("w")
    (found,) = ledger.jobs()
    assert (found.state, found.attempts) == (JobState.WAITING, 0)


def test_damaged_ledger_is_put_aside_and_begun_anew(ledger):
    ledger.queue(job("a.tif"))
    ledger.file.write_bytes(b"no database at all" * 100)
    assert ledger.queue(job("b.tif"))
    assert states(ledger) == {"/in/b.tif": "waiting"}
    assert len(list(ledger.file.parent.glob(f"{LEDGER_NAME}.damaged-*"))) == 1


def test_ledger_of_a_later_version_is_left_alone(ledger):
    ledger.queue(job("a.tif"))
    with sqlite3.connect(ledger.file) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(OutputError, match="later version"):
        ledger.jobs()


def test_unknown_job_is_named(ledger):
    ledger.queue(job("a.tif"))
    with pytest.raises(OptionError, match=r"/in/b\.tif"):
        ledger.update(["/in/b.tif"], state=JobState.DONE)


def test_twin_is_another_input_of_the_same_content_that_is_done(ledger):
    for name in ("a.tif", "b.tif"):
        ledger.queue(job(name))
        ledger.update([f"/in/{name}"], digest="d", fingerprint="f")
    first, second = ledger.jobs()
    assert ledger.twin(second) == ""
    ledger.update([first.source], state=JobState.DONE)
    assert ledger.twin(second) == first.source
    assert ledger.twin(first) == ""
