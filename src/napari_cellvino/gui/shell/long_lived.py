"""What is there when the window stands is left out of Python's search for garbage, as long as the window is there.

Napari, Qt and modules are 300,000 objects: each search through them all stops every thread for 0.2 to 0.4 s, in the
middle of anything. Only where a layer goes that was among them is all searched once, so that its pixels are freed.
"""

from __future__ import annotations

import gc
import weakref

import napari
from napari.layers import Layer
from napari.utils.events import Event
from qtpy.QtCore import QObject, QTimer

from napari_cellvino.gui.shell.garbage_search import garbage_search

REST_MS = 1000  # after a layer went, until all is searched


class LongLived(QObject):
    """Sets aside what is there, and has the rest searched in the window's thread; one for each window."""

    def __init__(self, viewer: napari.Viewer) -> None:
        super().__init__()
        self._viewer = viewer
        self._layers: weakref.WeakSet[Layer] = weakref.WeakSet()  # that are set aside
        self._search = QTimer(self)
        self._search.setSingleShot(True)
        self._search.setInterval(REST_MS)
        self._search.timeout.connect(self._search_all)
        viewer.layers.events.removed.connect(self._on_removed)
        self._garbage = garbage_search()
        self._garbage.begin()

    def set_aside(self) -> None:
        """Leave what is there now out of the search."""
        gc.freeze()
        self._layers = weakref.WeakSet(self._viewer.layers)

    def close(self) -> None:
        """Let all be searched again."""
        self._search.stop()
        self._viewer.layers.events.removed.disconnect(self._on_removed)
        gc.unfreeze()
        self._garbage.end()

    def _on_removed(self, event: Event) -> None:
        if event.value in self._layers:
            self._search.start()

    def _search_all(self) -> None:
        gc.unfreeze()
        gc.collect()
        self.set_aside()
