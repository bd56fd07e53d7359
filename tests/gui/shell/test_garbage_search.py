from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import napari
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QLabel

from napari_cellvino.gui.shell.window import CellvinoWindow
from napari_cellvino.gui.widgets.serial_worker import Task

from ..conftest import WAIT_MS


@pytest.fixture
def searched_in() -> Iterator[set[int]]:
    """The threads in which garbage is searched from now on."""
    threads = set[int]()

    def note(phase: str, _: object) -> None:
        if phase == "start":
            threads.add(threading.get_ident())

    gc.callbacks.append(note)
    yield threads
    gc.callbacks.remove(note)


def test_widgets_are_never_deleted_in_the_thread_of_a_run(
    window: CellvinoWindow, searched_in: set[int], qtbot: QtBot
) -> None:
    circle: dict[str, object] = {"label": QLabel("left by a panel that was closed")}
    circle["itself"] = circle
    gone, deleted_in = weakref.ref(circle["label"]), list[int]()
    weakref.finalize(circle["label"], lambda: deleted_in.append(threading.get_ident()))
    del circle
    ended = list[object]()
    window.session.files.start(lambda: [[number] for number in range(200_000)], Task(done=ended.append))
    qtbot.waitUntil(lambda: bool(ended), timeout=WAIT_MS)
    made = list[object]()

    def more_is_made() -> bool:
        gc.unfreeze()  # a window sets aside what is there once it stands
        made.extend([[number] for number in range(20_000)])
        return gone() is None

    qtbot.waitUntil(more_is_made, timeout=WAIT_MS)
    assert searched_in == {threading.get_ident()}
    assert deleted_in == [threading.get_ident()]


def test_a_run_and_its_review_search_in_the_window_only(
    window: CellvinoWindow,
    open_file: Callable[[CellvinoWindow, Path], None],
    dna_file: Path,
    run: Callable[[CellvinoWindow], None],
    searched_in: set[int],
    qtbot: QtBot,
) -> None:
    open_file(window, dna_file)
    run(window)
    window.show_step(3)
    qtbot.waitUntil(lambda: not window.session.busy and bool(searched_in), timeout=WAIT_MS)
    assert searched_in == {threading.get_ident()}


def test_python_searches_as_before_once_the_last_window_is_closed(
    window: CellvinoWindow, viewer: napari.Viewer, qtbot: QtBot
) -> None:
    before = gc.get_threshold()
    assert before[0] > 1_000_000
    viewer.window.remove_dock_widget(window)
    qtbot.waitUntil(lambda: gc.get_threshold()[0] < 100_000, timeout=WAIT_MS)
