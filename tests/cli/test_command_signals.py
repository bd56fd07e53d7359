"""What stops other programs stops a command as Ctrl+C does, and is as it was afterwards."""

import os
import signal
import sys

import pytest

from napari_cellvino import cli

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")


@pytest.fixture(autouse=True)
def usual_signals():
    """A terminal that closes is heard, also where the tests themselves run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def stopped(options):
    os.kill(os.getpid(), signal.SIGHUP)
    signal.pause()  # never reached


def test_a_terminal_that_closes_ends_a_command_in_order(monkeypatch, capsys):
    monkeypatch.setattr(cli, "_run", stopped)
    assert cli.main(["devices"]) == 1
    assert "stopped; finished fields are kept" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL


def test_under_nohup_it_goes_on(monkeypatch):
    monkeypatch.setattr(cli, "_run", lambda options: os.kill(os.getpid(), signal.SIGHUP) or 0)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert cli.main(["devices"]) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_may_not_be_entered_is_no_traceback(monkeypatch, capsys):
    def refuse(options):
        raise PermissionError(13, "Permission denied", "/private/images")

    monkeypatch.setattr(cli, "_run", refuse)
    assert cli.main(["devices"]) == 1
    assert capsys.readouterr().err.startswith("cellvino: /private/images may not be")
