"""How long the window stands still: a heartbeat in the thread of a real viewer, on a field of 4096 x 4096 px.

A stall is the time of the processor that the thread takes between two beats of a timer of a few ms: what other
programs do meanwhile is left out. Not our own is what napari takes to add a layer, to draw its canvas, to give its
whole window another theme, and to note where a dock stands: every 2 ms another thread looks where the window's thread
is. A viewer without our window, measured beside, was ruled out: what it takes for the same layer differs by 100 ms from
one time to the next. The network runs once on a small field, whose maps are put side by side.
"""

from __future__ import annotations

import gc
import math
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import zoom
from tifffile import imwrite

from benchmarks.figure import Figure
from benchmarks.scenes import in_memory, nuclei_field
from benchmarks.stall_steps import (
    many_at_once,
    of_a_slider,
    of_all_cells,
    of_closing,
    of_the_end,
    of_the_list,
    of_the_window,
)
from benchmarks.window_edits import bench_window, check_display
from napari_cellvino.core.progress import finish
from napari_cellvino.segmentation.predict import Prediction, decode
from napari_cellvino.segmentation.raw_maps import RawMaps
from napari_cellvino.workflows.outcome import Outcome
from napari_cellvino.workflows.workspace import Workspace

if TYPE_CHECKING:
    from napari_cellvino.gui.shell.window import CellvinoWindow

SIDE = 4096
FEW, MANY = 5_300, 14_000
STALL_MS, PREVIEW_MS, QUEUE_MS = 100.0, 500.0, 300.0
BEAT_MS = 4
EDITED = 40  # which cell is edited
MOVED: dict[str, float] = {
    "smallest": 60.0,
    "confidence": 0.8,
    "split": 0.35,
    "outline": 0.4,
}  # what sliders are moved to
LOOK_S = 0.002  # from one look at the thread of the window to the next
NAPARIS = {
    ("napari.components.layerlist", "insert"),
    ("napari.layers.labels.labels", "__init__"),
    ("napari.layers.vectors.vectors", "__init__"),
    ("vispy.app.backends._qt", "paintGL"),
    ("napari._qt.qt_main_window", "_update_theme"),
    ("napari._qt.widgets.qt_viewer_dock_widget", "_update_default_dock_area"),
}
BLOCK = 16  # px of a field that one step of the network's deepest layer is of

Step = Callable[[], object]


def measure_stalls(side: int = SIDE, wanted: tuple[int, ...] = (FEW, MANY)) -> list[Figure]:
    """Return the longest stall of each step of a first look at a field of ``side`` px, for each number of cells.

    Raises
    ------
    NotMeasuredError
        If there is no display, not even a virtual one.
    """
    check_display()
    return [figure for cells in wanted for figure in _measure(side, cells)]


def _measure(side: int, cells: int) -> list[Figure]:
    prediction = _tiled_prediction(side, cells)
    count = len(prediction.decoded.objects)
    with tempfile.TemporaryDirectory() as folder, bench_window() as window, _longest_garbage_search() as searches:
        image = Path(folder) / "field.tif"
        imwrite(image, np.asarray(prediction.plane.pixels[0]))
        stalls, clocks = _steps(window, prediction, image)
    longest = max(stall.own for stall in stalls.values())
    return [
        Figure(f"longest stall of our own, {count:,} cells on {side} x {side} px", 1000 * longest, "ms", STALL_MS),
        *(Figure(f"  {name}, of our own", 1000 * stall.own, "ms") for name, stall in stalls.items()),
        *(Figure(f"  {name}, with what napari takes", 1000 * stall.all, "ms") for name, stall in stalls.items()),
        *(
            figure
            for name in MOVED
            for figure in (
                Figure(f"  {name} to preview, by the clock", 1000 * clocks[name].seconds, "ms", PREVIEW_MS),
                Figure(f"  {name} to preview, of the processor", 1000 * clocks[name].processor, "ms"),
            )
        ),
        Figure("  opening the queue, by the clock", 1000 * clocks["queue"].seconds, "ms", QUEUE_MS),
        Figure("  longest search for garbage, which stops all threads", 1000 * max(searches), "ms", STALL_MS),
    ]


