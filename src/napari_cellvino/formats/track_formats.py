"""The formats of tracks by name: what writes each, and which reads a file or folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from napari_cellvino.core.errors import ImageReadError, OptionError
from napari_cellvino.formats.btrack_hdf import read_btrack_hdf, write_btrack_hdf
from napari_cellvino.formats.geff import read_geff, write_geff
from napari_cellvino.formats.track_csv import read_btrack, read_napari, write_btrack, write_napari
from napari_cellvino.formats.track_points import TrackPoints
from napari_cellvino.formats.trackmate import read_trackmate, write_trackmate

TRACK_FORMATS: dict[str, tuple[str, Callable[[Path, TrackPoints], None]]] = {
    "trackmate": ("trackmate.xml", write_trackmate),
    "geff": ("tracks.geff", write_geff),
    "napari": ("napari-tracks.csv", write_napari),
    "btrack": ("btrack.csv", write_btrack),
    "btrack-hdf5": ("btrack.h5", write_btrack_hdf),
}
"""The name of the file, and what writes it, of each format."""


def check_track_formats(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names, each once.

    Raises
    ------
    OptionError
        If there is no such format.
    """
    unknown = [name for name in names if name not in TRACK_FORMATS]
    if unknown:
        raise OptionError(f"format of tracks {unknown[0]!r} is not known; choose of {', '.join(TRACK_FORMATS)}")
    return tuple(dict.fromkeys(names))


def read_track_points(path: Path) -> TrackPoints:
    """Return the tracks in TrackMate XML, GEFF, a CSV of napari or btrack, or an HDF5 of btrack.

    Raises
    ------
    ImageReadError
        If there is no such file, or it is of no such kind.
    """
    if not path.exists():
        raise ImageReadError(f"there is no file {path}; check the name")
    if path.is_dir():
        return read_geff(path)
    if path.suffix.lower() == ".xml":
        return read_trackmate(path)
    if path.suffix.lower() in (".h5", ".hdf5", ".hdf"):
        return read_btrack_hdf(path)
    with path.open(encoding="utf-8", errors="replace") as file:
        head = file.readline()
    return read_btrack(path) if head.startswith("ID ") else read_napari(path)
