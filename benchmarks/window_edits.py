"""How long corrections hold up the window: steps of a review in a real viewer, in the thread of the window.

Times are of the processor in that thread, from the wish until the new pixels, panel and signs are drawn; subtracted is
what napari needs by itself to draw the same region of the layer again. What is brought up to date once there is a
moment's rest (rows of the table, boxes, what the status bar tells) is given apart.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from benchmarks.figure import Figure, NotMeasuredError
from benchmarks.scenes import nuclei_field

if TYPE_CHECKING:
    from napari_cellvino.gui.shell.window import CellvinoWindow

BLOCK_MS, QUEUE_MS = 16.0, 500.0
REST_S = 0.7  # longer than any delay after an edit
SIZE = (1280, 800)
EMPTY_FROM = 1536  # px
FIRST, APART = 40, 23  # which cells of the field are edited

Step = Callable[[], object]


def measure_window_edits(repeats: int) -> list[Figure]:
    """Return the median milliseconds that each step of a review takes of the window's thread, and opening the queue.

    Raises
    ------
    NotMeasuredError
        If there is no display, not even a virtual one.
    """
    check_display()
    with _reviewing() as window:
        cells = len(window.session.reviewer.annotation.records)
        opening = [_opening(window) for _ in range(max(3, repeats // 3))]
        own, taken, later = _steps(window, repeats)
    each = [Figure(f"  {name}", _median_ms(held) - _median_ms(own), "ms") for name, held in taken.items()]
    slowest = max(each, key=lambda figure: figure.value)
    return [
        Figure(f"slowest step with {cells:,} cells:{slowest.name[1:]}", slowest.value, "ms", BLOCK_MS),
        *each,
        Figure("  napari's own drawing of a region, subtracted", _median_ms(own), "ms"),
        Figure("  at rest after a step", _median_ms(later), "ms"),
        Figure("opening the queue", _median_ms(opening), "ms", QUEUE_MS),
    ]


def _median_ms(seconds: list[float]) -> float:
    return 1000 * statistics.median(seconds)


def check_display() -> None:
    """Raise `NotMeasuredError` if there is no display."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise NotMeasuredError("a viewer needs a display; start it with one, or with a virtual one (xvfb-run -a …)")


def _as_new(folder: str) -> dict[str, str]:
    """Return an environment in which nobody worked before: no times of runs, no list of last time and its gates."""
    return {"CELLVINO_CACHE": f"{folder}/cache", "CELLVINO_SETTINGS": f"{folder}/settings.json"}


@contextmanager
def bench_window() -> Iterator[CellvinoWindow]:
    """Yield the window of a new viewer, at rest, that saves into a folder of its own.

    So does it keep what runs took: those of a benchmark take no time, and are no lesson for the user's window.
    """
    import napari

    from napari_cellvino.gui.shell.demo import settle

    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, _as_new(folder)):
        viewer = napari.Viewer(show=True)
        viewer.window.resize(*SIZE)
        _, window = viewer.window.add_plugin_dock_widget("napari-cellvino", "CellVINO")
        settle(window)
        window.session.saver.choose(folder)
        settle(window)
        yield window
        viewer.close()


@contextmanager
def _reviewing() -> Iterator[CellvinoWindow]:
    """Run the model on a (2048, 2048) field in a viewer, and yield its window with the Review tab open."""
    from napari_cellvino.gui.shell.demo import settle

    with bench_window() as window:
        window.session.viewer.add_image(_field(), name="field")
        settle(window)
        window.session.runner.run()
        settle(window)
        window.show_step(3)
        rest()
        yield window


def _field() -> NDArray[np.uint16]:
    """Return a (2048, 2048) field with about 2,000 nuclei in three quarters of it."""
    field = np.tile(nuclei_field(), (2, 2))
    field[:, EMPTY_FROM:] = np.median(field)
    return field


def _opening(window: CellvinoWindow) -> float:
    """Return the seconds from the wish for a queue to its rows in the table."""
    start = time.thread_time()
    window.session.reviewer.queue.renew()
    rest()
    return time.thread_time() - start


def _steps(window: CellvinoWindow, repeats: int) -> tuple[list[float], dict[str, list[float]], list[float]]:
    """Return the seconds of napari's own drawing, of each step, and of what follows an edit at rest."""
    from napari_cellvino.gui.review import actions

    session = window.session
    reviewer, layer = session.reviewer, session.review_canvas.layer
    edits = {
        "accept": actions.ACCEPT, "grow": actions.GROW, "undo": actions.UNDO, "delete": actions.DELETE,
        "undo delete": actions.UNDO,
    }  # fmt: skip
    taken: dict[str, list[float]] = {name: [] for name in ("select", *edits)}
    own, later = [], []
    for number in range(repeats):
        id_ = sorted(reviewer.annotation.records)[FIRST + APART * number]
        region = reviewer.annotation.geometry(id_).region
        own.append(_timed(lambda r=region: layer.refresh(r)))
        taken["select"].append(_timed(lambda i=id_: reviewer.select([i])))
        for name, action in edits.items():
            reviewer.select([id_])
            rest()
            taken[name].append(_timed(lambda a=action: a.run(reviewer)))
            later.append(_timed(rest))
    return own, taken, later


def _timed(step: Step) -> float:
    """Return the seconds of a step with what is drawn at once."""
    from qtpy.QtWidgets import QApplication

    start = time.thread_time()
    step()
    QApplication.processEvents()
    return time.thread_time() - start


def rest() -> None:
    """Let the window do all that it has to."""
    from qtpy.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    QTimer.singleShot(round(1000 * REST_S), loop.quit)
    loop.exec()
