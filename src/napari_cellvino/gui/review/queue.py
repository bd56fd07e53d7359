"""The queue of a review: its order and filter, where it is now, and reasons that come later.

What another threshold would find is decoded on a thread of its own once the queue is opened; its reasons come in when
they are there, and only what lies ahead takes another place.
"""

from __future__ import annotations

from functools import partial

from qtpy.QtCore import QObject, Signal

from napari_cellvino.annotation import Annotation
from napari_cellvino.core.errors import OptionError
from napari_cellvino.gui.review.cursor import CellFilter, Cursor, Order
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.quality.doubts import another_threshold
from napari_cellvino.workflows.outcome import Outcome
from napari_cellvino.workflows.workspace import Workspace

SAMPLE_SIZE = 50


class ReviewQueue(QObject):
    """The way through the cells of one annotation at a time, made when it is first asked for."""

    changed = Signal()  # another order or filter, or more reasons
    refused = Signal(object)  # OptionError: the order is not possible; the doubtful cells come first

    def __init__(self, workspace: Workspace, decoder: SerialWorker) -> None:
        super().__init__()
        self._workspace, self._decoder = workspace, decoder
        self.order, self.sample_size, self.filter = Order.DOUBT, SAMPLE_SIZE, CellFilter()
        self._annotation: Annotation | None = None
        self._cursor: Cursor | None = None
        self._task = Task()

    def begin(self, annotation: Annotation | None) -> None:
        """Go through another annotation, or none."""
        self._annotation = annotation
        self._forget()

    def renew(self) -> None:
        """Begin from the front: the cells are others."""
        self._forget()
        self.changed.emit()

    def go_by(self, order: Order, size: int) -> None:
        """Go in another order, from its beginning; ``size`` is that of a random sample."""
        self.order, self.sample_size = order, size
        self.renew()

    def show_only(self, wanted: CellFilter) -> None:
        """List and go to some cells only."""
        self.filter = wanted
        self.changed.emit()

    @property
    def cursor(self) -> Cursor | None:
        """The cells in order; None where there are none to walk through."""
        if self._cursor is None and self._annotation is not None and self._annotation.records:
            try:
                self._cursor = self._made(self._annotation)
            except OptionError as error:
                self.order = Order.DOUBT
                self.refused.emit(error)
                self._cursor = self._made(self._annotation)
            self._decode_other_thresholds(self._annotation, self._cursor)
        return self._cursor

    def is_at(self, id_: int) -> bool:
        """Return whether the queue is at a cell."""
        walk = self._cursor
        return walk is not None and 0 <= walk.at < len(walk.ids) and walk.ids[walk.at] == id_

    def _forget(self) -> None:
        self._task.stop()
        self._cursor = None

    def _made(self, annotation: Annotation) -> Cursor:
        foreground_probability = self._workspace.cell_map() if len(annotation.shape) == 2 else None
        return Cursor(annotation, self.order, self.sample_size, foreground_probability)

    def _decode_other_thresholds(self, annotation: Annotation, walk: Cursor) -> None:
        """Decode what was kept of the run with other thresholds: in a plane, where the head has such thresholds."""
        outcome = self._workspace.outcome
        if outcome is None or annotation.labels is None or annotation.labels.ndim != 2:
            return
        values = outcome.prediction.values
        other = another_threshold(values)
        if other != values:
            self._task = Task(done=partial(self._learn, walk))
            self._decoder.start(lambda: self._workspace.redecode(other), self._task)

    def _learn(self, walk: Cursor, made: Outcome) -> None:
        labels = made.prediction.decoded.labels
        if walk is self._cursor and labels is not None and walk.learn(labels):
            self.changed.emit()
