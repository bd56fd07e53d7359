"""Edits of outlines that follow through later frames: cells found as one, or one found as several, for a while."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_cellvino.annotation import Annotation, Edit, Region
from napari_cellvino.annotation.pixel_runs import runs_between
from napari_cellvino.annotation.tools.split_seeds import waist_parts
from napari_cellvino.core.errors import EditError, UnsureError
from napari_cellvino.tracking.film_annotation import frames_of
from napari_cellvino.tracking.track_pieces import TrackPieces, check_in

Mask = NDArray[np.bool_]


def merge_from(
    annotation: Annotation, tracks: Sequence[int], frame: int, *, through: bool = False, apart: bool = False
) -> Edit:
    """Return the edit that makes one cell of several in a frame, and with ``through`` as long as they touch after it.

    The largest in the frame goes on; what a track becomes whose cells are all taken becomes of that one.

    Raises
    ------
    EditError
        If fewer than two are chosen, or one is not in the frame.
    UnsureError
        If they do not touch and ``apart`` is False.
    """
    chosen = list(dict.fromkeys(tracks))
    if len(chosen) < 2:
        raise EditError(f"merging takes two cells or more, and {len(chosen)} is chosen; choose both in this frame")
    for track in chosen:
        check_in(annotation, track, frame)
    if not apart and not _touch(annotation, chosen, frame):
        raise UnsureError(f"{' and '.join(f'#{t}' for t in chosen)} do not touch; merge them all the same?")
    kept = max(chosen, key=lambda track: int((annotation.pixels[frame] == track).sum()))
    last = frame + 1
    while through and last < annotation.shape[0] and _touch(annotation, chosen, last):
        last += 1
    pieces = TrackPieces(annotation)
    for track in (track for track in chosen if track != kept):
        seen = frames_of(annotation, track)
        pieces.give(track, kept, frame, last)
        if seen[0] >= frame and seen[-1] < last:
            pieces.children(track, kept)
            pieces.drop(track)
    named = ", ".join(f"#{track}" for track in chosen)
    return pieces.edit(f"Merge {named} in {_frames(frame, last)}")


def split_from(annotation: Annotation, track: int, frame: int, *, through: bool = False) -> Edit:
    """Return the edit that splits a cell at its waist, and with ``through`` as long as it has one after that frame.

    The part that lies where the track was goes on as it; the other is a track of its own.

    Raises
    ------
    EditError
        If the cell is not in the frame, or has not one clear waist.
    """
    check_in(annotation, track, frame)
    pieces = TrackPieces(annotation)
    new, before, last = pieces.new_track(track), _centre(annotation, track, frame - 1), frame
    while last < annotation.shape[0] and (last == frame or through):
        own = annotation.pixels[last] == track
        place = Region((last, *(0,) * own.ndim), (last + 1, *own.shape))
        parts = _parts(own) if own.any() else own.astype(np.int32)
        if parts.max() != 2:
            break
        first, second = (np.argwhere(parts == number).mean(axis=0) for number in (1, 2))
        kept = _nearer(first, second, before) if before is not None else _larger(parts)
        before = first if kept == 1 else second
        after = np.where(parts == 3 - kept, np.int32(new), annotation.pixels[last])
        pieces.add(runs_between(annotation.shape, place, annotation.pixels[place.slices], after[None]))
        last += 1
    if last == frame:
        raise EditError(f"#{track} has not one clear waist in frame {frame + 1}; split it by a line in Review")
    pieces.change(track)
    return pieces.edit(f"Split #{track} in {_frames(frame, last)}")


def _frames(first: int, end: int) -> str:
    return f"frame {first + 1}" if end == first + 1 else f"frames {first + 1} to {end}"


def _touch(annotation: Annotation, tracks: Sequence[int], frame: int) -> bool:
    """Return whether cells are all in a frame and touch, by sides or corners."""
    plane = annotation.pixels[frame]
    if not all((plane == track).any() for track in tracks):
        return False
    return bool(ndi.label(np.isin(plane, tracks), np.ones((3,) * plane.ndim))[1] == 1)


def _parts(own: Mask) -> NDArray[np.int32]:
    """Return the parts of a cell (Y, X) or (Z, Y, X) that its waists divide."""
    return np.asarray(waist_parts(own[None])[0] if own.ndim == 2 else waist_parts(own), np.int32)


def _centre(annotation: Annotation, track: int, frame: int) -> NDArray[np.float64] | None:
    """Return the centroid of a track in a frame, None where it is not there."""
    where = np.argwhere(annotation.pixels[frame] == track) if frame >= 0 else np.zeros((0, 1))
    return where.mean(axis=0) if len(where) else None


def _nearer(first: NDArray[np.float64], second: NDArray[np.float64], to: NDArray[np.float64]) -> int:
    return 1 if np.linalg.norm(first - to) <= np.linalg.norm(second - to) else 2


def _larger(parts: NDArray[np.int32]) -> int:
    return 1 + int(np.bincount(parts.reshape(-1), minlength=3)[1:].argmax())
