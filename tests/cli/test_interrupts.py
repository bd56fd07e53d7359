"""Ctrl+C that came where Python drops it is heard at the next place that asks."""

import signal

import pytest

from napari_cellvino import cli


class Dropping:
    """Raises where nobody can catch it: in a destructor."""

    def __del__(self):
        signal.raise_signal(signal.SIGINT)


@pytest.fixture
def heard():
    """Hear Ctrl+C as at a terminal, also where the tests run in the background of a shell, which has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("heard")
def test_an_interrupt_in_a_destructor_stops_the_command(monkeypatch, capsys):
    def load(name):
        Dropping()
        return SimpleRun

    class SimpleRun:
        """A command that must not run."""

        @staticmethod
        def run(options):
            raise AssertionError("it went on")

    monkeypatch.setattr("napari_cellvino.cli.parser.import_module", load)
    assert cli.main(["devices"]) == cli.FAILED
    assert "stopped" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
