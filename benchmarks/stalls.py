"""How long the window stands still: a heartbeat in the thread of a real viewer, on a field of 4096 x 4096 px.

A stall is the time of the processor that the thread takes between two beats of a timer of a few ms: what other
programs do meanwhile is left out. The network runs once on a small field, whose maps are put side by side.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import zoom

from benchmarks.figure import Figure
from benchmarks.scenes import in_memory, nuclei_field
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
LARGER_PX2 = 60.0  # the smallest area that the slider is moved to
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
    with bench_window() as window:
        stalls, preview_s = _steps(window, prediction)
    longest = max(stalls.values())
    each = [Figure(f"  {name}", 1000 * stall, "ms") for name, stall in stalls.items()]
    return [
        Figure(f"longest stall, {count:,} cells on {side} x {side} px", 1000 * longest, "ms", STALL_MS),
        *each,
        Figure("  slider to preview, by the clock", 1000 * preview_s, "ms", PREVIEW_MS),
    ]


def _steps(window: CellvinoWindow, prediction: Prediction) -> tuple[dict[str, float], float]:
    """Return the longest stall of each step in seconds, and the seconds from a slider to its preview."""
    session, beat = window.session, _Heartbeat(window)
    workspace, runner = session.workspace, session.runner
    stalls: dict[str, float] = {}
    pixels = np.asarray(prediction.plane.pixels[0])
    stalls["first image"] = beat.longest(lambda: session.viewer.add_image(pixels, name="field"))
    window.show_step(2)
    with patch.object(workspace, "run", lambda: _finished(prediction)):
        stalls["first result shown"] = beat.longest(runner.run)
    values = prediction.values | {"smallest": LARGER_PX2}
    start = time.perf_counter()
    shown: list[float] = []
    workspace.outcome_changed.connect(lambda _: shown.append(time.perf_counter() - start))
    stalls["slider to preview"] = beat.longest(lambda: runner.preview(values))
    stalls["keep"] = beat.longest(runner.keep_preview)
    stalls["opening the queue"] = beat.longest(lambda: window.show_step(3))
    return stalls, shown[0]


def _finished(prediction: Prediction) -> Generator[object, None, Outcome]:
    yield from ()
    return Outcome(prediction)


class _Heartbeat:
    """Beats in the thread of the window."""

    def __init__(self, window: CellvinoWindow) -> None:
        self._window = window

    def longest(self, step: Step) -> float:
        """Return the longest stall in seconds from a step until the window is at rest."""
        from qtpy.QtCore import QTimer

        from napari_cellvino.gui.shell.demo import settle

        beats: list[float] = []
        timer = QTimer()
        timer.setInterval(BEAT_MS)
        timer.timeout.connect(lambda: beats.append(time.thread_time()))
        timer.start()
        QTimer.singleShot(0, step)
        beats.append(time.thread_time())
        settle(self._window)
        timer.stop()
        return float(np.diff(beats).max())


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
