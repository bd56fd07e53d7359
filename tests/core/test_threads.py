"""Threads are as many as a process may use, and what is imported ahead is there when it is needed."""

import sys
import threading
import time

import pytest

from napari_cellvino.core import threads
from napari_cellvino.core.threads import beside, import_ahead, limit_threads, together


@pytest.fixture
def limited():
    yield limit_threads
    limit_threads(threads.THREADS)


def test_a_process_with_one_thread_begins_no_others(limited):
    def name(number):
        return number, threading.current_thread().name

    limited(1)
    assert together(name, range(3)) == [(n, threading.current_thread().name) for n in range(3)]
    limited(2)
    assert [n for n, _ in together(name, range(3))] == [0, 1, 2]
    assert {said for _, said in together(name, range(3))}.isdisjoint({threading.current_thread().name})


def test_the_same_threads_work_each_time_and_what_they_begin_themselves_ends(limited):
    def name(_):
        time.sleep(0.02)
        return threading.get_ident()

    def inner(number):
        return together(name, range(number + 2))

    limited(2)
    first, second = set(together(name, range(6))), set(together(name, range(6)))
    assert first == second
    assert len(first) == 2
    for number, idents in enumerate(together(inner, range(4))):  # no thread waits for what stands behind it
        assert len(idents) == number + 2
        assert len(set(idents)) == 1


def test_nothing_goes_on_where_one_of_several_has_failed(limited):
    ended = []

    def work(number):
        if number == 0:
            raise ValueError("the first")
        time.sleep(0.05)
        ended.append(number)

    limited(2)
    with pytest.raises(ValueError, match="the first"):
        together(work, range(8))
    so_far = list(ended)
    time.sleep(0.2)
    assert ended == so_far


def test_what_is_imported_ahead_is_there_and_what_is_missing_fails_later(tmp_path, monkeypatch):
    (tmp_path / "looked_for_later.py").write_text("value = 7")
    monkeypatch.syspath_prepend(tmp_path)
    import_ahead("no_such_module_at_all", "looked_for_later")
    for thread in threading.enumerate():
        if thread.name == "cellvino-import":
            thread.join(10)
    assert sys.modules.pop("looked_for_later").value == 7


def test_what_is_done_beside_a_block_is_done_after_it_and_its_error_raised() -> None:
    done = []
    inside = threading.Event()
    with beside(lambda: (inside.wait(20), done.append(threading.current_thread()))):
        inside.set()
    (thread,) = done
    assert thread is not threading.current_thread()
    with pytest.raises(OSError, match="full"), beside(lambda: fail(OSError("full"))):
        pass


def test_what_goes_on_beside_a_block_that_fails_has_ended() -> None:
    done = []
    with (
        pytest.raises(ValueError, match="own"),
        beside(lambda: (time.sleep(0.05), done.append(1), fail(OSError("other")))),  # so the block fails first
    ):
        raise ValueError("own")
    assert done == [1]


def fail(error: Exception) -> None:
    raise error
