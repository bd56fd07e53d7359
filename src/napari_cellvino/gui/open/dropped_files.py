"""What is dropped or chosen to be opened: images are opened, label images wait for a word on what they are.

What is dropped on the picture napari opens by itself, before anybody is asked; it is looked at afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import napari
from napari.layers import Image, Labels
from napari.utils.events import Event
from qtpy.QtCore import QObject, Signal

from napari_cellvino.gui.review.mask_import_controller import MaskImportController
from napari_cellvino.gui.review.review_controller import ReviewController
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.workflows.label_files import label_files


class DroppedFiles(QObject):
    """Sorts files before they are opened; ``label_images`` are those that nobody has said a word of."""

    changed = Signal()
    found = Signal()  # a label image that napari has opened

    def __init__(
        self,
        viewer: napari.Viewer,
        open_images: Callable[..., None],
        reviewer: ReviewController,
        masks: MaskImportController,
        worker: SerialWorker,
    ) -> None:
        super().__init__()
        self._open, self._reviewer, self._masks, self._worker = open_images, reviewer, masks, worker
        self._viewer = viewer
        self.label_images: tuple[Path, ...] = ()
        reviewer.replaced.connect(self.changed)
        viewer.layers.events.inserted.connect(self._on_inserted)

    def close(self) -> None:
        """Let go of the viewer."""
        self._viewer.layers.events.inserted.disconnect(self._on_inserted)

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

    def _on_inserted(self, event: Event) -> None:
        layer = event.value
        if isinstance(layer, Image | Labels) and layer.source.path:
            paths = (Path(layer.source.path),)
            self._worker.start(partial(label_files, paths), Task(done=partial(self._opened_by_napari, layer)))

    def _opened_by_napari(self, layer: Image | Labels, found: tuple[Path, ...]) -> None:
        """Offer to take in a label image; it does not stay as an image over the one that it belongs to."""
        if not found or layer not in self._viewer.layers:
            return
        if isinstance(layer, Image) and any(other is not layer for other in _images(self._viewer)):
            self._viewer.layers.remove(layer)
        self.label_images = found
        self.changed.emit()
        self.found.emit()

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


def _images(viewer: napari.Viewer) -> list[Image]:
    return [layer for layer in viewer.layers if isinstance(layer, Image)]