@contextmanager
def _longest_garbage_search() -> Iterator[list[float]]:
    """Yield the seconds of every search for garbage in the block, by the clock."""
    seconds, began = [0.0], [0.0]

    def listen(phase: str, _: object) -> None:
        if phase == "start":
            began[0] = time.perf_counter()
        else:
            seconds.append(time.perf_counter() - began[0])

    gc.callbacks.append(listen)
    yield seconds
    gc.callbacks.remove(listen)


def _steps(window: CellvinoWindow, found: Prediction, image: Path) -> tuple[dict[str, _Stall], dict[str, _Clock]]:
    """Return the longest stalls of each step, and the time from a slider, and the queue, to what is seen.

    ``found`` is what a run on the file ``image`` finds.
    """
    from napari_cellvino.gui.review import actions
    from napari_cellvino.gui.shell.demo import settle

    session, beat = window.session, _Heartbeat(lambda: settle(window))
    workspace, runner, reviewer = session.workspace, session.runner, session.reviewer
    stalls: dict[str, _Stall] = {}
    pixels = np.asarray(found.plane.pixels[0])
    stalls["first image"] = beat.longest(lambda: session.opener.open(image))
    first = session.opener.picture
    stack = workspace.stack
    prediction = replace(found, plane=replace(found.plane, origin=stack.origin_of(1), spacing=stack.spacing))
    window.show_step(2)
    with patch.object(workspace, "run", lambda _part: _finished(prediction)):
        stalls["first result shown"] = beat.longest(runner.run)
    clocks = {name: _Clock() for name in (*MOVED, "queue")}
    for name, value in MOVED.items():
        preview, values = clocks[name], prediction.values | {name: value}
        workspace.outcome_changed.connect(preview.stop)
        stalls[f"{name} to preview"] = beat.longest(lambda p=preview, v=values: (p.start(), runner.preview(v)))
        workspace.outcome_changed.disconnect(preview.stop)
    stalls["keep"] = beat.longest(runner.keep_preview)
    queue = clocks["queue"]
    rows = window.review_panel.list.table.cells.modelReset
    rows.connect(queue.stop)
    stalls["opening the queue"] = beat.longest(lambda: (queue.start(), window.show_step(3)))
    rows.disconnect(queue.stop)
    for name, action in (("accept", actions.ACCEPT), ("delete", actions.DELETE), ("undo", actions.UNDO)):
        reviewer.select([sorted(reviewer.annotation.records)[EDITED]])
        stalls[name] = beat.longest(lambda a=action: a.run(reviewer))
    stalls |= of_closing(window, beat.longest)
    stalls["save"] = beat.longest(session.saver.save)
    for more in (many_at_once, of_the_list, of_a_slider, of_the_window):
        stalls |= more(window, beat.longest)
    stalls["another field"] = beat.longest(lambda: session.viewer.add_image(pixels[::2, ::2], name="other"))
    stalls["back to the field"] = beat.longest(lambda: session.opener.choose(first))
    stalls |= of_all_cells(window, beat.longest)
    stalls |= of_the_end(window, beat.longest, pixels[::4, ::4])
    return stalls, clocks


def _finished(prediction: Prediction) -> Generator[object, None, Outcome]:
    yield from ()
    return Outcome(prediction)


class _Clock:
    """The seconds from its start to the first stop; the processor's, in all threads, do not grow with other work."""

    def __init__(self) -> None:
        self._began = self._began_at = self.seconds = self.processor = 0.0

    def start(self) -> None:
        """Begin."""
        self._began, self._began_at = time.perf_counter(), time.process_time()

    def stop(self, _: object = None) -> None:
        """End, unless it ended before."""
        if not self.seconds:
            self.seconds = time.perf_counter() - self._began
            self.processor = time.process_time() - self._began_at


@dataclass(frozen=True, slots=True)
class _Stall:
    """Seconds of the longest stall, and of the longest one of our own."""

    all: float
    own: float


