"""What others write into the folder of results of the list, a watch or the command line, appears in the list.

Only the folder itself is watched, as every result adds to it or writes its table anew; a folder that is not there yet
is waited for in the one above. Folders on a server tell nothing: their list is looked at again when the window is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import QFileSystemWatcher, QObject, Qt
from qtpy.QtGui import QGuiApplication

from napari_cellvino.gui.widgets.delay import throttler
from napari_cellvino.gui.worklist.work_list_controller import WorkListController

DELAY_MS = 1_500  # after something was written, for what is written with it


class FolderWatch(QObject):
    """Refreshes the list; ``busy`` says whether its folder is read or written here now."""

    def __init__(self, work_list: WorkListController, busy: Callable[[], bool]) -> None:
        super().__init__()
        self._list, self._busy = work_list, busy
        self._root: Path | None = None
        self._watcher: QFileSystemWatcher | None = None  # without a parent: it goes with its last reference
        self._later = throttler(self, DELAY_MS, self._look)
        work_list.changed.connect(self._follow)
        application = QGuiApplication.instance()
        if isinstance(application, QGuiApplication):
            application.applicationStateChanged.connect(self._on_application)

    def close(self) -> None:
        """Watch nothing any more."""
        self._later.cancel()
        self._list.changed.disconnect(self._follow)
        application = QGuiApplication.instance()
        if isinstance(application, QGuiApplication):
            application.applicationStateChanged.disconnect(self._on_application)
        self._watcher = None  # systems allow few at a time: 128 on many Linux machines

    def _follow(self) -> None:
        if self._list.root != self._root:
            self._root = self._list.root
            self._watch(self._root)

    def _watch(self, root: Path | None) -> None:
        if self._watcher is None:
            self._watcher = QFileSystemWatcher()
            self._watcher.directoryChanged.connect(self._on_written)
        held = self._watcher.directories()
        if held:
            self._watcher.removePaths(held)
        places = () if root is None else (root, root.parent)
        place = next((place for place in places if place.is_dir()), None)
        if place is not None:
            self._watcher.addPath(str(place))

    def _on_written(self, place: str) -> None:
        if self._root is not None and place != str(self._root):
            if not self._root.is_dir():
                return  # something else was written beside it
            self._watch(self._root)
        self._later.throttle()

    def _on_application(self, state: Qt.ApplicationState) -> None:
        if state == Qt.ApplicationState.ApplicationActive and self._root is not None and self._root.is_dir():
            self._later.throttle()

    def _look(self) -> None:
        if self._busy():
            self._later.throttle()
        else:
            self._list.refresh()
