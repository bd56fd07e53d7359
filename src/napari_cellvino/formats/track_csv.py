"""Tracks as tables: the columns of napari's Tracks layer with its graph, and btrack's CSV.

References
----------
https://napari.org/stable/howtos/layers/tracks.html; https://btrack.readthedocs.io, ``btrack.io.export_CSV``
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.formats.track_points import TrackPoints, families_of

BTRACK = ("ID", "t", "x", "y", "z", "parent", "root", "state", "generation", "dummy")
GRAPH_SUFFIX = ".graph.json"


def napari_tracks(points: TrackPoints) -> tuple[NDArray[np.float64], dict[int, list[int]]]:
    """Return what napari's Tracks layer takes: rows of track, frame and place in px (P, 2 + D), and the graph."""
    rows = np.column_stack([points.track, points.frame, points.places]).astype(np.float64)
    return rows, {child: [parent] for child, parent in points.parents.items()}


def write_napari(path: Path, points: TrackPoints) -> None:
    """Write the rows of a Tracks layer as CSV, and its graph beside it.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    rows, graph = napari_tracks(points)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["track_id", "t", *"zyx"[-points.dimensions :]])
        writer.writerows([int(row[0]), int(row[1]), *row[2:].tolist()] for row in rows)
    path.with_name(path.name + GRAPH_SUFFIX).write_text(json.dumps(graph, indent=1) + "\n", encoding="utf-8")


def read_napari(path: Path) -> TrackPoints:
    """Return the tracks of a CSV of `write_napari`; without a graph beside it there are no divisions.

    Raises
    ------
    ImageReadError
        If it has other columns.
    """
    names, rows = _table(path, ",")
    axes = [axis for axis in "zyx" if axis in names]
    if not {"track_id", "t", "y", "x"} <= set(names):
        raise ImageReadError(f"{path.name} has the columns {', '.join(names)}; tracks of napari have track_id, t, y, x")
    beside = path.with_name(path.name + GRAPH_SUFFIX)
    graph = json.loads(beside.read_text(encoding="utf-8")) if beside.is_file() else {}
    parents = {int(child): int(held[0] if isinstance(held, list) else held) for child, held in graph.items()}
    return _points(names, rows, "track_id", axes, parents)


def write_btrack(path: Path, points: TrackPoints) -> None:
    """Write tracks as btrack does: columns parted by spaces; a track that no other is the parent of is its own.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    generations, roots = families_of(points)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=" ", lineterminator="\n")
        writer.writerow(BTRACK)
        for track, frame, place in zip(points.track.tolist(), points.frame.tolist(), points.places, strict=True):
            z = float(place[0]) if points.dimensions == 3 else 0.0
            parent = points.parents.get(track, track)
            last = (roots[track], 0, generations[track], "False")
            writer.writerow([track, frame, float(place[-1]), float(place[-2]), z, parent, *last])


def read_btrack(path: Path) -> TrackPoints:
    """Return the tracks of btrack's CSV; points that btrack put into gaps (``dummy``) are left out.

    btrack adds properties of cells to the rows without a name above them: they are not looked at.

    Raises
    ------
    ImageReadError
        If it has other columns.
    """
    names, rows = _table(path, " ", unnamed=True)
    if not {"ID", "t", "x", "y", "parent"} <= set(names):
        raise ImageReadError(f"{path.name} has the columns {', '.join(names)}; btrack's has ID, t, x, y, z, parent, …")
    if "dummy" in names:
        column = names.index("dummy")
        rows = [row for row in rows if row[column] not in ("True", "1", "1.0")]
    flat = "z" not in names or all(float(row[names.index("z")]) == 0 for row in rows)
    own, parent = names.index("ID"), names.index("parent")
    pairs = {(int(float(row[own])), int(float(row[parent]))) for row in rows}
    parents = {child: other for child, other in pairs if other not in (0, child)}
    return _points(names, rows, "ID", list("yx" if flat else "zyx"), parents)


def _table(path: Path, delimiter: str, *, unnamed: bool = False) -> tuple[list[str], list[list[str]]]:
    """Return the names of columns, and the rows; ``unnamed`` values at their ends may be more than there are names."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.reader(file, delimiter=delimiter) if row]
    lengths = {len(row) for row in rows[1:]}
    if not rows or len(lengths) > 1 or any(n != len(rows[0]) and not (unnamed and n > len(rows[0])) for n in lengths):
        raise ImageReadError(f"{path.name} is empty or cut short: its rows are not of one length")
    return rows[0], rows[1:]


def _points(
    names: list[str], rows: list[list[str]], track: str, axes: list[str], parents: dict[int, int]
) -> TrackPoints:
    try:
        table = np.array([[float(row[names.index(name)]) for name in (track, "t", *axes)] for row in rows])
    except ValueError as error:
        raise ImageReadError(f"a row of tracks is no row of numbers: {error}") from error
    table = table.reshape(-1, 2 + len(axes))
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    ids, frames = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    return TrackPoints(ids, frames, table[:, 2:], np.zeros(len(table)), parents)
