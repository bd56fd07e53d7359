"""How the result under review stands on the disk, and what was corrected in it before.

It is looked for in a thread, as a large result takes long to read. An edit that is made before the look has ended looks
itself, so that it never goes over what others did.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from qtpy.QtCore import QObject, Signal

from napari_cellvino.annotation import Annotation
from napari_cellvino.core.errors import CellvinoError, OutputError
from napari_cellvino.gui.review.editor import Editor
from napari_cellvino.gui.widgets.failure import failure_of
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.results.corrections import EarlierCorrections, Seen, find_earlier, seen_of

CORRECTED_ELSEWHERE = "this image was corrected elsewhere after it was opened here; go on with that, or begin anew"


class EarlierLook(QObject):
    """Looks at the result of one annotation at a time; ``folder`` says where it is, or will be."""

    changed = Signal()

    def __init__(self, folder: Callable[[], Path], worker: SerialWorker) -> None:
        super().__init__()
        self._folder, self._worker = folder, worker
        self.found: EarlierCorrections | None = None  # as long as it is on offer
        self.seen: Seen | None = None  # how the result stood when it was looked at; None until then
        self._task = Task()

    def forget(self) -> None:
        """Offer nothing: another annotation is reviewed, or none."""
        self._task.stop()
        self.found = None

    def look(self, editor: Editor, fresh: Annotation) -> None:
        """Look for what was corrected in the image of a new result, which the editor has."""
        self.seen = None
        try:
            folder = self._folder()
        except CellvinoError as error:
            self._fail(editor, fresh, None, error)
            return
        seen = seen_of(folder)
        self._task = Task(
            done=partial(self._offer, editor, fresh, seen), failed=partial(self._fail, editor, fresh, seen)
        )
        self._worker.start(partial(find_earlier, folder, fresh), self._task)

    def _offer(self, editor: Editor, fresh: Annotation, seen: Seen, found: EarlierCorrections | None) -> None:
        if fresh is editor.annotation and editor.session is None:
            self.seen, self.found = self.seen or seen, found
            self.changed.emit()

    def _fail(self, editor: Editor, fresh: Annotation, seen: Seen | None, error: BaseException) -> None:
        """Say why what was corrected is not offered; the first edit goes on without it, as that says."""
        if fresh is editor.annotation:
            self.seen = self.seen or seen
            editor.failure = failure_of(error)
            self.changed.emit()

    def check(self, annotation: Annotation | None) -> None:
        """Raise OutputError where others corrected the result since it was looked at here, and offer theirs."""
        self._task.stop()
        try:
            folder = self._folder()
        except OutputError:  # there is none: what is done is in memory
            return
        before, self.seen = self.seen, seen_of(folder)
        if annotation is None or self.seen == before:
            return
        self.found = find_earlier(folder, annotation)
        if self.found is not None:
            raise OutputError(CORRECTED_ELSEWHERE)

    def take_note(self, saved: Path) -> None:
        """Take note of how the result stands, which was written from here a moment ago."""
        self.seen = seen_of(saved)
