"""What an earlier run left on disk for the current field: shown at once, without a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import napari
from qtpy.QtCore import QObject, Signal

from napari_cellvino.annotation import Annotation
from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.core.image import Origin, Stack
from napari_cellvino.gui.napari_bridge import CellLook, SavedLayer, drawn_look
from napari_cellvino.gui.open.open_controller import OpenController
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.results.field_folder import FieldFolder
from napari_cellvino.results.rescue import recover_result
from napari_cellvino.workflows.outcome import Outcome
from napari_cellvino.workflows.workspace import Workspace

_Saved = tuple[Annotation, CellLook]


@dataclass(frozen=True, slots=True)
class SavedResult:
    """A result on disk: how many of its cells count, the model that found them, and its folder."""

    count: int
    model: str
    folder: Path


class SavedResultController(QObject):
    """Shows the saved result of the current field as long as nothing was run in it here.

    ``folder_of`` says where the result of an image is, None where that is not known.
    """

    changed = Signal()

    def __init__(
        self,
        viewer: napari.Viewer,
        workspace: Workspace,
        opener: OpenController,
        reader: SerialWorker,
        folder_of: Callable[[Origin], Path | None],
    ) -> None:
        super().__init__()
        self._workspace, self._opener, self._reader, self._folder_of = workspace, opener, reader, folder_of
        self._layer = SavedLayer(viewer)
        self.shown: SavedResult | None = None
        self._task = Task()
        self._looked_at: tuple[object, int] | None = None
        opener.changed.connect(self.look)
        workspace.recipe_changed.connect(self.look)
        workspace.outcome_changed.connect(self._on_outcome)

    def close(self) -> None:
        """Let go of the viewer."""
        self._task.stop()
        self._workspace.recipe_changed.disconnect(self.look)
        self._workspace.outcome_changed.disconnect(self._on_outcome)

    def look(self, _: object = None, *, again: bool = False) -> None:
        """Look for the result of the current field, unless that was done; ``again`` after a run over a plate."""
        stack, frame = self._workspace.stack, self._workspace.recipe.frame
        at = None if stack is None else (stack.planes, frame)
        before = self._looked_at or (None, 0)
        if at is not None and at[0] is before[0] and frame == before[1] and not again:
            return
        self._looked_at = at
        self._task.stop()
        self._forget()
        if stack is None or self._workspace.outcome is not None or self._opener.picture is None:
            return
        origin = stack.origin_of(frame)
        folder = self._folder_of(origin)
        if folder is not None:
            self._task = Task(done=lambda found: self._show(stack, frame, folder, found))
            self._reader.start(lambda: _read(folder, origin, stack), self._task)

    def _on_outcome(self, outcome: Outcome | None) -> None:
        if outcome is not None:
            self._task.stop()
            self._forget()
            self._looked_at = None

    def _show(self, stack: Stack, frame: int, folder: Path, read: _Saved | None) -> None:
        picture, now = self._opener.picture, self._workspace.stack
        if read is None or picture is None or now is None or now.planes is not stack.planes:
            return
        found, look = read
        if self._workspace.outcome is not None or frame != self._workspace.recipe.frame:
            return
        self._layer.show(found, look, stack.origin_of(frame).name, picture.source_layer())
        counted = sum(record.counted for record in found.records.values())
        self.shown = SavedResult(counted, found.provenance.model, folder)
        self.changed.emit()

    def _forget(self) -> None:
        self._layer.remove()
        if self.shown is not None:
            self.shown = None
            self.changed.emit()


def _read(folder: Path, origin: Origin, stack: Stack) -> _Saved | None:
    """Return what is saved in a folder and how it looks; None where it is not of this image, or cannot be read."""
    stored = FieldFolder(folder)
    try:
        recover_result(folder)
        if not stored.is_result:
            return None
        found = stored.annotation()
    except CellvinoError:
        return None  # a run says what is wrong with it
    fits = found.shape[-2:] == (stack.shape.y, stack.shape.x)
    return (found, drawn_look(found, found.classes, rgb=stack.rgb)) if fits else None
