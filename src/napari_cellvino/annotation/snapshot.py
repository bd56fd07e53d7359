"""An annotation as it was at one moment, to be measured and saved in a thread while editing goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from napari_cellvino.annotation.document import Annotation
from napari_cellvino.annotation.journal import Journal
from napari_cellvino.annotation.pixel_runs import Labels
from napari_cellvino.annotation.region import Region


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy of an annotation; ``first`` tells whether its session saved nothing before."""

    annotation: Annotation
    first: bool
    _journal: Journal | None
    _steps: int  # of the journal that it holds
    _end: Callable[[bool], None]  # hears once whether it was saved

    @contextmanager
    def saving(self, journal: Path | None = None) -> Iterator[None]:
        """Mark the journal, let the caller write the result, and drop the steps that are in it.

        Where the block raises, the journal is as it was. ``journal`` is where it goes on, by default where it is.

        Raises
        ------
        OutputError
            If the journal cannot be written.
        """
        saved = False
        try:
            fingerprint = self.annotation.fingerprint()
            if self._journal is not None:
                self._journal.mark_saving(fingerprint, self._steps)
            yield
            if self._journal is not None:
                self._journal.drop_saved(fingerprint, self._steps, journal)
            saved = True
        finally:
            self._end(saved)

    def drop(self) -> None:
        """Let go of a snapshot that is not saved; of one that was, nothing happens."""
        self._end(False)


class LabelCopies:
    """Copies of a label image that changes: the first costs the whole image, each later one what changed since."""

    def __init__(self) -> None:
        self._copy: Labels | None = None
        self._changed: list[Region] = []

    def note(self, region: Region) -> None:
        """Hear of pixels that changed."""
        if self._copy is not None:
            self._changed.append(region)

    def take(self, labels: Labels, *, apart: bool) -> Labels:
        """Return a copy of the labels as they are; ``apart`` leaves the copy before as it is, for its reader."""
        if self._copy is None or apart:
            self._copy = labels.copy()
        for region in self._changed:
            self._copy[region.slices] = labels[region.slices]
        self._changed.clear()
        return self._copy
