"""Python's search for garbage, in the window's thread only as long as a window of ours is there.

Python searches in whichever thread makes the next object. What is found there is deleted there, also widgets of a dock
that was closed and figures: Qt and what draws allow that in the thread of the window only, and in that of a run it may
end the program, now and then. To break every circle of references by hand was ruled out: napari, matplotlib and vispy
have theirs. A timer searches instead, about as often as Python would, when the thread has nothing else to do.
"""

from __future__ import annotations

import gc
from time import perf_counter

from qtpy.QtCore import QCoreApplication, QObject, QTimer

LOOK_MS = 50  # from one look at what was made since to the next
YOUNG, OLDER = 2_000, 10  # objects, or searches, after which the next generation is searched; Python has 700 and 10
MOST = 0.01  # of the time that is spent with searches through all
VALVE = 10_000_000  # objects that a thread may make while the window stands still, before Python searches by itself
REST_MS = 1000  # after the last window closed, until all is searched and Python does it again


class GarbageSearch(QObject):
    """Searches while it has a user; the application has one, as there is one search for all threads."""

    def __init__(self, application: QCoreApplication) -> None:
        super().__init__(application)
        self._users, self._searches = 0, False
        self._before = gc.get_threshold()
        self._next = 0.0  # when all may be searched through again
        self._look_later, self._end_later = QTimer(self), QTimer(self)
        self._look_later.setInterval(LOOK_MS)
        self._look_later.timeout.connect(self._look)
        self._end_later.setSingleShot(True)
        self._end_later.setInterval(REST_MS)
        self._end_later.timeout.connect(self._end)

    def begin(self) -> None:
        """Search here, and in no other thread, until `end` was called as often."""
        self._users += 1
        self._end_later.stop()
        if not self._searches:
            self._searches, self._before = True, gc.get_threshold()
            gc.set_threshold(VALVE, *self._before[1:])
            self._look_later.start()

    def end(self) -> None:
        """Let Python search as before, once what the last user leaves was found."""
        self._users -= 1
        if not self._users:
            self._end_later.start()

    def _end(self) -> None:
        self._look_later.stop()
        gc.collect()
        gc.set_threshold(*self._before)
        self._searches = False

    def _look(self) -> None:
        young, middle, old = gc.get_count()
        if young < YOUNG:
            return
        if middle <= OLDER:
            gc.collect(0)
        elif old <= OLDER or perf_counter() < self._next:
            gc.collect(1)
        else:
            began = perf_counter()
            gc.collect()
            self._next = perf_counter() + (perf_counter() - began) / MOST


def garbage_search() -> GarbageSearch:
    """Return the search of the application."""
    application = QCoreApplication.instance()
    if application is None:
        raise RuntimeError("there is no Qt application yet")
    return application.findChild(GarbageSearch) or GarbageSearch(application)
