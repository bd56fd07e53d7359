"""The queue of doubtful links of a film: the worst first, without those of tracks that were accepted."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import QObject, Signal

from napari_cellvino.annotation import Annotation
from napari_cellvino.core.objects import ReviewState
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.tracking.doubts import doubtful_links
from napari_cellvino.tracking.link_film import LinkedFilm


@dataclass(frozen=True, slots=True)
class LinkDoubt:
    """A link to look at: the track, the frame (from 0), and why."""

    track: int
    frame: int
    reason: str


class LinkQueue(QObject):
    """Lists the doubts of a film, found again in the thread after every change of its tracks."""

    changed = Signal()

    def __init__(self, worker: SerialWorker) -> None:
        super().__init__()
        self._worker, self._task = worker, Task()
        self.doubts: tuple[LinkDoubt, ...] = ()
        self.looking = False  # for the first ones of a film
        self.at: LinkDoubt | None = None
        self._last = 0  # its place

    def show(self, linked: LinkedFilm | None, annotation: Annotation | None) -> None:
        """List the doubts of other tracks, or of none."""
        self._task.stop()
        if linked is None or annotation is None:
            self.doubts, self.at, self.looking = (), None, False
            return
        self.looking = not self.doubts
        accepted = {t for t, record in annotation.records.items() if record.review is ReviewState.ACCEPTED}
        self._task = Task(done=self._take)
        self._worker.start(lambda: _doubts(linked, accepted), self._task)

    def _take(self, doubts: tuple[LinkDoubt, ...]) -> None:
        self.doubts, self.looking = doubts, False
        self.changed.emit()

    def step(self, by: int) -> LinkDoubt | None:
        """Return the next doubt, or the one before, and stay there; None at the end."""
        gone = self._last if by > 0 else self._last - 1  # of one that was mended, the next lies in its place now
        at = self.place + by if self.at in self.doubts else max(gone, 0)
        if not 0 <= at < len(self.doubts):
            return None
        self._last, self.at = at, self.doubts[at]
        self.changed.emit()
        return self.at

    @property
    def place(self) -> int:
        """The number, from 0, of the doubt that is looked at; -1 for none."""
        return self.doubts.index(self.at) if self.at is not None and self.at in self.doubts else -1


def _doubts(linked: LinkedFilm, accepted: set[int]) -> tuple[LinkDoubt, ...]:
    table = doubtful_links(linked)
    columns = (table["track"].tolist(), table["frame"].tolist(), table["reason"].tolist())
    found = (LinkDoubt(track, frame, reason) for track, frame, reason in zip(*columns, strict=True))
    return tuple(doubt for doubt in found if doubt.track not in accepted)
