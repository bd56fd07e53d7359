"""When jobs may be begun, and who is told when they have ended."""

from __future__ import annotations

import json
import sys
import threading
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import tifffile
from pydantic import ValidationError

from napari_cellvino.service.cron import Cron
from napari_cellvino.service.notify import Notify, notify
from napari_cellvino.service.rules import RuleBook
from napari_cellvino.service.start_gate import StartGate
from napari_cellvino.service.watch_events import Idle, JobEnded
from napari_cellvino.storage.ledger import Job, JobState
from napari_cellvino.workflows.field_task import FieldProgress

DONE = Job("/images/a.tif", state=JobState.DONE, fields=2, cells=31)


@pytest.mark.parametrize(
    ("text", "at", "fits"),
    [
        ("0 2 * * *", "2026-11-28 02:00", True),
        ("0 2 * * *", "2026-11-28 02:01", False),
        ("*/15 8-17 * * 1-5", "2026-11-27 17:45", True),
        ("*/15 8-17 * * 1-5", "2026-11-28 17:45", False),
        ("0 0 1 * 7", "2026-11-29 00:00", True),
        ("0 0 1 * 7", "2026-12-01 00:00", True),
        ("5/20 0 * * *", "2026-12-01 00:45", True),
    ],
)
def test_times_of_cron(text, at, fits):
    assert Cron.parse(text).fits(datetime.fromisoformat(at)) is fits


@pytest.mark.parametrize(
    "text", ["2", "60 2 * * *", "5-2 * * * *", "*/0 * * * *", "a * * * *", "1- * * * *", "-1 * * * *"]
)
def test_what_is_no_schedule_is_refused(text):
    with pytest.raises(ValueError, match="cron|minute"):
        Cron.parse(text)
    with pytest.raises(ValidationError):
        RuleBook(start=text)


def test_schedule_opens_until_everything_is_done(tmp_path):
    now = [datetime(2026, 11, 28, 1, 59, 30).timestamp()]
    gate = StartGate(RuleBook(start="0 2 * * *", keep_free_gb=0), tmp_path, lambda: now[0])
    assert "0 2 * * *" in gate.why_not(paused=False)
    now[0] += 60
    assert gate.why_not(paused=False) == ""
    now[0] += 3 * 3600
    assert gate.why_not(paused=False) == "", "what waits is run to its end"
    assert StartGate(RuleBook(start="0 2 * * *"), tmp_path, lambda: now[0], is_started=gate.is_started).is_started
    gate.close()
    assert gate.why_not(paused=False)


def test_watch_that_is_begun_again_goes_on_with_what_its_schedule_began(make_watch, inbox, crops, engines):
    tifffile.imwrite(inbox / "a.tif", crops[0])
    now = [datetime(2026, 11, 28, 1, 59, 30).timestamp()]
    book = RuleBook(start="0 2 * * *", keep_free_gb=0)
    watch, stop = make_watch(book, clock=lambda: now[0]), threading.Event()
    for event in watch.run(stop, engines):
        if isinstance(event, Idle):
            now[0] += 60
        elif isinstance(event, FieldProgress):
            stop.set()  # the computer goes off in the middle
    now[0] += 600
    states = [job.state for job in watch.ledger.jobs()]
    assert states == [JobState.WAITING]
    ended = list(make_watch(book, clock=lambda: now[0]).run(threading.Event(), engines, once=True))
    assert [e.job.state for e in ended if isinstance(e, JobEnded)] == [JobState.DONE]
    assert not watch.ledger.started


def test_busy_computer_is_left_alone(tmp_path):
    percent = [90.0]
    gate = StartGate(RuleBook(only_when_idle=True, keep_free_gb=0), tmp_path, lambda: 0.0, lambda: percent[0])
    assert "busy" in gate.why_not(paused=False)
    percent[0] = 3.0
    assert gate.why_not(paused=False) == ""


@pytest.mark.parametrize("address", ["http://example.org/x", "https://localhost/x", "http://localhost.example.org/"])
def test_nobody_else_is_told(address):
    with pytest.raises(ValidationError, match="not on this computer"):
        Notify(webhook=address)


def test_command_and_address_are_told_once_of_jobs_that_ended(tmp_path, make_watch, inbox, crops, run_once):
    told: list[dict[str, object]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            return

    file = tmp_path / "told.txt"
    script = f"import sys; open({str(file)!r}, 'a').write(sys.stdin.read())"
    tifffile.imwrite(inbox / "a.tif", crops[0])
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        whom = Notify(command=(sys.executable, "-c", script), webhook=f"http://127.0.0.1:{server.server_port}/")
        run_once(make_watch(RuleBook(notify=whom)))
        server.shutdown()
    assert [message["jobs"] for message in told] == [{"done": 1}]
    assert [json.loads(line) for line in file.read_text().splitlines()] == told


def test_who_cannot_be_reached_stops_nothing(caplog):
    notify(Notify(command=("/no/such/program",), webhook="http://127.0.0.1:9/"), [DONE])
    assert len([r for r in caplog.records if "was not told" in r.getMessage()]) == 2


def test_a_redirection_is_not_followed_but_named(caplog):
    asked: list[str] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(302)
            self.send_header("Location", "/other")
            self.end_headers()

        def log_message(self, *_):
            return

    with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        notify(Notify(webhook=f"http://127.0.0.1:{server.server_port}/told?by=watch"), [DONE])
        server.shutdown()
    assert asked == ["/told?by=watch"]
    assert "was not told: it answered 302" in caplog.text
