"""``detections.npz`` of a tracked film: where each cell lies, how bright it is, and what the network sees in it.

Links can be sought again with it by any weights of intensity and features, without the film and without the network. A
frame is written and read at a time: of a long film, features are large.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.tracking.looks import Looks
from napari_cellvino.tracking.placed_looks import PlacedLooks

DETECTIONS_NAME = "detections.npz"
PLACES, INTENSITIES, FEATURES = "places_px", "intensities", "features"

LooksOfFrames = Callable[[int], PlacedLooks | None]
"""Gives what was measured of the cells of a frame, from 0; None where nothing was."""


def no_looks(_: int) -> None:
    """Return that nothing was measured of the cells of a frame."""


def write_looks(path: Path, count: int, looks_of: LooksOfFrames) -> None:
    """Write what was measured of the cells of so many frames."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for number in range(count):
            found = looks_of(number)
            if found is not None:
                _write(file, f"{PLACES}_{number}", found.places.astype(np.float32))
                if found.looks.intensities is not None:
                    _write(file, f"{INTENSITIES}_{number}", found.looks.intensities)
                if found.looks.features is not None:
                    _write(file, f"{FEATURES}_{number}", found.looks.features.astype(np.float16))


def _write(file: zipfile.ZipFile, name: str, array: NDArray[np.floating]) -> None:
    with file.open(f"{name}.npy", "w") as part:
        np.lib.format.write_array(part, array, allow_pickle=False)


class KeptLooks:
    """Reads what was measured of the cells of a film, a frame at a time; nothing where a folder has no such file."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / DETECTIONS_NAME
        self._file: zipfile.ZipFile | None = None
        self._names: frozenset[str] = frozenset()

    def __enter__(self) -> Self:
        try:
            self._file = zipfile.ZipFile(self._path) if self._path.is_file() else None
        except (OSError, zipfile.BadZipFile) as error:
            raise ImageReadError(f"{self._path} cannot be read: {error}; move it away") from error
        self._names = frozenset(self._file.namelist()) if self._file is not None else frozenset()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def has_features(self) -> bool:
        """Whether what the network sees in cells is there."""
        return any(name.startswith(FEATURES) for name in self._names)

    def of(self, number: int) -> PlacedLooks | None:
        """Return what was measured of the cells of a frame, from 0; None where nothing was.

        Raises
        ------
        ImageReadError
            If the file is damaged.
        """
        places = self._array(PLACES, number)
        if places is None:
            return None
        return PlacedLooks(places, Looks(self._array(INTENSITIES, number), self._array(FEATURES, number)))

    def _array(self, kind: str, number: int) -> NDArray[np.float64] | None:
        name = f"{kind}_{number}.npy"
        if self._file is None or name not in self._names:
            return None
        try:
            with self._file.open(name) as part:
                return np.asarray(np.lib.format.read_array(part, allow_pickle=False), np.float64)
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise ImageReadError(f"{self._path} is damaged at {name}: {error}; move it away") from error
