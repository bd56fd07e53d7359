"""A film as the annotation that a person corrects: its label images stacked over time, with a track for each id.

An id is a track: it is the same in all frames, absent where the cell was not found, and its record names the track that
it came from by division. So the graph of tracks is what labels and records say, and all that holds for the annotation
of a field holds for a film: edits that are taken back, one journal, the tools for one plane, which is a frame here, and
that a new run keeps what was corrected. A film of volumes has one axis more, and its planes for edits are whole frames.
A graph beside the labels was ruled out: the two could contradict each other.

The labels lie in a file that the system reads and writes by pages, so that a long film need not fit in memory.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation import Annotation, Change, ObjectRecord, Provenance
from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import Origin
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.engines.engine import NO_ENGINE
from napari_cellvino.tracking.frame_cells import FrameCells, frame_cells
from napari_cellvino.tracking.link_film import LinkedFilm
from napari_cellvino.tracking.tracks import Node, Tracks, relabel

CLASSES = ("cell",)
IN_MEMORY = 64_000_000  # bytes of labels from which on they lie in a file


def annotate_film(
    labels: Iterable[NDArray[np.integer]],
    tracks: Tracks,
    count: int,
    origin: Origin,
    known: Iterable[ObjectRecord] = (),
) -> Annotation:
    """Return a tracked film of T frames as an annotation (T, Y, X), or (T, Z, Y, X), whose ids are its tracks.

    Parameters
    ----------
    labels
        The label image (Y, X), or (Z, Y, X), of each frame, read one by one; smaller ones are set into the corner of
        the first.
    tracks
        Which label of which frame belongs to which track.
    count
        T.
    origin
        Where the film came from.
    known
        Records of tracks that were corrected earlier.

    Raises
    ------
    ImageValueError
        If the film has no frame, or a frame is larger than the first.
    """
    by_frame: list[dict[int, int]] = [{} for _ in range(count)]
    for track, nodes in tracks.nodes.items():
        for node in nodes:
            by_frame[node.frame][node.label] = track
    stacked: NDArray[np.int32] | None = None
    for number, (image, ids) in enumerate(zip(labels, by_frame, strict=True)):
        if stacked is None:
            stacked = _empty((count, *image.shape))
        _check(image, stacked, number)
        stacked[number][tuple(map(slice, image.shape))] = relabel(image, ids)
    if stacked is None:
        raise ImageValueError("a film without frames cannot be corrected; name one with images")
    corrected = {record.id: record for record in known}
    records = [corrected.pop(track, ObjectRecord(track, parent=tracks.parents.get(track, 0))) for track in tracks.nodes]
    deleted = [record for record in corrected.values() if record.deleted]
    provenance = Provenance(origin, f"film of {count} frames", "", "", "", Recipe(), NO_ENGINE)
    return Annotation(stacked, [*records, *deleted], CLASSES, provenance, shape=stacked.shape)


def _empty(shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Return zeros, in a file without a name where they are many; it is gone with the array."""
    if 4 * np.prod(shape, dtype=np.int64) < IN_MEMORY:
        return np.zeros(shape, np.int32)
    return np.memmap(tempfile.TemporaryFile(prefix="cellvino-film-"), np.int32, "w+", shape=shape)


def _check(image: NDArray[np.integer], stacked: NDArray[np.int32], number: int) -> None:
    if image.ndim != stacked.ndim - 1:
        raise ImageValueError(f"frame {number + 1} is {image.ndim}D and the first {stacked.ndim - 1}D; make them alike")
    if any(own > most for own, most in zip(image.shape, stacked.shape[1:], strict=True)):
        size, first = (" × ".join(map(str, reversed(shape))) for shape in (image.shape, stacked.shape[1:]))
        raise ImageValueError(f"frame {number + 1} has {size} px and the first {first}; cut the frames to one size")


class FilmCells:
    """The cells of each frame of a film that is corrected, kept up with its edits.

    Parameters
    ----------
    annotation
        The film (T, Y, X) or (T, Z, Y, X).
    drift
        How far the field had moved by each frame, in px (T, D); by default not at all.
    """

    def __init__(self, annotation: Annotation, drift: NDArray[np.float64] | None = None) -> None:
        self.annotation = annotation
        shape = annotation.shape[0], len(annotation.shape) - 1
        self.drift = drift if drift is not None and drift.shape == shape else np.zeros(shape)
        self.frames: list[FrameCells] = [frame_cells(plane).without_pixels() for plane in annotation.pixels]

    def take(self, change: Change) -> None:
        """Look again at the frames that an edit changed."""
        if change.pixels and change.region is not None:
            for frame in range(change.region.low[0], change.region.high[0]):
                self.frames[frame] = frame_cells(self.annotation.pixels[frame]).without_pixels()

    def tracks(self) -> Tracks:
        """Return the tracks as they are now."""
        nodes: dict[int, list[Node]] = {track: [] for track in sorted(self.annotation.records)}
        for number, cells in enumerate(self.frames):
            for track in cells.labels.tolist():
                nodes[track].append(Node(number, track))
        held = {track: tuple(found) for track, found in nodes.items() if found}
        return Tracks(held, parents_of(self.annotation.records.values()))

    def film(self) -> LinkedFilm:
        """Return the tracks with the cells that they are made of."""
        return LinkedFilm(self.tracks(), tuple(self.frames), self.drift)


def parents_of(records: Iterable[ObjectRecord]) -> dict[int, int]:
    """Return the track that each track came from by division, where both are there."""
    held = {record.id: record.parent for record in records}
    return {track: parent for track, parent in held.items() if parent in held}


def frames_of(annotation: Annotation, track: int) -> list[int]:
    """Return the frames that a track is in; `EditError` for an unknown one."""
    region = annotation.geometry(track).region
    there = (annotation.pixels[region.slices] == track).any(axis=tuple(range(1, len(annotation.shape))))
    return (np.flatnonzero(there) + region.low[0]).tolist()


def touched(records: Sequence[ObjectRecord]) -> list[ObjectRecord]:
    """Return the records that a person made, changed or looked at: what another run keeps."""
    return [record for record in records if record.protected or record.deleted]
