"""The whole way on one image without a hand on the mouse: open, run, save."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QEventLoop, QObject, QTimer, Signal

from napari_cellvino.gui.shell.window import CellvinoWindow
from napari_cellvino.gui.widgets.failure import Failure

REST_MS = 700  # longer than any delay of a panel


class Demo(QObject):
    """Takes each step when the one before is done."""

    finished = Signal(str)  # what went wrong, or nothing

    def __init__(self, window: CellvinoWindow, image: Path, folder: Path) -> None:
        super().__init__(window)
        self._window, self._image, self._folder = window, image, folder
        self._session = window.session
        self._step = "open"
        for part in (self._session.opener, self._session.catalogue, self._session.runner, self._session.saver):
            part.changed.connect(self._go_on)

    def start(self) -> None:
        """Begin; `finished` tells the end."""
        self._session.opener.open(self._image)

    def wait(self, limit_ms: int) -> str:
        """Go all the way and return what went wrong, or an empty string."""
        problems: list[str] = []
        loop = QEventLoop()
        self.finished.connect(problems.append)
        self.finished.connect(loop.quit)
        QTimer.singleShot(limit_ms, loop.quit)
        self.start()
        loop.exec()
        return problems[0] if problems else f"no end after {limit_ms / 1000:.0f} s"

    def _go_on(self) -> None:
        session = self._session
        failures = (session.opener.failure, session.catalogue.failure, session.runner.failure, session.saver.failure)
        failure = next((f for f in failures if f is not None), None)
        if failure is not None:
            self._end(failure)
        elif self._step == "open" and session.workspace.stack is not None and session.workspace.package is not None:
            self._step = "run"
            self._window.show_step(2)
            session.runner.run()
        elif self._step == "run" and session.workspace.outcome is not None:
            self._step = "save"
            session.saver.choose(str(self._folder))
            session.saver.save(overwrite=True)
        elif self._step == "save" and session.saver.saved is not None:
            self._end(None)

    def _end(self, failure: Failure | None) -> None:
        if self._step != "end":
            self._step = "end"
            self.finished.emit(failure.message if failure is not None else "")


def settle(window: CellvinoWindow) -> None:
    """Let the window's events and background work come to rest."""
    loop = QEventLoop()
    quiet = QTimer()
    quiet.setInterval(REST_MS)
    session = window.session
    busy = [True]

    def look() -> None:
        resting = not session.busy
        if resting and not busy[0]:
            loop.quit()
        busy[0] = not resting

    quiet.timeout.connect(look)
    quiet.start()
    loop.exec()
    quiet.stop()
