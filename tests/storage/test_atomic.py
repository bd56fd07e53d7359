"""A target is there whole or as it was, whatever happens while it is written."""

import errno
import os
import re
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from napari_cellvino.core.errors import ImageReadError, OutputError
from napari_cellvino.storage import atomic
from napari_cellvino.storage.atomic import (
    UnwrittenError,
    atomic_folder,
    atomic_path,
    left_behind_in,
    recover,
    set_aside,
)
from napari_cellvino.storage.ledger_file import is_gone


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_file_appears_complete_and_alone(tmp_path):
    target = tmp_path / "deep" / "table.csv"
    with atomic_path(target) as part:
        assert part.parent == target.parent
        assert part.suffix == ".csv"
        part.write_text("a")
        assert not target.exists()
    assert target.read_text() == "a"
    assert names(target.parent) == ["table.csv"]


def test_files_of_a_folder_go_to_the_disk_once_and_a_folder_looked_after_lists_nothing(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(atomic, "_flush", lambda file: flushed.append(file.name))
    with atomic_path(tmp_path / "table.csv") as part:
        part.write_text("a")
    assert len(flushed) == 1
    flushed.clear()
    with atomic_folder(tmp_path / "field 1") as folder, atomic_path(folder / "table.csv") as part:
        part.write_text("a")
    assert flushed == ["table.csv"], "with the folder, not before"
    monkeypatch.setattr(atomic, "_siblings", lambda path: pytest.fail("all names were listed"))
    with atomic_folder(tmp_path / "field 2", recovered=True) as folder:
        (folder / "a").touch()
    assert names(tmp_path) == ["field 1", "field 2", "table.csv"]


@pytest.mark.parametrize("failure", [ValueError("bug"), KeyboardInterrupt()])
def test_failure_keeps_the_old_file(tmp_path, failure):
    target = tmp_path / "table.csv"
    target.write_text("old")

    def write():
        with atomic_path(target) as part:
            part.write_text("half")
            raise failure

    with pytest.raises(type(failure)):
        write()
    assert target.read_text() == "old"
    assert names(tmp_path) == ["table.csv"]


@pytest.mark.parametrize(
    ("code", "words"),
    [(errno.ENOSPC, "disk"), (errno.EROFS, "read-only"), (errno.EACCES, "permission"), (errno.EIO, "another")],
)
@pytest.mark.parametrize("writer", [atomic_path, atomic_folder])
def test_errors_of_the_system_name_target_and_remedy(tmp_path, monkeypatch, writer, code, words):
    target = tmp_path / "result"

    def fail(*_):
        raise OSError(code, os.strerror(code))

    def write():
        with writer(target) as part:
            (part / "inside" if part.is_dir() else part).write_text("x")

    monkeypatch.setattr("napari_cellvino.storage.atomic.os.fsync", fail)
    with pytest.raises(OutputError, match=words) as caught:
        write()
    assert str(target) in str(caught.value)
    assert caught.value.__cause__.errno == code
    assert names(tmp_path) == []


def test_own_errors_pass_unchanged(tmp_path):
    with pytest.raises(ImageReadError, match=r"^broken$"), atomic_path(tmp_path / "a"):
        raise ImageReadError("broken")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not bind this user")
def test_read_only_folder(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match=re.escape(str(tmp_path / "a"))), atomic_path(tmp_path / "a") as part:
            part.write_text("x")
    finally:
        tmp_path.chmod(0o700)


def test_folder_as_parent_of_a_file(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match=re.escape(str(tmp_path / "file"))), atomic_path(tmp_path / "file" / "a"):
        pass


def test_file_where_a_folder_is(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(OutputError, match=re.escape(str(tmp_path / "a"))), atomic_path(tmp_path / "a") as part:
        part.write_text("x")
    assert names(tmp_path) == ["a"]


def test_folder_where_a_file_is(tmp_path):
    (tmp_path / "a").write_text("kept")
    with pytest.raises(OutputError, match=re.escape(str(tmp_path / "a"))), atomic_folder(tmp_path / "a"):
        pass
    assert (tmp_path / "a").read_text() == "kept"


def test_folder_is_replaced_whole(tmp_path):
    target = tmp_path / "run"
    for content in ("first", "second"):
        with atomic_folder(target) as part:
            (part / content).write_text(content)
    assert names(target) == ["second"]
    assert names(tmp_path) == ["run"]


def test_failure_keeps_the_old_folder(tmp_path):
    target = tmp_path / "run"
    target.mkdir()
    (target / "old").write_text("old")

    def write():
        with atomic_folder(target) as part:
            (part / "new").write_text("new")
            raise ValueError("bug")

    with pytest.raises(ValueError, match="bug"):
        write()
    assert names(target) == ["old"]
    assert names(tmp_path) == ["run"]


def test_old_folder_comes_back_when_the_new_cannot_be_put_in_place(tmp_path, monkeypatch):
    target = tmp_path / "run"
    target.mkdir()
    (target / "old").write_text("old")
    rename = os.replace

    def fail_for_part(source, destination):
        if Path(source).name.startswith(".part-"):
            raise OSError(errno.EACCES, "Access denied")
        rename(source, destination)

    monkeypatch.setattr("napari_cellvino.storage.atomic.os.replace", fail_for_part)
    with pytest.raises(OutputError, match=re.escape(str(target))), atomic_folder(target) as part:
        (part / "new").write_text("new")
    assert names(target) == ["old"]
    assert names(tmp_path) == ["run"]


def left_by_dead_process(tmp_path, *, kind):
    """Return the name a process that has ended gave to its part of ``run``."""
    script = f"""
from pathlib import Path
from napari_cellvino.storage.atomic import _sibling
print(_sibling(Path({str(tmp_path / "run")!r}), {kind!r}))
"""
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return Path(shown.stdout.strip())


def test_parts_of_a_killed_run_are_removed(tmp_path):
    left = left_by_dead_process(tmp_path, kind="part")
    left.mkdir()
    (left / "half").write_text("x")
    with atomic_folder(tmp_path / "run") as part:
        assert names(tmp_path) == [part.name]
    assert names(tmp_path) == ["run"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no zombies: a process that ended is gone at once")
def test_parts_of_a_process_that_ended_and_nobody_asked_for_are_removed(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    while psutil.Process(ended.pid).status() != psutil.STATUS_ZOMBIE:  # `wait` would take it off the list
        time.sleep(0.01)
    dead = left_by_dead_process(tmp_path, kind="part").name.split("-")
    (tmp_path / "-".join([*dead[:2], str(ended.pid), *dead[3:]])).write_text("x")
    assert is_gone(f"{socket.gethostname()}|{ended.pid}|{int(psutil.Process(ended.pid).create_time() * 1000)}", 0, 0)
    recover(tmp_path / "run")
    ended.wait()
    assert names(tmp_path) == []


def test_parts_of_living_processes_other_machines_and_other_targets_stay(tmp_path):
    other = ".part-elsewhere-1234-01234567-run"
    stays = [other, left_by_dead_process(tmp_path, kind="part").name + "2", ".part-notes", "my.part-a-1-01234567-run"]
    for name in stays:
        (tmp_path / name).write_text("x")
    with atomic_path(tmp_path / "run") as outer:
        outer.write_text("outer")
        with atomic_path(tmp_path / "run") as inner:
            inner.write_text("inner")
        assert outer.exists()
    assert names(tmp_path) == sorted([*stays, "run"])
    os.utime(tmp_path / other, (0, 0))
    recover(tmp_path / "run")
    assert other not in names(tmp_path)


def test_folder_set_aside_by_a_killed_run_is_put_back(tmp_path):
    aside = left_by_dead_process(tmp_path, kind="aside")
    aside.mkdir()
    (aside / "old").write_text("old")
    recover(tmp_path / "run")
    assert names(tmp_path / "run") == ["old"]
    assert names(tmp_path) == ["run"]


def test_folder_set_aside_is_kept_where_something_else_is_in_place(tmp_path):
    """It may hold work that is nowhere else: of another host, or of any age, it is never removed."""
    names_left = [left_by_dead_process(tmp_path, kind="aside").name, ".aside-elsewhere-12-01234567-run"]
    for name in (*names_left, "run"):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (1, 1))
    with atomic_folder(tmp_path / "run") as part:
        (part / "new").write_text("x")
    recover(tmp_path / "run")
    assert names(tmp_path) == sorted([*names_left, "run"])
    assert sorted(path.name for path in set_aside(tmp_path / "run")) == sorted(names_left)
    assert left_behind_in(tmp_path) == [tmp_path / "run"]


@pytest.mark.parametrize("age_s", [0, 3 * 24 * 3600, -3 * 24 * 3600])
def test_folder_set_aside_by_another_machine_is_put_back_before_anything_else(tmp_path, age_s, monkeypatch):
    monkeypatch.setattr(atomic, "WAIT_S", 0.05)
    aside = tmp_path / ".aside-elsewhere-1234-01234567-run"
    aside.mkdir()
    (aside / "old").write_text("mine")
    os.utime(aside, (time.time() - age_s,) * 2)
    with atomic_folder(tmp_path / "run") as part:
        (part / "new").write_text((tmp_path / "run" / "old").read_text())
    assert (tmp_path / "run" / "new").read_text() == "mine"
    assert names(tmp_path) == ["run"]


def test_another_machine_that_is_just_putting_its_folder_in_place_is_waited_for(tmp_path):
    aside = tmp_path / ".aside-elsewhere-1234-01234567-run"
    aside.mkdir()
    timer = threading.Timer(0.2, (tmp_path / "run").mkdir)
    timer.start()
    recover(tmp_path / "run")
    timer.join()
    assert names(tmp_path) == [aside.name, "run"]


def test_parts_from_the_future_are_removed(tmp_path):
    part = left_by_dead_process(tmp_path, kind="part").name.replace("-", "-", 1)
    alive = f".part-{part.split('-')[1]}-{os.getpid()}-01234567-run"
    for name in (alive, ".part-elsewhere-1-01234567-run"):
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, (time.time() + 3 * 24 * 3600,) * 2)
    recover(tmp_path / "run")
    assert names(tmp_path) == []


def test_a_full_disk_names_the_file_as_it_would_be_called(tmp_path, monkeypatch):
    def write():
        with atomic_folder(tmp_path / "run") as part, atomic_path(part / "deep" / "table.csv") as file:
            file.write_text("x")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(UnwrittenError, match="the disk is full") as caught:
        write()
    assert caught.value.path == tmp_path / "run" / "deep" / "table.csv"
    assert ".part-" not in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="there a folder cannot be flushed")
def test_names_are_on_the_disk_before_a_write_is_over(tmp_path, monkeypatch):
    order, fsync, rename = [], os.fsync, os.replace
    kind = {True: "folder", False: "file"}
    monkeypatch.setattr(os, "fsync", lambda fd: (order.append(kind[stat.S_ISDIR(os.fstat(fd).st_mode)]), fsync(fd)))
    monkeypatch.setattr(os, "replace", lambda *names: (order.append("rename"), rename(*names)))
    with atomic_path(tmp_path / "a") as part:
        part.write_text("x")
    assert order == ["file", "rename", "folder"]
    order.clear()
    with atomic_folder(tmp_path / "b") as part:
        (part / "inside").write_text("x")
    assert order == ["file", "folder", "rename", "folder"]


KILLED = """
import os, sys
from pathlib import Path
from napari_cellvino.storage import atomic
rename, calls = os.replace, []
def kill(source, destination):
    if len(calls) == int(sys.argv[2]):
        os._exit(9)
    calls.append(1)
    rename(source, destination)
atomic.os.replace = kill
atomic._discard = lambda path: os._exit(9)
with atomic.atomic_folder(Path(sys.argv[1])) as part:
    (part / "new").write_text("new")
"""


@pytest.mark.parametrize(("renames", "content"), [(0, ["old"]), (1, ["old"]), (2, ["new"]), (3, ["new"])])
def test_a_kill_at_any_step_leaves_the_old_or_the_new(tmp_path, renames, content):
    target = tmp_path / "run"
    target.mkdir()
    (target / "old").write_text("old")
    ended = subprocess.run([sys.executable, "-c", KILLED, str(target), str(renames)], check=False)
    assert ended.returncode == 9
    recover(target)
    assert names(target) == content
    assert names(tmp_path) == ["run"]


def test_parts_of_parts_are_removed_too(tmp_path):
    """A writer that was handed a part, and wrote it as a whole itself, was killed."""
    with atomic_path(tmp_path / "a.csv") as outer:
        outer.touch()
        with atomic_path(outer) as inner:
            inner.write_text("half")
            left = inner.name
    (tmp_path / left).write_text("half")
    os.utime(tmp_path / left, (1, 1))  # older than this process: whoever wrote it is gone
    recover(tmp_path / "a.csv")
    assert names(tmp_path) == ["a.csv"]


def test_an_old_folder_is_not_put_back_by_who_looks_while_it_is_replaced(tmp_path, monkeypatch):
    folder, replace = tmp_path / "a", os.replace
    folder.mkdir()
    (folder / "old.txt").touch()
    os.utime(folder, (1, 1))  # long before this process began

    def watched(source, target):
        if os.path.basename(source).startswith(".part-"):
            recover(folder)  # as another thread, or a run beside this one, does before it reads
        replace(source, target)

    monkeypatch.setattr(os, "replace", watched)
    with atomic_folder(folder) as part:
        (part / "new.txt").write_text("new")
    assert names(tmp_path) == ["a"]
    assert (folder / "new.txt").is_file()
