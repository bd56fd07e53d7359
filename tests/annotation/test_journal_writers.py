"""A journal has one writer, what it was given outlives it, and a killed one lets go."""

import subprocess
import sys
import threading

import pytest

from napari_cellvino.annotation.recovery import find_unsaved, resume_session, start_session
from napari_cellvino.annotation.tools.mark import accept
from napari_cellvino.core.errors import JournalBusyError
from tests.annotation.conftest import annotate

WINDOW = """
import sys
from pathlib import Path
from napari_cellvino.annotation.recovery import start_session
from napari_cellvino.annotation.tools.mark import accept
from tests.annotation.random_edits import scene

annotation = scene(1)
session = start_session(Path(sys.argv[1]), annotation)
session.commit(accept(annotation, [next(iter(annotation.records))]))
print("done", flush=True)
sys.stdin.read()
"""


def test_a_second_window_is_told_until_the_first_one_is_gone(two, tmp_path, root):
    path = tmp_path / "a.corrections"
    command = [sys.executable, "-c", WINDOW, str(path)]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "done\n"
        written = path.read_bytes()
        for begin in (start_session, resume_session):
            with pytest.raises(JournalBusyError, match=r"^a is being corrected in another window"):
                begin(path, two)
        assert [file.name for file in tmp_path.iterdir()] == ["a.corrections"]
        assert path.read_bytes() == written, "looking at it changes nothing"
        other.kill()
    start_session(path, two).close()
    assert (tmp_path / "a.corrections.old-1").read_bytes() == written


def test_the_writer_stays_the_only_one_after_a_save(two, tmp_path):
    path, elsewhere = tmp_path / "a.corrections", tmp_path / "b" / "a.corrections"
    session = start_session(path, two)
    for place in (path, elsewhere):
        session.commit(accept(two, [1])) if place == path else session.undo()
        with session.snapshot().saving(place):
            pass
        with pytest.raises(JournalBusyError):
            start_session(place, two)
    other = start_session(path, two)
    other.commit(accept(two, [2]))
    with pytest.raises(JournalBusyError), session.snapshot().saving(path):
        pass
    assert find_unsaved(path, annotate(two.labels)).steps == 1, "a save to the place of another does not take it over"
    other.close()
    session.close()


def test_a_step_is_in_the_file_when_it_is_made_also_while_the_disk_is_slow(two, tmp_path, monkeypatch):
    path, saved, go_on = tmp_path / "a.corrections", annotate(two.labels), threading.Event()
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", lambda handle: go_on.wait())
        session = start_session(path, two)
        for number in (1, 2, 3):
            session.commit(accept(two, [number]))
            assert find_unsaved(path, saved).steps == number
        go_on.set()
        session.journal.flush()
    session.close()
    assert resume_and_close(path, saved) == 3


def resume_and_close(path, annotation):
    resumed = resume_session(path, annotation)
    resumed.session.close()
    return resumed.steps
