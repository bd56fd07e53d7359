"""Work on a thread of its own, one task after the other; progress and results arrive in the window's thread.

napari's ``thread_worker`` was ruled out: it does not close a generator that is told to quit, runs pieces side by side
(one inference engine serves one thread), and raises errors where no panel can say what to do about them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from qtpy.QtCore import QObject, Qt, Signal

from napari_cellvino.core.errors import InferenceError
from napari_cellvino.engines.engine import InferenceCancelledError

Work = Callable[[], Any]
"""A function, or one that returns a generator that yields progress; runs on the thread."""


class _StoppedError(InferenceError):
    """The work was stopped between two steps."""


def _ignore(_: object = None) -> None:
    pass


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One piece of work and who is told its end: one of ``done``, ``failed``, ``stopped``, in the window's thread.

    What is ``lasting`` is done even if its worker is closed before it began.
    """

    done: Callable[[Any], None] = _ignore
    failed: Callable[[BaseException], None] = _ignore
    stopped: Callable[[], None] = _ignore
    progressed: Callable[[Any], None] = _ignore  # called with each item that a generator yields
    lasting: bool = False
    wish: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Stop before the next step."""
        self.wish.set()


class SerialWorker(QObject):
    """One thread. It starts with the first piece of work and ends, after the step it is in, with `close`."""

    _call_later = Signal(object)  # a function without arguments, to be called in the thread of the window

    def __init__(self) -> None:
        super().__init__()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="cellvino")
        self._tasks: list[Task] = []
        self._open = True
        self._call_later.connect(self._call, Qt.ConnectionType.QueuedConnection)

    def start(self, work: Work, task: Task) -> Task:
        """Queue ``work`` and return ``task``, which is told its end."""
        if self._open:
            self._tasks.append(task)
            future = self._pool.submit(self._follow, work, task)
            future.add_done_callback(lambda ended: self._call_later.emit(partial(self._end, task, ended)))
        return task

    @property
    def busy(self) -> bool:
        """Whether any work is queued or under way."""
        return bool(self._tasks)

    def close(self) -> None:
        """Stop everything but lasting work; no signal is sent any more."""
        self._open = False
        for task in self._tasks:
            if not task.lasting:
                task.stop()  # what did not begin ends where it would
        self._tasks.clear()
        self._pool.shutdown(wait=False)

    def _follow(self, work: Work, task: Task) -> object:
        if task.wish.is_set():
            raise _StoppedError("stopped")
        made = work()
        if not isinstance(made, Generator):
            return made
        with closing(made) as steps:
            while True:
                try:
                    event = next(steps)
                except StopIteration as end:
                    return end.value
                if task.wish.is_set():
                    raise _StoppedError("stopped")
                self._call_later.emit(partial(task.progressed, event))

    def _call(self, call: Callable[[], None]) -> None:
        if self._open:
            call()

    def _end(self, task: Task, ended: Future[Any]) -> None:
        self._tasks.remove(task)
        error = ended.exception()
        if isinstance(error, (_StoppedError, InferenceCancelledError)) or (error is None and task.wish.is_set()):
            task.stopped()
        elif error is not None:
            task.failed(error)
        else:
            task.done(ended.result())
