"""Snapshots of an annotation, to be measured and saved in a thread while editing continues."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import numpy as np

from napari_cellvino.annotation.document import Annotation
from napari_cellvino.annotation.journal import Journal
from napari_cellvino.annotation.pixel_runs import Labels
from napari_cellvino.annotation.region import Region


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy of an annotation; ``first`` tells whether its session has saved nothing yet."""

    annotation: Annotation
    first: bool
    _journal: Journal | None
    _steps: int  # number of journal steps it contains
    _on_end: Callable[[bool], None]  # called with whether it was saved

    @contextmanager
    def saving(self, journal: Path | None = None) -> Iterator[None]:
        """Mark the journal, let the caller write the result, then drop the saved steps from the journal.

        If the block raises, the steps stay in the journal. ``journal`` is its new path, by default the current one.

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
            self._on_end(saved)

    def drop(self) -> None:
        """Release a snapshot that is not saved; nothing happens if it was."""
        self._on_end(False)


class IncrementalCopy:
    """A copy of a changing label image: the whole image is copied once, from then on only the changes."""

    def __init__(self) -> None:
        self._copy: Labels | None = None
        self._ahead: Thread | None = None  # makes the first copy
        self._changed: list[Region] = []

    def begin(self, labels: Labels) -> None:
        """Copy the labels as they are in a thread, where they were not copied yet.

        Nothing may change them meanwhile that is not registered before.
        """
        if self._copy is None:
            copy = self._copy = np.empty_like(labels)
            self._ahead = Thread(target=lambda: np.copyto(copy, labels), name="cellvino-copy")
            self._ahead.start()

    def add_change(self, region: Region) -> None:
        """Register a changed region."""
        if self._copy is not None:
            self._changed.append(region)

    def update(self, labels: Labels, *, separate: bool) -> Labels:
        """Return a copy of the current labels; ``separate`` leaves the previous copy unchanged, for its reader."""
        if self._ahead is not None:
            self._ahead.join()
            self._ahead = None
        if self._copy is None or separate:
            self._copy = labels.copy()
        for region in self._changed:
            self._copy[region.slices] = labels[region.slices]
        self._changed.clear()
        return self._copy
