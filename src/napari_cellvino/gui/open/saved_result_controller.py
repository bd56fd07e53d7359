"""What an earlier run left on disk for the current field: shown at once, and corrected without a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import QObject, Signal

from napari_cellvino.core.image import Origin, Stack
from napari_cellvino.gui.open.open_controller import OpenController
from napari_cellvino.gui.open.prepared_saved_field import PreparedSavedField, prepare_saved_field
from napari_cellvino.gui.widgets.failure import Failure, failure_of
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.workflows.outcome import Outcome
from napari_cellvino.workflows.workspace import Workspace


class SavedResultController(QObject):
    """Gives the workspace the saved result of the current field, as long as nothing was run in it here.

    ``folder_of`` gives what finds the folder of the result of an image, which reads files; None where there are no
    results. ``reader`` is the thread that results are written on: one that is being saved is read when it is there.
    """

    changed = Signal()  # `failure`
    ready = Signal(object)  # PreparedSavedField, a moment before the workspace has it
    nothing = Signal()  # is there to be shown

    def __init__(
        self,
        workspace: Workspace,
        opener: OpenController,
        reader: SerialWorker,
        folder_of: Callable[[Origin], Callable[[], Path] | None],
    ) -> None:
        super().__init__()
        self._workspace, self._opener, self._reader, self._folder_of = workspace, opener, reader, folder_of
        self.failure: Failure | None = None  # why the result on disk is not shown
        self._task = Task()
        self._looked_at: tuple[object, int] | None = None
        opener.changed.connect(self.look)
        workspace.recipe_changed.connect(self.look)
        workspace.outcome_changed.connect(self._on_outcome)

    def close(self) -> None:
        """Let go of the workspace."""
        self._task.stop()
        self._workspace.recipe_changed.disconnect(self.look)
        self._workspace.outcome_changed.disconnect(self._on_outcome)

    def look(self, _: object = None, *, again: bool = False) -> None:
        """Look for the result of the current field, unless that was done; ``again`` after a run over many fields."""
        stack, frame = self._workspace.stack, self._workspace.recipe.frame
        at = None if stack is None else (stack.planes, frame)
        before = self._looked_at or (None, 0)
        if at is not None and at[0] is before[0] and frame == before[1] and not again:
            return
        self._looked_at = None
        self._task.stop()
        self._tell(None)
        if stack is None or self._workspace.outcome is not None or self._opener.picture is None:
            return  # the outcome may be that of the field before
        self._looked_at = at
        find = self._folder_of(stack.origin_of(frame))
        if find is None:
            self.nothing.emit()
        else:
            self._task = Task(done=lambda found: self._show(stack, frame, found), failed=self._fail)
            self._reader.start(lambda: prepare_saved_field(find(), stack, frame), self._task)

    def _on_outcome(self, outcome: Outcome | None) -> None:
        if outcome is None:  # that of the field before is gone
            self.look()
            return
        self._task.stop()
        self._tell(None)
        self._looked_at = None

    def _show(self, stack: Stack, frame: int, found: PreparedSavedField | None) -> None:
        now = self._workspace.stack
        if found is None:
            self.nothing.emit()
        if found is None or now is None or now.planes is not stack.planes:
            return
        if frame == self._workspace.recipe.frame:
            self.ready.emit(found)
            self._workspace.show_saved(found.saved)

    def _fail(self, error: BaseException) -> None:
        self.nothing.emit()
        self._tell(failure_of(error))

    def _tell(self, failure: Failure | None) -> None:
        if failure is not self.failure:
            self.failure = failure
            self.changed.emit()
