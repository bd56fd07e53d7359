"""What the readers of instruments' own formats share: the libraries they need, and files that stay open meanwhile."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.core.image import Shape
from napari_cellvino.io.checks import check_memory, parse_errors

Foreign: TypeAlias = Any  # an object of a library that has no types, or of one that need not be installed
GetPlane: TypeAlias = Callable[[Any, int, int, int], NDArray[np.generic]]  # open file, t, c, z -> (Y, X)
INSTALL = "pip install 'napari-cellvino[formats]'"


class MissingLibraryError(ImageReadError):
    """The library that reads a format is not installed."""


def load_library(name: str, path: Path, format_name: str) -> Foreign:
    """Return a library of the extra ``formats``.

    Raises
    ------
    MissingLibraryError
        If it is not installed; the message has the line that installs it.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingLibraryError(
            f"{path.name} is of the format {format_name}; what reads it ({name}) is not installed: {INSTALL}"
        ) from error


class LazyFile:
    """A file of a vendor's library, opened when its first plane is read and closed when nobody holds it any more.

    These libraries parse the directory of the whole file whenever they open it; to open it for each plane would cost
    many times the plane. One thread at a time reads.
    """

    def __init__(self, path: Path, open_file: Callable[[], Any]) -> None:
        self.path = path
        self._open, self._lock = open_file, Lock()
        self._file: Any = None

    def read(self, get: Callable[[Any], NDArray[np.generic]]) -> NDArray[np.generic]:
        """Return what ``get`` makes of the open file.

        Raises
        ------
        ImageReadError
            If the file is damaged there, or gone.
        """
        with self._lock, parse_errors(self.path):
            if self._file is None:
                self._file = self._open()
                weakref.finalize(self, self._file.close)
            return get(self._file)


class LazyPlanes:
    """Planes of one scene of a held file; ``get`` takes the open file and t, c, z, from 0."""

    def __init__(self, held: LazyFile, shape: Shape, itemsize: int, get: GetPlane) -> None:
        self._held, self._shape, self._get = held, shape, get
        self._nbytes = shape.y * shape.x * itemsize

    def plane(self, *, t: int, c: int, z: int) -> NDArray[np.generic]:
        """Return one plane (Y, X), in memory of its own.

        Raises
        ------
        ImageReadError
            If the file is damaged there, or the plane does not fit in memory.
        ImageValueError
            If there is no such plane.
        """
        path, shape = self._held.path, self._shape
        for noun, index, size in (("time point", t, shape.t), ("channel", c, shape.c), ("plane", z, shape.z)):
            if not 0 <= index < size:
                raise ImageValueError(f"{path.name} has no {noun} {index + 1}; it holds {size}")
        check_memory(path, self._nbytes)
        pixels = self._held.read(lambda file: np.array(self._get(file, t, c, z)))
        if pixels.shape != (shape.y, shape.x):
            raise ImageReadError(f"{path.name} has a plane of {pixels.shape} px, and says {shape.y} x {shape.x}")
        return pixels