class _Heartbeat:
    """Beats in the thread of the window; ``settle`` lets it come to rest."""

    def __init__(self, settle: Callable[[], object]) -> None:
        self._settle = settle

    def longest(self, step: Step) -> _Stall:
        """Return the longest stalls from a step until the window is at rest."""
        from qtpy.QtCore import QTimer

        beats: list[float] = []
        timer = QTimer()
        timer.setInterval(BEAT_MS)
        timer.timeout.connect(lambda: beats.append(time.thread_time()))
        timer.start()
        QTimer.singleShot(0, step)
        beats.append(time.thread_time())
        with _looks() as looks:
            self._settle()
        timer.stop()
        taken = np.diff(beats)
        return _Stall(float(taken.max()), float((taken - np.diff(_taken_by_napari(looks, beats))).max()))


@contextmanager
def _looks() -> Iterator[list[tuple[float, bool]]]:
    """Yield the times of this thread at which another one looked where it is, and whether napari was at work."""
    main, over = threading.get_ident(), threading.Event()
    clock = time.pthread_getcpuclockid(main)
    looks: list[tuple[float, bool]] = [(time.clock_gettime(clock), False)]

    def look() -> None:
        while not over.wait(LOOK_S):
            looks.append((time.clock_gettime(clock), _is_naparis(sys._current_frames()[main])))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    yield looks
    over.set()
    watcher.join()


def _is_naparis(frame: FrameType | None) -> bool:
    """Return whether napari adds a layer or draws its canvas, and calls nothing of ours for it."""
    inner, at_work = "", False
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        inner = inner or (module if module.startswith(("napari", "vispy")) else "")
        at_work = at_work or (module, frame.f_code.co_name) in NAPARIS
        frame = frame.f_back
    return at_work and not inner.startswith("napari_cellvino")


def _taken_by_napari(looks: list[tuple[float, bool]], at: list[float]) -> NDArray[np.float64]:
    """Return how much time napari had taken at some times of the thread: between two looks all is of the second."""
    times, naparis = (np.array(column, float) for column in zip(*looks, strict=True))
    taken = np.concatenate([np.zeros(1), np.cumsum(np.diff(times) * naparis[1:])])
    return np.asarray(np.interp(at, times, taken))


def _tiled_prediction(side: int, cells: int) -> Prediction:
    """Return what the model finds on a small field, side by side until there are about ``cells`` cells."""
    workspace = Workspace()
    small = _predicted(workspace, nuclei_field())
    density = cells / side**2 / (len(small.decoded.objects) / math.prod(small.plane.shape))
    if density > 1:
        small = _predicted(workspace, _whole_blocks(zoom(nuclei_field(), 1 / math.sqrt(density), order=1)))
    raw = small.raw
    if not isinstance(raw, RawMaps):
        raise TypeError("the model is not one for planes")
    stride, rows = -(-raw.shape[0] // raw.maps.shape[-2]), round(side * min(density, 1.0))
    pixels = _side_by_side(small.plane.pixels, side, rows)
    maps = _side_by_side(raw.maps, side // stride, rows // stride)
    plane = replace(small.plane, pixels=pixels, inputs=pixels)
    tiled = replace(raw, maps=maps, shape=plane.shape, input_shape=plane.shape)
    decoded = decode(tiled, workspace.load_package().spec, small.values)
    workspace.close()
    return Prediction(plane, tiled, decoded, small.values)


def _predicted(workspace: Workspace, field: NDArray[np.uint16]) -> Prediction:
    workspace.use_stack(in_memory(field))
    return finish(workspace.run()).prediction


def _whole_blocks(field: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return as much of a field as is whole blocks of pixels, which have the same maps wherever they are put."""
    height, width = (size // BLOCK * BLOCK for size in field.shape)
    return field[:height, :width]


def _side_by_side(images: NDArray[Any], side: int, rows: int) -> NDArray[Any]:
    """Return images (C, side, side) whose first rows are tiles of these (C, Y, X); below is what their minimum is."""
    filled = np.full((len(images), side, side), images.min(), images.dtype)
    repeats = (1, -(-rows // images.shape[1]), -(-side // images.shape[2]))
    filled[:, :rows] = np.tile(images, repeats)[:, :rows, :side]
    return filled
