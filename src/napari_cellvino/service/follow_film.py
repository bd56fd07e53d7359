"""Follow a folder of frames that grows: each frame is tracked once it is written to its end.

A frame counts as written when its size and time have stood still; those after it wait, so that the order holds. One
that cannot be read then is looked at again until the others have waited long enough for it, and is left out in the end.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.core.progress import Progress
from napari_cellvino.io import list_images
from napari_cellvino.io.folder_listing import natural_order
from napari_cellvino.service.folder_changes import told_of_changes
from napari_cellvino.service.inputs import Input, UnchangedSince
from napari_cellvino.workflows.growing_film import GrowingTracks
from napari_cellvino.workflows.track_film import TrackedFilm

WAITING = "waiting"  # the noun of progress while nothing is to be done
FIRST = 2  # frames that are waited for at first: the size of cells is told by more than one
SHARE = 0.1  # of the time that results may be written in while frames still come

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited, in s: until a file that stands still is written, for a further frame, and between looks."""

    settle_s: float = 5.0
    end_s: float = 120.0
    every_s: float = 1.0


class FrameList:
    """The frames of a folder that are written to their end."""

    def __init__(self, folder: Path, settle_s: float) -> None:
        self._folder, self._settled = folder, UnchangedSince(settle_s, settle_s)
        self._taken: set[Path] = set()
        self.left_out: dict[Path, str] = {}
        self.waits = False  # for a frame that is being written

    def ready(self, now: float) -> list[Path]:
        """Return the frames that can be read, in order; none that comes after one that is still written."""
        found: list[Path] = []
        self.waits = False
        there = {*list_images(self._folder), *self._taken}  # what was taken counts, though it may be cleared away
        for path in sorted(there, key=lambda path: natural_order(path.name)):
            if path in self._taken:
                found.append(path)
            elif path not in self.left_out:
                self.waits |= not self._stands_still(path, now)  # asked of each, so that all stand still together
                found += [] if self.waits else [path]
        return found

    def take(self, files: list[Path]) -> None:
        """Note that frames were tracked."""
        self._taken.update(files)

    def _stands_still(self, path: Path, now: float) -> bool:
        try:
            stat = path.stat()
        except OSError:  # gone, or not there yet
            return False
        stamp = (stat.st_size, stat.st_mtime_ns)
        return self._settled.look(Input(path, path.name, stamp), now) <= 0


def follow_film(
    folder: Path,
    tracks: GrowingTracks,
    patience: Patience,
    stop: threading.Event,
    clock: Callable[[], float] = time.monotonic,
) -> Generator[Progress, None, TrackedFilm | None]:
    """Yield progress and return the tracked film, when no frame came for long or ``stop`` was set.

    What is known is written whenever there is nothing else to do, and at the end. None where there is no frame, or
    nothing but what an earlier run wrote.

    Raises
    ------
    CellvinoError
        If results cannot be written, or a frame not be found for another reason than that it cannot be read.
    """
    frames, wake = FrameList(folder, patience.settle_s), threading.Event()
    came = ended = clock()
    written, took, result = (0, 0), 0.0, None
    with told_of_changes([folder], wake):
        while True:
            wake.clear()
            files, before = frames.ready(clock()), len(tracks.files)
            over = clock() - came > patience.end_s and not frames.waits
            if len(files) > before and (over or len(files) >= FIRST) and not stop.is_set():
                bad = yield from _take(files, tracks, frames, stop)
                came = clock() if bad is None or len(tracks.files) > before else came
                if bad is not None and over:
                    frames.left_out[bad[0]] = bad[1]
                if bad is None or over:
                    continue
            over |= stop.is_set()
            known = len(tracks.files), len(frames.left_out)
            due = known[0] > 0 and known != written and not tracks.is_as_written
            if due and (over or clock() - ended >= took / SHARE):
                begun, result = clock(), None  # of a long film, two are large
                result = tracks.write([f"left out: {why}" for why in frames.left_out.values()])
                written, ended = known, clock()
                took = ended - begun
            if over:
                if not tracks.files and frames.left_out:
                    raise ImageReadError(f"no frame of {folder} can be tracked: {next(iter(frames.left_out.values()))}")
                return result
            yield Progress(WAITING, len(tracks.files), max(len(files), len(tracks.files)))
            wake.wait(patience.every_s)


def _take(
    files: list[Path], tracks: GrowingTracks, frames: FrameList, stop: threading.Event
) -> Generator[Progress, None, tuple[Path, str] | None]:
    """Track what is new until ``stop`` is set; return the frame that cannot be read, and why."""
    running = tracks.take(files)
    try:
        for progress in running:
            yield progress
            if stop.is_set():
                break
    except (ImageReadError, ImageValueError) as error:
        bad = next(file for file in files if file not in set(tracks.files))
        _logger.info("follow %s: %s is not read yet: %s", tracks.folder, bad.name, error)
        return bad, f"{bad.name}: {error}"
    finally:
        running.close()
        frames.take(tracks.files)
    return None
