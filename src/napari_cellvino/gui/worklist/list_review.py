"""The review over the whole work list: doubtful cells of all fields first, and the next field where one is done."""

from __future__ import annotations

from functools import partial

import napari
from qtpy.compat import isalive
from qtpy.QtCore import QObject, Qt, QTimer
from qtpy.QtGui import QKeySequence, QShortcut

from napari_cellvino.gui.review.review_controller import ReviewController
from napari_cellvino.gui.save.save_controller import SaveController
from napari_cellvino.gui.worklist.work_list_controller import WorkListController
from napari_cellvino.workflows.saved_field import SavedField
from napari_cellvino.workflows.workspace import Workspace

STEPS = {Qt.Key.Key_PageDown: 1, Qt.Key.Key_PageUp: -1}


class ListReview(QObject):
    """Page Down and Page Up walk through the fields; the end of a field's queue goes on in the next field."""

    def __init__(
        self,
        viewer: napari.Viewer,
        workspace: Workspace,
        work_list: WorkListController,
        reviewer: ReviewController,
        saver: SaveController,
    ) -> None:
        super().__init__()
        self._workspace, self._list, self._reviewer, self._saver = workspace, work_list, reviewer, saver
        self._goes_on = False  # with the first cell of the field that comes
        reviewer.doubts_elsewhere = lambda: work_list.next_to_review(doubtful=True) is not None
        reviewer.more_elsewhere = lambda: work_list.next_to_review() is not None
        reviewer.ended.connect(self._go_on)
        workspace.saved_changed.connect(self._on_saved)
        saver.changed.connect(self._on_saver)
        saver.left_saved.connect(work_list.refresh)
        self._was_saving = False
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(lambda: self._reviewer.step(1))
        picture = viewer.window._qt_viewer.canvas.native
        self._keys = [QShortcut(QKeySequence(key), picture) for key in STEPS]
        for shortcut, by in zip(self._keys, STEPS.values(), strict=True):
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(partial(work_list.step, by))

    def close(self) -> None:
        """Let go of the viewer and of the workspace."""
        self._later.stop()
        self._workspace.saved_changed.disconnect(self._on_saved)
        for shortcut in filter(isalive, self._keys):  # a viewer that is closed takes them along
            shortcut.deleteLater()
        self._keys.clear()

    def _go_on(self) -> None:
        """Go to the next field with doubtful cells, or where there is none, to the next that is not reviewed."""
        number = self._list.next_to_review(doubtful=True)
        number = self._list.next_to_review() if number is None else number
        if number is not None:
            self._goes_on = True
            self._list.show(number)

    def _on_saved(self, saved: SavedField | None) -> None:
        if saved is not None and self._goes_on:
            self._goes_on = False
            self._later.start(0)  # once its layers are there

    def _on_saver(self) -> None:
        """Count anew in the list what was just saved."""
        saving = self._saver.state.busy
        if self._was_saving and not saving:
            self._list.refresh()
        self._was_saving = saving
