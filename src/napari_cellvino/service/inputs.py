"""The inputs in watched folders: image files, image folders and plates, and whether they are written to their end.

A file counts as written when its size and time have stood still for a while, as a slow copy changes both. A plate or an
image folder counts when nothing in it has changed for longer, as an instrument goes from well to well.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from napari_cellvino.core.errors import CellvinoError, OptionError
from napari_cellvino.core.image import MetadataOverrides
from napari_cellvino.io import is_image_folder, is_result_folder, open_as, scan_folder
from napari_cellvino.io.plates import find_plate
from napari_cellvino.io.registry import sets_first
from napari_cellvino.service.rules import InputKind

Found = TypeVar("Found")
Stamp = tuple[int, int]
SET = "set"  # the kind of job that is run for all files of a set
PLATE = "plate"  # and for all of a plate


@dataclass(frozen=True, slots=True)
class Input:
    """Something that can be run: ``relative`` is its path below the watched folder, with ``/``.

    A ``film`` that is a folder is taken as it grows: its frames are waited for one by one. Of a set of ``files``, the
    path is one of them; it ``waits`` for others that are not there.
    """

    path: Path
    relative: str
    stamp: Stamp
    folder: bool = False
    plate: bool = False
    film: bool = False
    files: int = 1
    waits: bool = False

    @property
    def source(self) -> str:
        """What its job calls it: its whole path."""
        return str(self.path.absolute())

    @property
    def kind(self) -> str:
        """What its job is called: image, set, plate or film."""
        return "film" if self.film else PLATE if self.plate else SET if self.files > 1 else "image"


def check_folders(folders: Sequence[Path], root: Path) -> None:
    """Check the folders that are to be watched, with the folder of results.

    Raises
    ------
    OptionError
        If one is no folder, or is watched twice, or results would lie among its images.
    """
    real = [folder.resolve() for folder in folders]
    for folder, path in zip(folders, real, strict=True):
        if not folder.is_dir():
            raise OptionError(f"there is no folder {folder} to watch; check the name, or that its disk is connected")
        if path == root.resolve():
            own = folder / "results"
            raise OptionError(
                f"results would lie among the images of {folder}; give them a folder of their own, as {own}"
            )
        if any(path.is_relative_to(other) for other in real if other is not path):
            raise OptionError(f"{folder} would be watched twice, as folders are watched to any depth; name it once")


class Folders:
    """Lists the inputs in watched folders; folders that cannot be read are left for the next time and named.

    Parameters
    ----------
    folders
        The watched folders, searched to any depth.
    leave_out
        The folder of results, which may lie among them.
    take
        What a folder's content is to be taken for, by its path below the watched folder.
    """

    def __init__(self, folders: tuple[Path, ...], leave_out: Path, take: Callable[[str], InputKind]) -> None:
        self.folders, self._leave_out, self._take = folders, leave_out, take
        self._plates: dict[Path, tuple[int, bool]] = {}
        self._frames: dict[Path, tuple[int, int]] = {}
        self.unreadable: dict[Path, str] = {}

    def list(self) -> Iterator[Input]:
        """Yield every input, folder by folder."""
        self.unreadable = {}
        for top in self.folders:
            yield from self._inside(top, top)

    def is_away(self, path: Path) -> bool:
        """Return whether a path is gone with the watched folder that it was in, as with a drive that was unmounted."""
        top = next((top for top in self.folders if path.is_relative_to(top)), None)
        try:
            return top is None or (not os.path.exists(path) and not os.listdir(top))
        except OSError:
            return True

    def _inside(self, folder: Path, top: Path) -> Iterator[Input]:
        try:
            names = sorted(os.listdir(folder))
            if is_result_folder(names):
                return
            relative = _relative(folder, top)
            if self._is_top_plate(top, names) if folder == top else self._is_below_plate(folder, relative):
                stamp = folder_stamp(folder, self._leave_out)
                yield Input(folder, relative, stamp, folder=True, plate=True)
                return
            if self._take(relative) is InputKind.FILM:
                films = list(self._films(folder, top, names))
                yield from films
                if any(film.path == folder for film in films):
                    return
                images: Sequence[Path] = ()
            else:
                images = sets_first(scan_folder(folder).images)
            for path in images:
                inside = path.is_dir()
                found = folder_stamp(path) if inside else _stamp(path)
                if found is not None:
                    yield Input(path, _relative(path, top), found, folder=inside)
        except CellvinoError as error:
            self.unreadable[folder] = str(error)
            return
        except OSError as error:
            why = error.strerror or type(error).__name__
            self.unreadable[folder] = f"it cannot be read ({why}); check that its disk is connected"
            return
        for name in names:
            below = folder / name
            if not name.startswith(".") and below.is_dir() and not below.is_symlink() and self._is_searched(below):
                yield from self._inside(below, top)

    def _films(self, folder: Path, top: Path, names: Sequence[str]) -> Iterator[Input]:
        """Yield a folder whose images are frames, or those of its files that are films themselves.

        A folder is no film where folders in it hold images: these are the films, and what lies beside them is named.
        """
        images = [path for path in scan_folder(folder).images if path.is_file()]
        if not images or not (frames := self._frames_in(images[0])):
            return
        if frames > 1:
            for path in images:
                if self._frames_in(path) > 1:
                    stat = path.stat()
                    yield Input(path, _relative(path, top), (stat.st_size, stat.st_mtime_ns), film=True)
        elif any(self._holds_images(folder / name) for name in names if not name.startswith(".")):
            self.unreadable[folder] = "folders in it are films; the images beside them are left out"
        else:
            yield Input(folder, _relative(folder, top), folder_stamp(folder, self._leave_out), folder=True, film=True)

    def _holds_images(self, folder: Path) -> bool:
        return folder.is_dir() and self._is_searched(folder) and bool(scan_folder(folder).images)

    def _frames_in(self, path: Path) -> int:
        """Return how many time points a file has, 0 where it cannot be read (yet); it is opened when it has changed."""
        return _unless_changed(self._frames, path, _time_points)

    def _is_searched(self, folder: Path) -> bool:
        return folder.absolute() != self._leave_out and not is_image_folder(folder)

    def _is_below_plate(self, folder: Path, relative: str) -> bool:
        take = self._take(relative)
        return take is InputKind.PLATE or (take is InputKind.AUTO and self._is_plate(folder))

    def _is_top_plate(self, top: Path, names: Sequence[str]) -> bool:
        """Return whether a watched folder is itself one plate, and not the folder that plates are in."""
        if self._take(top.name) in (InputKind.IMAGES, InputKind.FILM) or not self._is_plate(top):
            return False
        return not any((top / name).is_dir() and self._is_plate(top / name) for name in names)

    def _is_plate(self, folder: Path) -> bool:
        """Return whether a folder is a plate, looked at again only when its list of files has changed."""
        return _unless_changed(self._plates, folder, _found_plate)


def _unless_changed(known: dict[Path, tuple[int, Found]], path: Path, find: Callable[[Path], Found]) -> Found:
    """Return what is ``known`` of a path since its time, and find it out where that has changed."""
    changed = path.stat().st_mtime_ns
    held = known.get(path)
    if held is None or held[0] != changed:
        held = known[path] = (changed, find(path))
    return held[1]


def _found_plate(folder: Path) -> bool:
    try:
        return find_plate(folder, MetadataOverrides()) is not None
    except CellvinoError:  # damaged, or not all there yet: what it is says the run
        return True


def _time_points(path: Path) -> int:
    try:
        return open_as(path, MetadataOverrides()).read().shape.t
    except CellvinoError:  # not all there yet; what is damaged is looked at again when it changes
        return 0


def folder_stamp(folder: Path, leave_out: Path | None = None) -> Stamp:
    """Return the size of all files in a folder, but for one folder in it, and the time of the last change of one."""
    size = newest = 0
    for place, below, names in os.walk(folder):
        below[:] = [name for name in below if Path(place, name).absolute() != leave_out]
        for stamp in filter(None, map(_stamp, [place, *(os.path.join(place, name) for name in names)])):
            size, newest = size + stamp[0], max(newest, stamp[1])
    return size, newest


def _stamp(path: Path | str) -> Stamp | None:
    """Return size and time of a file; None where it has gone since it was listed, as one that was renamed."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns


def _relative(path: Path, top: Path) -> str:
    """Return the path below a watched folder; of the folder itself, which may be a plate, its name."""
    return top.name if path == top else path.relative_to(top).as_posix()


class UnchangedSince:
    """Knows since when each input stands still.

    Parameters
    ----------
    file_s, folder_s
        Seconds that a file, or a folder, must stand still to count as written.
    """

    def __init__(self, file_s: float, folder_s: float) -> None:
        self._file_s, self._folder_s = file_s, folder_s
        self._since: dict[Path, tuple[Stamp, float]] = {}

    def look(self, found: Input, now: float) -> float:
        """Return for how many more seconds an input must stand still; 0 where it is written."""
        if found.film and found.folder:
            return 0.0
        stamp, since = self._since.get(found.path, (None, now))
        if stamp != found.stamp:
            since = now
            self._since[found.path] = (found.stamp, now)
        return max(0.0, since + (self._folder_s if found.folder or found.waits else self._file_s) - now)

    def forget(self, path: Path) -> None:
        """Forget an input that is queued."""
        self._since.pop(path, None)
