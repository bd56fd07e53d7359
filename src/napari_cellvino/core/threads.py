"""Work on several things at a time, on threads: arrays are calculated with outside of Python's lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib import import_module
from threading import Thread, current_thread
from typing import TypeVar

Given = TypeVar("Given")
Done = TypeVar("Done")

TOGETHER = "kept-together"  # what the threads are called that work on several things, as long as the process lives
THREADS = min(4, os.cpu_count() or 1)
_used = THREADS


def limit_threads(threads: int) -> None:
    """Let `together` use so many threads in this process, where others work beside it."""
    global _used
    _used = min(threads, THREADS)


def used_threads() -> int:
    """Return how many threads this process is to use."""
    return _used


def together(work: Callable[[Given], Done], each: Iterable[Given]) -> list[Done]:
    """Return what ``work`` makes of each of some things, several at a time."""
    things = list(each)
    if len(things) < 2 or _used < 2 or current_thread().name.startswith(TOGETHER):  # the others work already
        return [work(thing) for thing in things]
    pool = _pool(os.getpid(), _used)
    begun = [pool.submit(work, thing) for thing in things]
    try:
        return [one.result() for one in begun]
    finally:
        for one in begun:
            one.cancel()
        wait(begun)  # nothing of it goes on where one has failed


@lru_cache(maxsize=1)
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Return the threads of this process: to begin some each time takes as long as some of what they do."""
    return ThreadPoolExecutor(threads, thread_name_prefix=TOGETHER)


def begin(work: Callable[[], Done]) -> Future[Done]:
    """Begin something on a thread of its own; the program ends without it where nobody waits for it."""
    future: Future[Done] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # raised where the result is asked for
            future.set_exception(error)

    Thread(target=run, name="cellvino-beside", daemon=True).start()
    return future


@contextmanager
def beside(work: Callable[[], object]) -> Iterator[None]:
    """Do something on a thread of its own beside what the block does; it is done when the block is left.

    What it raises is raised then, unless the block has failed itself.
    """
    begun = begin(work)
    try:
        yield
    finally:
        wait((begun,))
    begun.result()


def import_ahead(*names: str) -> None:
    """Begin to import modules that take long, while something else is waited for; what needs them waits for them.

    What cannot be imported fails where it is needed.
    """

    def load() -> None:
        for name in names:
            with suppress(ImportError):
                import_module(name)

    Thread(target=load, name="cellvino-import", daemon=True).start()
