"""Stages are logged with their field and seconds where somebody listens, and cost nothing elsewhere."""

import logging
import subprocess
import sys
import time

import pytest

from napari_cellvino.core.stage_log import timed_stage

logger = logging.getLogger("napari_cellvino.core.test")


def test_a_stage_has_its_field_and_seconds(caplog):
    with caplog.at_level(logging.DEBUG, "napari_cellvino"), timed_stage(logger, "read", "A01_s1", "3 planes"):
        time.sleep(0.01)
    (record,) = caplog.records
    assert (record.stage, record.field, record.levelno) == ("read", "A01_s1", logging.DEBUG)
    assert record.seconds >= 0.01
    for fact in ("read", "A01_s1", "3 planes", f"{record.seconds:.3f}"):
        assert fact in record.getMessage()


def test_a_stage_that_fails_has_no_time(caplog):
    caplog.set_level(logging.DEBUG, "napari_cellvino")
    with pytest.raises(OSError, match="lost"), timed_stage(logger, "read", "A01_s1"):
        raise OSError("lost")
    assert caplog.records == []


def test_nothing_is_logged_where_nobody_listens(caplog, monkeypatch):
    monkeypatch.setattr(logger, "debug", lambda *a, **k: pytest.fail("logged"))
    with caplog.at_level(logging.INFO, "napari_cellvino"), timed_stage(logger, "read", "A01_s1"):
        pass


def test_the_library_sets_no_level_and_prints_nothing():
    code = """
import logging
import napari_cellvino.workflows.run_folder
package = logging.getLogger("napari_cellvino")
assert [type(h).__name__ for h in package.handlers] == ["NullHandler"], package.handlers
assert package.level == logging.NOTSET and package.propagate
assert logging.getLogger().handlers == []
logging.getLogger("napari_cellvino.core").warning("not seen")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
