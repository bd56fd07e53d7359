from __future__ import annotations

import threading
from collections.abc import Generator, Iterator

import pytest
from pytestqt.qtbot import QtBot

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.progress import Progress
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task


@pytest.fixture
def worker(qtbot: QtBot) -> Iterator[SerialWorker]:
    worker = SerialWorker()
    yield worker
    worker.close()


def test_generator_runs_elsewhere_and_is_heard_here(worker: SerialWorker, qtbot: QtBot) -> None:
    where: list[str] = []
    heard: list[object] = []

    def work() -> Generator[Progress, None, str]:
        where.append(threading.current_thread().name)
        yield Progress("steps", 1, 2)
        yield Progress("steps", 2, 2)
        return "result"

    def on_event(what: object) -> None:
        assert threading.current_thread() is threading.main_thread()
        heard.append(what)

    worker.start(work, Task(done=on_event, progressed=on_event))
    qtbot.waitUntil(lambda: not worker.busy, timeout=60_000)
    assert heard == [Progress("steps", 1, 2), Progress("steps", 2, 2), "result"]
    assert where[0].startswith("cellvino")


def test_stopped_generator_is_closed_and_only_stopped_is_heard(worker: SerialWorker, qtbot: QtBot) -> None:
    closed, heard = threading.Event(), []
    going, stop = threading.Event(), threading.Event()

    def work() -> Generator[Progress, None, None]:
        try:
            while True:
                going.set()
                stop.wait(10)
                yield Progress("steps", 1, 2)
        finally:
            closed.set()

    task = worker.start(work, Task(done=heard.append, failed=heard.append, stopped=lambda: heard.append("stopped")))
    assert going.wait(10)
    task.stop()
    stop.set()
    qtbot.waitUntil(lambda: not worker.busy, timeout=60_000)
    assert heard == ["stopped"]
    assert closed.is_set()


def test_work_goes_one_after_the_other_and_errors_arrive(worker: SerialWorker, qtbot: QtBot) -> None:
    order: list[object] = []

    def fail() -> None:
        order.append("first")
        raise OptionError("no")

    worker.start(fail, Task(failed=lambda error: order.append(type(error))))
    worker.start(lambda: order.append("second"), Task(done=lambda _: order.append("done")))
    qtbot.waitUntil(lambda: not worker.busy, timeout=60_000)
    assert order.index("first") < order.index("second")
    assert order.index(OptionError) < order.index("done")


def test_closed_lane_says_nothing_and_ends_its_thread(worker: SerialWorker, qtbot: QtBot) -> None:
    going, heard = threading.Event(), []

    def work() -> Generator[Progress, None, None]:
        going.set()
        yield Progress("steps", 1, 1)

    worker.start(work, Task(done=heard.append, progressed=heard.append, stopped=lambda: heard.append("stopped")))
    assert going.wait(10)
    worker.close()
    qtbot.waitUntil(lambda: not [t for t in threading.enumerate() if t.name.startswith("cellvino")], timeout=60_000)
    qtbot.wait(50)
    assert heard == []
    worker.start(lambda: heard.append("late"), Task())
    qtbot.wait(50)
    assert heard == []
