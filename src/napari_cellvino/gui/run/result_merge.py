"""What was corrected is brought into a new result in a thread, before it is shown.

Where cells are corrected meanwhile, what was made fits no more and is made again; a stroke in hand is waited for.
"""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer

from napari_cellvino.gui.review.review_canvas import ReviewCanvas
from napari_cellvino.gui.review.review_controller import ReviewController
from napari_cellvino.gui.run.prepared_result import PreparedResult, merged
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task

STROKE_MS = 50  # until a result that waits looks whether the stroke has ended


class ResultMerge(QObject):
    """Follows one result at a time until it can be shown."""

    def __init__(self, reviewer: ReviewController, canvas: ReviewCanvas, worker: SerialWorker) -> None:
        super().__init__()
        self._reviewer, self._canvas, self._worker = reviewer, canvas, worker
        self._task = Task()
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(STROKE_MS)
        self._wait.timeout.connect(lambda: self._again())
        self._again: Callable[[], None] = lambda: None

    def follow(
        self,
        made: PreparedResult,
        show: Callable[[PreparedResult], None],
        *,
        failed: Callable[[BaseException], None],
        stopped: Callable[[], None],
    ) -> None:
        """Show a result once what was corrected is in it; one of ``show``, ``failed`` and ``stopped`` is its end."""
        reviewer = self._reviewer
        self._task = Task(stopped=stopped)
        if self._canvas.unfinished:
            self._again = lambda: self.follow(made, show, failed=failed, stopped=stopped)
            self._wait.start()
            return
        self._canvas.outside.check()
        if not reviewer.merges(made.annotation):
            show(made)
            return
        base = reviewer.step_base(self._canvas.outside.seen)

        def look(ready: PreparedResult | None, error: BaseException | None = None) -> None:
            self._canvas.outside.check()
            if not base.is_current or base.annotation is not reviewer.annotation or self._canvas.unfinished:
                self.follow(made, show, failed=failed, stopped=stopped)
            elif ready is None and error is not None:
                failed(error)
            elif ready is not None:
                show(ready)

        self._task = Task(done=look, failed=lambda error: look(None, error), stopped=stopped)
        self._worker.start(lambda: merged(made, base), self._task)

    def stop(self) -> None:
        """Let go of the result that is followed."""
        self._task.stop()
        if self._wait.isActive():
            self._wait.stop()
            self._task.stopped()
