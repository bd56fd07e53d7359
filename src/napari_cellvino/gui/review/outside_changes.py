"""Changes of the label image that other programs make: taken in as one edit, or set back where that is impossible.

A script, the console or another plugin may write into the layer's array or replace it. A copy of the labels as they
were after the last edit tells what they did; comparing costs 6 ms for 4096 x 4096 px. What is saved first
is copied from that copy, in a thread and before anyone saves. Boxes are drawn as lines, which are set back.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from napari.layers import Vectors
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_cellvino.annotation import Annotation, Change, Region
from napari_cellvino.annotation.document import LAST_ID
from napari_cellvino.annotation.paint_strokes import stroke_of_region
from napari_cellvino.core.threads import THREADS, together
from napari_cellvino.gui.napari_bridge import ReviewLayer, box_lines
from napari_cellvino.gui.review.editor import Editor
from napari_cellvino.gui.widgets.delay import debouncer

PIECE = 1 << 16  # px that are compared at once
FEW_PIECES = 32  # that are not worth a thread of their own
DELAY_MS = 150  # after the last time that the layer was drawn
AHEAD_MS = 300  # after a new result: a slider that moves on has another one soon
NAME = "Change from outside"
TAKEN = "The labels were changed outside CellVINO. The change is one step of the review; undo takes it back."
BOXES_SET_BACK = "The boxes were changed outside CellVINO, and were set back; correct them with the buttons above."
SET_BACK = "the labels were replaced by {what}, which do not fit this image; they were set back"


class OutsideChanges(QObject):
    """Watches the labels, or the boxes, of one annotation at a time."""

    boxes_changed = Signal()  # are to be drawn again as they are

    def __init__(self, editor: Editor) -> None:
        super().__init__()
        self._editor = editor
        self._layer: ReviewLayer | None = None
        self._annotation: Annotation | None = None
        self._seen: NDArray[np.int32] | None = None  # the labels after the last edit
        self._lines: NDArray[np.float32] | None = None  # that boxes were drawn with
        self._own = False  # whether nobody else reads them, so that edits may be written into them
        self._ahead: Future[NDArray[np.int32]] | None = None  # a copy that may be written into, in the making
        self._checking = False
        self._later = debouncer(self, DELAY_MS, self.check)
        self._prepare = debouncer(self, AHEAD_MS, self._copy_seen)
        editor.edited.connect(self._on_edit)
        editor.begun.connect(self._forget)
        editor.about_to_edit.connect(self.check)

    @property
    def seen(self) -> NDArray[np.int32] | None:
        """The labels after the last edit, in an array that nobody paints in; None without a layer of outlines."""
        return self._seen

    def watch(self, layer: ReviewLayer | None, seen: NDArray[np.int32] | None = None) -> None:
        """Watch the layer that shows the annotation, or none.

        ``seen`` are its labels in an array that nobody changes, if there is one: it is copied before the first edit.
        """
        annotation = self._editor.annotation if layer is not None else None
        self._lines = layer.layer.data.copy() if layer is not None and isinstance(layer.layer, Vectors) else None
        if layer is self._layer and annotation is self._annotation:
            return
        labels = annotation.labels if annotation is not None else None
        if self._layer is not None:
            self._layer.drawn_again.disconnect(self._later.throttle)
            self._later.cancel()
            self._prepare.cancel()
        self._layer, self._annotation = layer, annotation
        self._seen, self._own = (seen, False) if seen is not None else (None if labels is None else labels.copy(), True)
        self._ahead = None
        if self._layer is not None:
            self._layer.drawn_again.connect(self._later.throttle)
            self._prepare.throttle()
        self._copy_ahead()

    def check(self) -> None:
        """Take in what was changed outside, if anything was; nothing is looked at in the middle of a stroke."""
        layer, annotation, seen = self._layer, self._annotation, self._seen
        if self._checking or layer is None or annotation is None or layer.unfinished:
            return
        if annotation is not self._editor.annotation:
            return
        if seen is None:
            self._check_boxes(np.asarray(layer.layer.data), annotation)
            return
        now = np.asarray(layer.layer.data)
        replaced = now is not annotation.labels
        self._checking = True
        if replaced and not _fits(now, seen):
            layer.put(annotation.pixels)
            self._editor.say(SET_BACK.format(what=f"{now.dtype} values of shape {now.shape}"))
        elif not _same(now, seen):
            self._take_in(now.astype(np.int32), seen)
        elif replaced:
            layer.put(annotation.pixels)
        self._checking = False

    def _check_boxes(self, now: NDArray[np.generic], annotation: Annotation) -> None:
        """Have boxes drawn again that are drawn neither as they were nor as they are."""
        if self._lines is None or np.array_equal(now, self._lines):
            return
        if not np.array_equal(now, box_lines(annotation.objects.box)):
            self._lines = None
            self.boxes_changed.emit()
            self._editor.say(BOXES_SET_BACK)

    def _take_in(self, now: NDArray[np.int32], seen: NDArray[np.int32]) -> None:
        layer, annotation = self._layer, self._annotation
        if layer is None or annotation is None:
            return
        stroke = stroke_of_region(Region((0,) * now.ndim, now.shape), seen, now)
        annotation.pixels[...] = seen
        if self._editor.take_in(NAME, stroke):
            self._editor.said = TAKEN
            self._editor.changed.emit()
        layer.put(annotation.pixels)

    def _forget(self) -> None:
        """Forget the labels: steps that were found again have changed them. `watch` remembers them anew."""
        self._annotation = self._seen = self._ahead = None

    def _on_edit(self, change: Change) -> None:
        """Remember what an edit of ours made of the labels."""
        annotation = self._annotation
        if self._seen is None or annotation is not self._editor.annotation or annotation is None:
            return
        if change.replaced:
            self._forget()
            return
        if change.pixels:
            if not self._own:
                self._seen, self._own = self._seen.copy() if self._ahead is None else self._ahead.result(), True
                self._ahead = None
            where = change.region.slices if change.region is not None else (...,)
            self._seen[where] = annotation.pixels[where]
        self._copy_ahead()

    def _copy_seen(self) -> None:
        """Copy the labels in a thread, so that the first edit need not: it takes a tenth of a second."""
        if self._seen is not None and not self._own and self._ahead is None:
            with_one = ThreadPoolExecutor(1, thread_name_prefix="cellvino-copy")
            self._ahead = with_one.submit(self._seen.copy)
            with_one.shutdown(wait=False)

    def _copy_ahead(self) -> None:
        session = self._editor.session
        if session is not None and self._seen is not None and session.annotation is self._annotation:
            session.copy_ahead(self._seen)


def _same(now: NDArray[np.generic], seen: NDArray[np.int32]) -> bool:
    """Compare labels of one shape piece by piece: pieces stay in the processor, one large mask would not."""
    one, other = now.reshape(-1), seen.reshape(-1)

    def same(first: int) -> bool:
        starts = range(first, min(first + share, one.size), PIECE)
        return all(np.array_equal(one[at : at + PIECE], other[at : at + PIECE]) for at in starts)

    share = PIECE * max(FEW_PIECES, -(-one.size // (PIECE * THREADS)))
    return all(together(same, range(0, one.size, share)))


def _fits(now: NDArray[np.generic], seen: NDArray[np.int32]) -> bool:
    if now.shape != seen.shape or now.dtype.kind not in "iub":
        return False
    return int(now.min(initial=0)) >= 0 and int(now.max(initial=0)) < LAST_ID
