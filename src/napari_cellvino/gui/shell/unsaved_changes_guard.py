"""The question before a window closes on corrections that were not saved."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from enum import Enum

import napari
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QEventLoop, QObject
from qtpy.QtWidgets import QMessageBox, QWidget

from napari_cellvino.gui.review.review_controller import ReviewController
from napari_cellvino.gui.run.run_controller import RunController
from napari_cellvino.gui.save.save_controller import SaveController
from napari_cellvino.gui.widgets.formatting import format_count


class Answer(Enum):
    """What to do with corrections that were not saved."""

    SAVE = "save"
    CLOSE = "close"
    STAY = "stay"


class UnsavedChangesGuard(QObject):
    """Asks when the viewer's window is closed; a program that closes its viewer is not asked."""

    def __init__(
        self,
        viewer: napari.Viewer,
        reviewer: ReviewController,
        saver: SaveController,
        runner: RunController,
        save_left: Callable[[], None],
    ) -> None:
        super().__init__()
        self._reviewer, self._saver, self._runner, self._save_left = reviewer, saver, runner, save_left
        self._window = weakref.ref(viewer.window._qt_window)  # napari deletes its window by letting go of it
        viewer.window._qt_window.installEventFilter(self)

    def close(self) -> None:
        """Ask no more, and let go of the window."""
        window = self._window()
        if window is not None and isalive(window):
            window.removeEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        """Keep the window open if the user says so, or saving fails."""
        window = self._window()
        if event.type() != QEvent.Type.Close or not self._reviewer.unsaved or window is None:
            return False
        if not window._qt_viewer.isVisible():
            return False  # `Viewer.close` closes the picture before the window: then there is no way back
        if self._saver.follows and self._save():
            return False
        answer = self.ask(self._reviewer.unsaved)
        stays = answer is Answer.STAY or (answer is Answer.SAVE and not self._save())
        if stays:
            event.ignore()
        return stays

    def ask(self, steps: int) -> Answer:
        """Ask what to do with corrections."""
        fields = len(self._reviewer.left_unsaved) + bool(self._reviewer.editor.unsaved)
        box = question(self._window(), steps, fields, preview=self._runner.has_preview)
        box.exec()
        button = box.standardButton(box.clickedButton())
        choices = {QMessageBox.StandardButton.Save: Answer.SAVE, QMessageBox.StandardButton.Close: Answer.CLOSE}
        return choices.get(button, Answer.STAY)

    def _save(self) -> bool:
        """Save every field with corrections, wait for the end, and return whether all are saved."""
        loop, saver = QEventLoop(), self._saver

        def look() -> None:
            if not (saver.saving or saver.saving_left):
                loop.quit()

        if self._reviewer.editor.unsaved:
            self._runner.keep_preview()
            saver.save()
        self._save_left()
        saver.changed.connect(look)
        if saver.saving or saver.saving_left:
            loop.exec()
        saver.changed.disconnect(look)
        return not self._reviewer.unsaved


def question(parent: QWidget | None, steps: int, fields: int = 1, *, preview: bool = False) -> QMessageBox:
    """Return the question, not yet asked; ``preview`` is whether sliders show one that was not kept."""
    buttons = QMessageBox.StandardButton
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle("Corrections")
    where = f" in {format_count(fields, 'field')}" if fields > 1 else ""
    box.setText(f"{format_count(steps, 'correction')}{where} not saved yet.")
    kept = "The preview of the sliders is kept and saved with them. " if preview else ""
    box.setInformativeText(
        f"Save them now? {kept}Closed without, they stay in a journal and are offered the next time."
    )
    box.setStandardButtons(buttons.Save | buttons.Close | buttons.Cancel)
    box.setDefaultButton(buttons.Save)
    box.setEscapeButton(buttons.Cancel)
    return box
