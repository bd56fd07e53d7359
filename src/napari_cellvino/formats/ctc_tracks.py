"""Folders of the Cell Tracking Challenge: ``maskNNN.tif`` with ids of tracks, and ``res_track.txt``.

There a track has a mask in every frame from its first to its last. A track with a gap is therefore written as several,
the later ones with the one before as parent, as the challenge asks; read back, an only child after a gap is the same
track again, and one without a gap the daughter whose sister left the field.

References
----------
https://celltrackingchallenge.net, "Naming and file content conventions".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.io.label_tiff import read_label_pixels
from napari_cellvino.tracking.tracks import Node, Tracks, relabel

ROWS_NAME = "res_track.txt"
_ROW_NAMES = (ROWS_NAME, "man_track.txt")
_MASK = re.compile(r"(?:mask|man_track)(\d+)\.tiff?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CtcTracks:
    """The rows of ``res_track.txt``, and the id of each cell in the masks.

    Attributes
    ----------
    rows
        Id, first frame, last frame and parent (0 for none) of each track.
    ids
        The id of each cell.
    """

    rows: tuple[tuple[int, int, int, int], ...]
    ids: dict[Node, int]


def ctc_tracks(tracks: Tracks) -> CtcTracks:
    """Return tracks as the challenge has them: without gaps. A track without one keeps its id."""
    free = max(tracks.nodes, default=0)
    rows: list[list[int]] = []
    ids: dict[Node, int] = {}
    last: dict[int, int] = {}
    for track, nodes in tracks.nodes.items():
        current, begin, parent = track, nodes[0].frame, 0
        for before, node in zip((nodes[0], *nodes), nodes, strict=False):
            if node.frame > before.frame + 1:
                rows.append([current, begin, before.frame, parent])
                free, parent, begin = free + 1, current, node.frame
                current = free
            ids[node] = current
        rows.append([current, begin, nodes[-1].frame, parent])
        last[track] = current
    for row in rows:
        if row[3] == 0 and row[0] in tracks.parents:
            row[3] = last[tracks.parents[row[0]]]
    return CtcTracks(tuple((a, b, c, d) for a, b, c, d in sorted(rows)), ids)


def write_ctc(folder: Path, tracks: CtcTracks, count: int, labels: Callable[[int], NDArray[np.integer]]) -> None:
    """Write the masks of ``count`` frames one by one, and ``res_track.txt``, into a folder that is there.

    ``labels`` gives the label image of a frame.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    held = len(tracks.ids)
    frame, label = (np.fromiter((node[n] for node in tracks.ids), np.int64, held) for n in (0, 1))
    order = np.argsort(frame, kind="stable")
    label, ident = label[order], np.fromiter(tracks.ids.values(), np.int64, held)[order]
    begins = np.searchsorted(frame[order], np.arange(count + 1))
    digits = max(3, len(str(count - 1)))
    dtype = np.uint16 if max(tracks.ids.values(), default=0) <= np.iinfo(np.uint16).max else np.uint32
    for number in range(count):
        own = slice(begins[number], begins[number + 1])
        ids = dict(zip(label[own].tolist(), ident[own].tolist(), strict=True))
        mask = relabel(labels(number), ids).astype(dtype)
        tifffile.imwrite(folder / f"mask{number:0{digits}d}.tif", mask, compression="zlib", photometric="minisblack")
    lines = [" ".join(map(str, row)) for row in tracks.rows]
    (folder / ROWS_NAME).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def mask_files(folder: Path) -> list[Path]:
    """Return the masks of a folder of the challenge, in order."""
    if not folder.is_dir():
        raise ImageReadError(f"there is no folder {folder}; check the name, or that its disk is connected")
    held = [(int(found[1]), path) for path in folder.iterdir() if (found := _MASK.fullmatch(path.name))]
    return [path for _, path in sorted(held)]


def read_ctc(folder: Path) -> tuple[Tracks, list[Path]]:
    """Return the tracks of a result or truth of the challenge, and its masks, whose ids are the labels of nodes.

    Raises
    ------
    ImageReadError
        If there are no masks, no ``res_track.txt`` or ``man_track.txt``, or its rows do not fit the masks.
    """
    text = next((folder / name for name in _ROW_NAMES if (folder / name).is_file()), None)
    masks = mask_files(folder)
    if text is None or not masks:
        raise ImageReadError(
            f"{folder} holds no maskNNN.tif with {ROWS_NAME}; name a folder of the Cell Tracking Challenge"
        )
    rows = _rows(text)
    nodes: dict[int, list[Node]] = {}
    for frame, path in enumerate(masks):
        for label in np.unique(read_label_pixels(path)[0]).tolist():
            if label:
                nodes.setdefault(int(label), []).append(Node(frame, int(label)))
    strange = sorted(set(nodes) - {row[0] for row in rows})
    if strange:
        raise ImageReadError(f"{text} has no row for the id {strange[0]}, which is in a mask")
    return _joined(nodes, {ident: parent for ident, _, _, parent in rows if parent}), masks


def _rows(text: Path) -> list[tuple[int, int, int, int]]:
    found = []
    for number, line in enumerate(text.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        words = line.split()
        if words and (len(words) != 4 or not all(re.fullmatch(r"-?\d+", word) for word in words)):
            raise ImageReadError(
                f"line {number} of {text} is {line!r}; it should be four whole numbers: id begin end parent"
            )
        if words:
            a, b, c, d = map(int, words)
            found.append((a, b, c, d))
    return found


def _joined(nodes: dict[int, list[Node]], parents: dict[int, int]) -> Tracks:
    """Return tracks in which an only child after a gap is one with its parent."""
    parents = {child: parent for child, parent in parents.items() if child in nodes and parent in nodes}
    children: dict[int, list[int]] = {}
    for child, parent in parents.items():
        children.setdefault(parent, []).append(child)
    own: dict[int, int] = {}
    joined: dict[int, list[Node]] = {}
    for ident in sorted(nodes, key=lambda i: nodes[i][0].frame):
        before = parents.get(ident)
        goes_on = before is not None and len(children[before]) == 1 and _gap(nodes, before, ident)
        own[ident] = own[before] if goes_on and before is not None else ident
        joined.setdefault(own[ident], []).extend(nodes[ident])
    kept = {own[c]: own[p] for c, p in parents.items() if own[c] == c}
    return Tracks({track: tuple(held) for track, held in sorted(joined.items())}, kept)


def _gap(nodes: dict[int, list[Node]], before: int, after: int) -> bool:
    """Return whether frames lie between two tracks."""
    return nodes[after][0].frame > nodes[before][-1].frame + 1
