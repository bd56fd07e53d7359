"""btrack's HDF5: objects by type with places, and tracks as lists of them with parents, roots and fates.

A track refers to rows of the objects, or by -1, -2, … to dummies, which btrack puts where it saw nothing: they are left
out. Objects that were filtered before tracking are told by an expression in the file, as ``area>100``.

References
----------
https://btrack.readthedocs.io, ``btrack.io.HDF5FileHandler``; written and read as by btrack 0.6.5.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError, OptionError
from napari_cellvino.formats.track_points import TrackPoints, families_of

if TYPE_CHECKING:
    import h5py

KIND = "obj_type_1"
NO_STATE = 5  # btrack's ``States.NULL``
TERMINATES, DIVIDES = 2, 4  # btrack's ``Fates``
COMPARED: dict[str, Callable[[Any, float], Any]] = {
    ">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le, "==": operator.eq, "=": operator.eq,
}  # fmt: skip
_FILTER = re.compile(r"(\w+)([><=]+)([0-9.]+)")


def _h5py() -> ModuleType:
    try:
        import h5py
    except ImportError as error:
        raise OptionError("btrack's HDF5 needs h5py: pip install 'napari-cellvino[formats]'") from error
    module: ModuleType = h5py
    return module


def write_btrack_hdf(path: Path, points: TrackPoints) -> None:
    """Write tracks as btrack does, with sizes as a property ``area`` or ``volume``.

    Raises
    ------
    OptionError
        If h5py is not installed.
    OSError
        If it cannot be written.
    """
    order = np.lexsort((points.track, points.frame))
    row = np.empty(len(points), np.int64)
    row[order] = np.arange(len(points))  # where each point is among the objects, which are ordered in time
    z = points.places[:, 0] if points.dimensions == 3 else np.zeros(len(points))
    coords = np.stack([points.frame, points.places[:, -1], points.places[:, -2], z, np.zeros(len(points))], 1)[order]
    ends = np.searchsorted(points.frame[order], np.arange(int(points.frame.max(initial=-1)) + 1), side="right")
    tracks, first, count = np.unique(points.track, return_index=True, return_counts=True)
    with _h5py().File(str(path), "w") as file:
        objects = file.create_group(f"objects/{KIND}")
        objects.create_dataset("coords", data=coords.astype(np.float32))
        objects.create_dataset("labels", data=np.full((len(points), 1), NO_STATE, np.float32))
        objects.create_dataset("map", data=_ranges(ends).astype(np.uint32))
        size = "area" if points.dimensions == 2 else "volume"
        objects.create_dataset(f"properties/{size}", data=points.sizes[order].astype(np.float32))
        held = file.create_group(f"tracks/{KIND}")
        held.create_dataset("tracks", data=row.astype(np.int32))
        held.create_dataset("map", data=_ranges(first + count).astype(np.uint32))
        held.create_dataset("LBEPR", data=_families(points, tracks, first, count).astype(np.int32))
        mothers = set(points.parents.values())
        fates = [DIVIDES if track in mothers else TERMINATES for track in tracks.tolist()]
        held.create_dataset("fates", data=np.array(fates, np.int32))


def _ranges(ends: NDArray[np.integer]) -> NDArray[np.integer]:
    """Return ranges (N, 2) that follow each other, by their ends."""
    return np.stack([np.concatenate([[0], ends[:-1]]), ends], 1) if len(ends) else np.zeros((0, 2), np.int64)


def _families(
    points: TrackPoints, tracks: NDArray[np.int64], first: NDArray[np.int64], count: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return label, first and last frame, parent (of a root itself), root and generation of tracks (K, 6)."""
    generations, roots = families_of(points)
    ids = tracks.tolist()
    return np.array(
        [
            [t, points.frame[a], points.frame[a + n - 1], points.parents.get(t, t), roots[t], generations[t]]
            for t, a, n in zip(ids, first.tolist(), count.tolist(), strict=True)
        ],
        np.int64,
    ).reshape(-1, 6)


def read_btrack_hdf(path: Path) -> TrackPoints:
    """Return the tracks of all types of objects in btrack's HDF5; those of further types are numbered after the others.

    Raises
    ------
    ImageReadError
        If it is none, or damaged.
    """
    try:
        with _h5py().File(str(path), "r") as file:
            kinds = [_of_kind(file["objects"][kind], held) for kind, held in file["tracks"].items()]
    except (KeyError, ValueError, IndexError, TypeError, OSError) as error:
        raise ImageReadError(f"{path.name} is no HDF5 of btrack with tracks, or damaged: {error}") from error
    if not kinds:
        raise ImageReadError(f"{path.name} holds no tracks; btrack writes them with hdf.write_tracks")
    above, tables = 0, []
    parents: dict[int, int] = {}
    for table, family in kinds:
        table[:, 0] += above
        parents |= {child + above: parent + above for child, parent in family.items()}
        above = int(table[:, 0].max(initial=above))
        tables.append(table)
    rows = np.concatenate(tables)
    rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
    places = rows[:, 3:5] if not rows[:, 2].any() else rows[:, 2:5]
    there = set(rows[:, 0].astype(int).tolist())
    known = {child: parent for child, parent in parents.items() if child in there and parent in there}
    return TrackPoints(rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64), places, rows[:, 5], known)


def _of_kind(objects: h5py.Group, held: h5py.Group) -> tuple[NDArray[np.float64], dict[int, int]]:
    """Return rows of track, frame, z, y, x and size of the tracks of one type of objects, and the parents."""
    coords = np.asarray(objects["coords"][:], np.float64)
    sizes = np.zeros(len(coords))
    for name in ("area", "volume"):
        if f"properties/{name}" in objects:
            sizes = np.asarray(objects[f"properties/{name}"][:], np.float64).reshape(len(coords), -1)[:, 0]
    if "f_expr" in held.attrs:
        passed = _passed(str(held.attrs["f_expr"]), objects)
        coords, sizes = coords[passed], sizes[passed]
    family = np.asarray(held["LBEPR"][:], np.int64)
    parents = {int(row[0]): int(row[3]) for row in family if row[3] not in (0, row[0])}
    references, rows = np.asarray(held["tracks"][:], np.int64), []
    for (begin, end), track in zip(np.asarray(held["map"][:], np.int64).tolist(), family[:, 0].tolist(), strict=True):
        seen = references[begin:end]
        seen = seen[seen >= 0]
        t, x, y, z = coords[seen, :4].T
        rows.append(np.stack([np.full(len(seen), track), t, z, y, x, sizes[seen]], 1))
    return np.concatenate(rows) if rows else np.zeros((0, 6)), parents


def _passed(expression: str, objects: h5py.Group) -> NDArray[np.int64]:
    """Return which objects pass a filter of btrack, as ``area>100``."""
    told = _FILTER.match(expression)
    if told is None or told[2] not in COMPARED or f"properties/{told[1]}" not in objects:
        raise ValueError(f"its objects were filtered by {expression!r}, which is not understood")
    values = np.asarray(objects[f"properties/{told[1]}"][:], np.float64).reshape(-1)
    return np.flatnonzero(COMPARED[told[2]](values, float(told[3])))
