"""Small pictures of the wells, read one after the other on a thread of their own when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal
from qtpy.QtGui import QImage

from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.core.image import channel_index
from napari_cellvino.core.plate import FieldOfView, Well
from napari_cellvino.gui.widgets.delay import throttler
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.io.plates import PlateSource

SIDE = 48  # px of the longer side
SHOW_EVERY_MS = 250
_PERCENTILES = (1.0, 99.7)

_Small = tuple[Well, NDArray[np.float32]]


class WellThumbnails(QObject):
    """Pictures of the first field of each well, in one channel; all of them in the same contrast."""

    changed = Signal()

    def __init__(self, worker: SerialWorker) -> None:
        super().__init__()
        self._worker, self._task = worker, Task()
        self._small: dict[Well, NDArray[np.float32]] = {}
        self._of: tuple[object, str] | None = None  # the plate's source and the channel
        self.pictures: Mapping[Well, QImage] = {}
        self._delay = throttler(self, SHOW_EVERY_MS, self._show)

    def read(self, source: PlateSource, fields: Mapping[Well, tuple[FieldOfView, ...]], channel: str) -> None:
        """Read what is not there yet of this plate, in this channel."""
        if self._of != (source, channel):
            self.forget()
            self._of = (source, channel)
        elif not self._task.wish.is_set():
            return
        wanted = [held[0] for well, held in fields.items() if well not in self._small]
        of = self._of
        self._task = Task(progressed=lambda small: self._take(of, small), done=lambda _: self._show())
        self._worker.start(lambda: _read(source, wanted, channel), self._task)

    def stop(self) -> None:
        """Read no more; what was read stays."""
        self._task.stop()

    def forget(self) -> None:
        """Let go of all pictures."""
        self._task.stop()
        self._small.clear()
        self.pictures, self._of = {}, None

    def _take(self, of: object, small: _Small) -> None:
        if of is not self._of:  # of a plate or channel that is not shown any more
            return
        self._small[small[0]] = small[1]
        self._delay.throttle()

    def _show(self) -> None:
        self.pictures = _pictures(self._small)
        self.changed.emit()


def _read(source: PlateSource, fields: list[FieldOfView], channel: str) -> Iterator[_Small]:
    """Yield a small picture (Y, X) of each field; one that cannot be read is passed over."""
    for field in fields:
        try:
            stack = source.open_field(field)
            plane = stack.plane(t=0, c=channel_index(stack, channel) or 0, z=stack.shape.z // 2)
        except CellvinoError:
            continue
        yield field.well, shrunk(plane)


def shrunk(plane: NDArray[np.generic], side: int = SIDE) -> NDArray[np.float32]:
    """Return a plane (Y, X) whose longer side has at most ``side`` px: means over squares of px."""
    step = max(1, -(-max(plane.shape) // side))
    height, width = (max(1, n // step) for n in plane.shape)
    part = plane[: height * step, : width * step].astype(np.float32)
    rows, columns = (n // size for n, size in zip(part.shape, (height, width), strict=True))
    means: NDArray[np.float32] = part.reshape(height, rows, width, columns).mean((1, 3), dtype=np.float32)
    return means


def _pictures(small: Mapping[Well, NDArray[np.float32]]) -> dict[Well, QImage]:
    if not small:
        return {}
    sample = np.concatenate([picture[::4, ::4].ravel() for picture in small.values()])
    low, high = np.percentile(sample[np.isfinite(sample)], _PERCENTILES) if np.isfinite(sample).any() else (0, 1)
    return {well: _image(picture, float(low), float(max(high, low + 1e-6))) for well, picture in small.items()}


def _image(picture: NDArray[np.float32], low: float, high: float) -> QImage:
    grey = np.ascontiguousarray(255 * np.clip((np.nan_to_num(picture) - low) / (high - low), 0, 1), dtype=np.uint8)
    height, width = grey.shape
    return QImage(grey.tobytes(), width, height, width, QImage.Format.Format_Grayscale8).copy()
