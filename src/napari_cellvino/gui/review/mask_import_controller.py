"""Masks from a file into the review: read on the thread, taken in as one edit that undo takes back."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_cellvino.annotation import Annotation
from napari_cellvino.gui.review.review_controller import ReviewController
from napari_cellvino.gui.widgets.failure import failure_of
from napari_cellvino.gui.widgets.formatting import format_count
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.workflows.import_into_review import Masks, read_masks, take_masks

IN_UM = "GeoJSON in µm (*.geojson *.json)"
KINDS = f"Masks (*.tif *.tiff *.png *.npy *.zip *.roi *.json *.geojson *.txt);;{IN_UM};;All files (*)"


class MaskImportController(QObject):
    """One file at a time; ``reading`` is its name, or empty."""

    changed = Signal()
    taken = Signal()  # masks came in

    def __init__(self, reviewer: ReviewController, worker: SerialWorker) -> None:
        super().__init__()
        self._reviewer, self._worker = reviewer, worker
        self.reading = ""

    def ask(self, parent: QWidget) -> None:
        """Let the user choose a file and take it."""
        path, kind = QFileDialog.getOpenFileName(parent, "Masks of this image", "", KINDS)
        if path:
            self.take(Path(path), in_um=kind == IN_UM)

    def take(self, path: Path, *, in_um: bool = False) -> None:
        """Take the masks of a file in the place of all cells that were not reviewed; outlines may be in µm."""
        annotation = self._reviewer.annotation
        if annotation is None or self.reading:
            return
        self.reading = path.name
        self.changed.emit()
        task = Task(done=lambda masks: self._take(annotation, masks), failed=self._fail)
        stack = self._reviewer.workspace.stack
        shown = self._reviewer.workspace.shown
        plane = shown.plane if shown is not None else None
        self._worker.start(lambda: read_masks(path, annotation, in_um=in_um, stack=stack, plane=plane), task)

    def _take(self, annotation: Annotation, masks: Masks) -> None:
        self.reading = ""
        reviewer = self._reviewer
        if reviewer.annotation is annotation:
            before = sum(record.reviewed for record in annotation.records.values())
            if reviewer.do(lambda now: take_masks(now, masks).edit) is not None:
                reviewer.select(())
                reviewer.editor.said = _describe(masks, len(annotation.records) - before, before)
                reviewer.queue.renew()
                reviewer.changed.emit()
                self.taken.emit()
        self.changed.emit()

    def _fail(self, error: BaseException) -> None:
        self.reading = ""
        self._reviewer.editor.say(failure_of(error).message)
        self.changed.emit()


def _describe(masks: Masks, new: int, kept: int) -> str:
    left = f", {kept} that you reviewed stay{'s' if kept == 1 else ''}" if kept else ""
    notices = "".join(f"\n{notice}" for notice in masks.cells.notices)
    return f"{format_count(new)} from {masks.file.name}{left}; undo brings the others back{notices}"
