"""The way from a cell of the table to the cell in the picture: its field is opened first, if it is not shown."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer

from napari_cellvino.core.image import Origin
from napari_cellvino.gui.review.review_controller import ReviewController
from napari_cellvino.workflows.work_list import field_id
from napari_cellvino.workflows.workspace import Workspace


class CellNavigation(QObject):
    """Goes to one cell at a time; ``arriving`` while it is chosen in the review."""

    def __init__(self, parent: QObject, workspace: Workspace, reviewer: ReviewController) -> None:
        super().__init__(parent)
        self._workspace, self._reviewer = workspace, reviewer
        self.show_origin: Callable[[Origin], object] = lambda _: None
        self.arriving = False
        self._goes_to: tuple[Origin, int] | None = None
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._arrive)
        workspace.saved_changed.connect(self._on_field)
        workspace.outcome_changed.connect(self._on_field)

    def close(self) -> None:
        """Let go of the workspace."""
        self._later.stop()
        self._workspace.saved_changed.disconnect(self._on_field)
        self._workspace.outcome_changed.disconnect(self._on_field)

    def go_to(self, origin: Origin, id_: int) -> None:
        """Open the field of a cell and look at the cell from near."""
        self._goes_to = origin, id_
        if not self._arrive():
            self.show_origin(origin)

    def _on_field(self, _: object = None) -> None:
        if self._goes_to is not None:
            self._later.start(0)  # once its layers are there

    def _arrive(self) -> bool:
        """Show the cell that was gone to, if its field is here."""
        shown, annotation = self._workspace.shown, self._reviewer.annotation
        if self._goes_to is None or shown is None or annotation is None:
            return False
        origin, id_ = self._goes_to
        if field_id(shown.plane.origin) != field_id(origin) or id_ not in annotation.records:
            return False
        self._goes_to = None
        self.arriving = True
        self._reviewer.show_cell(id_)
        self.arriving = False
        return True
