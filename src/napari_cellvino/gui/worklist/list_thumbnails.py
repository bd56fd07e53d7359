"""Small pictures of the fields of the work list, read one after the other on a thread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal
from qtpy.QtGui import QImage, QPixmap

from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.core.image import MetadataOverrides, Origin
from napari_cellvino.gui.plate.thumbnails import SHOW_EVERY_MS, shrunk
from napari_cellvino.gui.widgets.delay import throttler
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.workflows.sources import OpenSources
from napari_cellvino.workflows.work_list import FieldId, WorkField, field_id

SIDE = 64  # px of the longer side
MOST = 2_000  # fields that get a picture
MOST_PX = 100_000_000  # of a plane that is read for one
_PERCENTILES = (1.0, 99.7)

_Small = tuple[FieldId, NDArray[np.uint8]]


class ListThumbnails(QObject):
    """Pictures of fields, each in its own contrast."""

    changed = Signal()

    def __init__(self, worker: SerialWorker) -> None:
        super().__init__()
        self._worker, self._task = worker, Task()
        self.pictures: dict[FieldId, QPixmap] = {}
        self._channel = ""
        self._delay = throttler(self, SHOW_EVERY_MS, self.changed.emit)

    def read(self, fields: Sequence[WorkField], channel: str, said: Mapping[str, MetadataOverrides]) -> None:
        """Read the pictures that are not there yet, in this channel where an image has it.

        ``said`` is what the user said of images and plates, by their paths.
        """
        self._task.stop()
        if channel != self._channel:
            self.pictures.clear()
            self._channel = channel
        wanted = [field.origin for field in fields[:MOST] if field.id not in self.pictures]
        if wanted:
            self._task = Task(progressed=lambda small: self._take(channel, small), done=lambda _: self.changed.emit())
            self._worker.start(lambda: _read(wanted, channel, dict(said)), self._task)

    def forget(self) -> None:
        """Let go of all pictures."""
        self._task.stop()
        self._delay.cancel()
        self.pictures.clear()

    def _take(self, channel: str, small: _Small) -> None:
        if channel != self._channel:  # that of the time before
            return
        self.pictures[small[0]] = _pixmap(small[1])
        self._delay.throttle()


def _read(origins: Sequence[Origin], channel: str, said: Mapping[str, MetadataOverrides]) -> Iterator[_Small]:
    """Yield a small picture (Y, X) of each field; one that cannot be read is passed over."""
    sources = OpenSources()
    for origin in origins:
        try:
            here = said.get(origin.path, MetadataOverrides())
            stack = (sources.field if origin.plate else sources.position)(origin, here)
            if stack.shape.y * stack.shape.x > MOST_PX:
                continue
            plane = stack.plane(t=max(origin.frame, 1) - 1, c=_channel(stack.channels, channel), z=stack.shape.z // 2)
        except CellvinoError:
            continue
        yield field_id(origin), _grey(shrunk(plane, SIDE))


def _channel(names: tuple[str, ...], chosen: str) -> int:
    """Return the number of a channel, from 0; the first where an image has none of that name."""
    return names.index(chosen) if chosen in names else 0


def _grey(small: NDArray[np.float32]) -> NDArray[np.uint8]:
    finite = small[np.isfinite(small)]
    low, high = np.percentile(finite, _PERCENTILES) if finite.size else (0.0, 1.0)
    scaled = (np.nan_to_num(small) - low) * (255 / max(high - low, 1e-6))
    return np.ascontiguousarray(np.clip(scaled, 0, 255), dtype=np.uint8)


def _pixmap(grey: NDArray[np.uint8]) -> QPixmap:
    height, width = grey.shape
    return QPixmap.fromImage(QImage(grey.tobytes(), width, height, width, QImage.Format.Format_Grayscale8).copy())
