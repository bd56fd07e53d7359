"""The page of a run is written anew once corrections in its folder have come to rest: it has counts and pictures."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from qtpy.QtCore import QObject, QTimer

from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.workflows.run_page import refresh_run_page

REST_S = 5.0  # without a further save


class PageRefresher(QObject):
    """The pages of folders of results that were corrected and whose page is still that of before."""

    def __init__(self, worker: SerialWorker) -> None:
        super().__init__()
        self._worker, self._due = worker, dict[Path, None]()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(round(1000 * REST_S))
        self._timer.timeout.connect(self.write)

    def mark(self, saved: object) -> None:
        """Take note of a result that was just saved: the page of its folder is due."""
        if isinstance(saved, Path):
            self._due[saved.parent] = None
            self._timer.start()

    def write(self) -> None:
        """Write the pages that are due now; a page that cannot be written stays as it was."""
        self._timer.stop()
        due, self._due = self._due, {}
        for root in due:
            self._worker.start(partial(refresh_run_page, root), Task(lasting=True))
