"""The queue of a review: its order and filter, where it is now, and reasons that come later.

The doubts of a new result are found in a thread before the queue is asked for, unless that comes sooner. What another
threshold would find is decoded there once the queue is opened; its reasons come in when they are there, and only what
lies ahead takes another place. What a thread found while a cell was edited is found again.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_cellvino.annotation import Annotation
from napari_cellvino.core.errors import OptionError
from napari_cellvino.gui.review.cursor import CellFilter, Cursor, Order
from napari_cellvino.gui.widgets.delay import debouncer
from napari_cellvino.gui.widgets.failure import failure_of
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.quality.doubts import Reason, another_threshold, disagreements
from napari_cellvino.quality.review_queue import Doubtful, review_queue
from napari_cellvino.workflows.workspace import Workspace

SAMPLE_SIZE = 50
BEGIN_DELAY_MS = 200  # after a new result: a slider that moves on has another one soon

_Disagreements = tuple[NDArray[np.int32] | None, list[tuple[int, Reason]]]


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
        self._task = self._doubts_task = Task()
        self._doubts: tuple[Doubtful, ...] | None = None  # of the annotation as it was when it came
        self._edits = 0
        self.finding = False  # whether a thread finds the doubts now
        self._awaited = False  # whether `changed` says when they are there
        self._later = debouncer(self, BEGIN_DELAY_MS, self._find_doubts)

    def begin(self, annotation: Annotation | None) -> None:
        """Go through another annotation, or none."""
        self._annotation = annotation
        self._forget()
        if annotation is not None and annotation.records:
            self._later.throttle()

    def on_edit(self, _: object = None) -> None:
        """Take note that cells were edited."""
        self._edits += 1
        self._drop_doubts()

    def renew(self) -> None:
        """Begin from the front: the cells are others."""
        self._forget()
        self.changed.emit()

    def go_by(self, order: Order, size: int) -> None:
        """Go in another order, from its beginning; ``size`` is that of a random sample."""
        self.order, self.sample_size = order, size
        self._leave_cursor()
        self.changed.emit()

    def show_only(self, wanted: CellFilter) -> None:
        """List and go to some cells only."""
        self.filter = wanted
        self.changed.emit()

    @property
    def ready(self) -> Cursor | None:
        """The cells in order, where that takes no time; else they are found in a thread, and `changed` says when."""
        if self._cursor is None and self._doubts is None and self._annotation is not None and self._annotation.records:
            self._awaited = True
            self._find_doubts()
            return None
        return self.cursor

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
        self._leave_cursor()
        self._drop_doubts()

    def _leave_cursor(self) -> None:
        self._task.stop()
        self._cursor = None

    def _drop_doubts(self) -> None:
        self._later.cancel()
        self._doubts_task.stop()
        self._doubts, self.finding = None, False

    def _find_doubts(self) -> None:
        """Have the doubts found in a thread, unless they are known or being found."""
        annotation = self._annotation
        if annotation is None or self._cursor is not None or self._doubts is not None or self.finding:
            return
        self._later.cancel()
        self.finding = True
        foreground_probability = self._foreground(annotation)
        task = self._doubts_task = Task(done=self._keep_doubts, failed=lambda error: self._tell(error, task))
        self._decoder.start(lambda: review_queue(annotation, foreground_probability=foreground_probability), task)

    def _keep_doubts(self, found: tuple[Doubtful, ...]) -> None:
        self._doubts, self.finding = found, False
        if self._awaited:
            self._awaited = False
            self.changed.emit()

    def _tell(self, error: BaseException, task: Task) -> None:
        """Say what went wrong, unless the cells were edited in the middle of it."""
        if not task.wish.is_set():
            failure_of(error)

    def _foreground(self, annotation: Annotation) -> NDArray[np.float16] | None:
        return self._workspace.cell_map() if len(annotation.shape) == 2 else None

    def _made(self, annotation: Annotation) -> Cursor:
        if self._doubts is None:
            self._doubts = review_queue(annotation, foreground_probability=self._foreground(annotation))
        return Cursor(annotation, self.order, self.sample_size, self._doubts)

    def _decode_other_thresholds(self, annotation: Annotation, walk: Cursor) -> None:
        """Decode what was kept of the run with other thresholds: in a plane, where the head has such thresholds."""
        outcome = self._workspace.outcome
        if outcome is None or annotation.labels is None or annotation.labels.ndim != 2:
            return
        values = outcome.prediction.values
        other = another_threshold(values)
        if other != values:
            edits = self._edits
            self._task = Task(
                done=partial(self._learn, annotation, walk, edits),
                failed=lambda _: self._decode_again(annotation, walk, edits),
            )
            self._decoder.start(lambda: self._disagreements(annotation, other), self._task)

    def _disagreements(self, annotation: Annotation, values: dict[str, float]) -> _Disagreements:
        """Return what other values of the parameters find, and the cells that differ there."""
        labels = self._workspace.redecode(values).prediction.decoded.labels
        return labels, _differing(annotation, labels)

    def _decode_again(self, annotation: Annotation, walk: Cursor, edits: int) -> None:
        """Try again where the cells were edited in the middle of it."""
        if walk is self._cursor and edits != self._edits:
            self._decode_other_thresholds(annotation, walk)

    def _learn(self, annotation: Annotation, walk: Cursor, edits: int, made: _Disagreements) -> None:
        if walk is not self._cursor:
            return
        labels, further = made
        if edits != self._edits:  # in the thread: to compare 4096 x 4096 px takes a tenth of a second
            self._compare_again(annotation, walk, labels)
        elif further:
            walk.learn(further)
            self.changed.emit()

    def _compare_again(self, annotation: Annotation, walk: Cursor, labels: NDArray[np.int32] | None) -> None:
        """Compare once more with what other thresholds find, as the cells are now."""
        edits = self._edits
        self._task = Task(
            done=partial(self._learn, annotation, walk, edits),
            failed=lambda _: self._decode_again(annotation, walk, edits),
        )
        self._decoder.start(lambda: (labels, _differing(annotation, labels)), self._task)


def _differing(annotation: Annotation, other: NDArray[np.int32] | None) -> list[tuple[int, Reason]]:
    labels = annotation.labels
    if labels is None or other is None or other.shape != labels.shape:
        return []
    return list(disagreements(annotation.objects, labels, other))
