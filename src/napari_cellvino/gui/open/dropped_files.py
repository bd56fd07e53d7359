"""What is dropped or chosen to be opened: images are opened, label images wait for a word on what they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from qtpy.QtCore import QObject, Signal

from napari_cellvino.gui.review.mask_import_controller import MaskImportController
from napari_cellvino.gui.review.review_controller import ReviewController
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.workflows.label_files import label_files


class DroppedFiles(QObject):
    """Sorts files before they are opened; ``label_images`` are those that nobody has said a word of."""

    changed = Signal()

    def __init__(
        self,
        open_images: Callable[..., None],
        reviewer: ReviewController,
        masks: MaskImportController,
        worker: SerialWorker,
    ) -> None:
        super().__init__()
        self._open, self._reviewer, self._masks, self._worker = open_images, reviewer, masks, worker
        self.label_images: tuple[Path, ...] = ()
        reviewer.replaced.connect(self.changed)

    def open(self, paths: Sequence[Path]) -> None:
        """Open images, folders and plates; a file that holds a label image is not counted as an image unasked."""
        if all(path.is_dir() for path in paths):
            self._open(*paths)
            return
        self._worker.start(partial(label_files, tuple(paths)), Task(done=partial(self._sorted, tuple(paths))))

    def _sorted(self, paths: tuple[Path, ...], found: tuple[Path, ...]) -> None:
        images = [path for path in paths if path not in found]
        self.label_images = found
        self.changed.emit()
        if images:
            self._open(*images)

    @property
    def missing(self) -> str:
        """Why the label image cannot be taken as cells of the image that is shown; empty where it can."""
        if len(self.label_images) > 1:
            return "Drop the label image of one image at a time"
        if self._reviewer.annotation is None:
            return "Open its image and run a model first (tab 2): the masks take the place of what that finds"
        return ""

    def take(self) -> None:
        """Take the label image as cells of the image that is reviewed, as one edit that undo takes back."""
        if self.label_images and not self.missing:
            self._masks.take(self.label_images[0])
            self.put_away()

    def open_anyway(self) -> None:
        """Open what holds label images as images."""
        found = self.label_images
        self.put_away()
        if found:
            self._open(*found)

    def put_away(self) -> None:
        """Do nothing with them."""
        self.label_images = ()
        self.changed.emit()
