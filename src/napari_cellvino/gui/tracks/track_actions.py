"""What a key or a button does to tracks, in one table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_cellvino.annotation import Annotation, Edit
from napari_cellvino.annotation.tools.delete import delete
from napari_cellvino.annotation.tools.mark import accept
from napari_cellvino.core.errors import EditError
from napari_cellvino.tracking.film_annotation import frames_of
from napari_cellvino.tracking.track_edits import (
    copy_to_next,
    delete_track,
    divide,
    interpolate,
    link,
    make_gap,
    swap,
    unlink,
)
from napari_cellvino.tracking.track_outlines import merge_from, split_from
from napari_cellvino.tracking.track_pieces import check_in

Describe = Callable[[Annotation, Sequence[int], int, bool], Edit]
"""The edit of the chosen tracks in a frame (from 0); True where the user insists."""


@dataclass(frozen=True, slots=True)
class TrackAction:
    """One edit; the key is as Qt writes it."""

    title: str
    key: str
    tip: str
    describe: Describe

    @property
    def tooltip(self) -> str:
        """What it does, and its key."""
        return f"{self.tip} ({self.key})"


def _one(tracks: Sequence[int]) -> int:
    if len(tracks) != 1:
        raise EditError(f"this takes one track, and {len(tracks)} are chosen; click on a cell")
    return tracks[0]


def _two(tracks: Sequence[int]) -> tuple[int, int]:
    if len(tracks) != 2:
        raise EditError(f"this takes two tracks, and {len(tracks)} are chosen; click on one and Shift+click the other")
    return tracks[0], tracks[1]


def _link(annotation: Annotation, tracks: Sequence[int], frame: int, _: bool) -> Edit:
    """Link the track that was chosen first to the one chosen second, at the frame shown."""
    return link(annotation, *_two(tracks), frame)


def _divide(annotation: Annotation, tracks: Sequence[int], frame: int, _: bool) -> Edit:
    """Divide the first of three into the others, or of two daughters the one that was there before, or the nearest."""
    if len(tracks) == 3:
        return divide(annotation, tracks[0], tracks[1:], frame)
    one, two = _two(tracks)
    before = [track for track in (one, two) if frames_of(annotation, track)[0] < frame]
    mother = before[0] if before else _ended_nearest(annotation, (one, two), frame)
    return divide(annotation, mother, (one, two), frame)


def _ended_nearest(annotation: Annotation, daughters: tuple[int, int], frame: int) -> int:
    """Return the track in the frame before that is nearest to the middle of both daughters."""
    if frame == 0:
        raise EditError("the film begins with this frame; a mother must be there before it")
    here, before = annotation.pixels[frame], annotation.pixels[frame - 1]
    middle = np.mean([np.argwhere(here == daughter).mean(axis=0) for daughter in daughters], axis=0)
    cells = np.unique(before[before > 0]).tolist()
    if not cells:
        raise EditError(f"there is no cell in frame {frame} that could be the mother")
    away = [float(np.linalg.norm(np.argwhere(before == cell).mean(axis=0) - middle)) for cell in cells]
    return int(cells[int(np.argmin(away))])


def _delete_here(annotation: Annotation, tracks: Sequence[int], frame: int, _: bool) -> Edit:
    for track in tracks:
        check_in(annotation, track, frame)
    named = f"#{tracks[0]}" if len(tracks) == 1 else f"{len(tracks)} cells"
    return replace(delete(annotation, tracks, plane=frame), name=f"Delete {named} in frame {frame + 1}")


def _of_one(edit: Callable[[Annotation, int, int], Edit]) -> Describe:
    return lambda annotation, tracks, frame, _: edit(annotation, _one(tracks), frame)


LINK = TrackAction("Link", "J", "Join: the track chosen first goes on as the second from this frame on", _link)
UNLINK = TrackAction("Unlink", "U", "Cut the chosen track before this frame", _of_one(unlink))
DIVIDE = TrackAction(
    "Divide", "Y", "The two chosen cells of this frame are daughters; choose the mother first to name her", _divide
)
SWAP = TrackAction(
    "Swap", "W", "The two chosen tracks change places from this frame on", lambda a, t, f, _: swap(a, *_two(t), f)
)
GAP = TrackAction("Gap", "X", "The cell of this frame is none of its track", _of_one(make_gap))
DELETE_HERE = TrackAction("Delete", "D", "Take the chosen cells away in this frame", _delete_here)
DELETE = TrackAction(
    "Delete all", "Shift+D", "Take the chosen track away in all frames", lambda a, t, f, _: delete_track(a, _one(t))
)
COPY = TrackAction("Copy on", "C", "Draw the chosen cell in the next frame too, and go there", _of_one(copy_to_next))
FILL = TrackAction(
    "Fill gaps", "I", "Draw the track in the frames that it misses", lambda a, t, f, _: interpolate(a, _one(t))
)
MERGE = TrackAction(
    "Merge", "G", "Make one cell of those chosen, in this frame", lambda a, t, f, sure: merge_from(a, t, f, apart=sure)
)
MERGE_ON = TrackAction(
    "Merge on",
    "Shift+G",
    "Make one cell of those chosen, in this and later frames, as long as they touch",
    lambda a, t, f, sure: merge_from(a, t, f, through=True, apart=sure),
)
SPLIT = TrackAction("Split", "T", "Split the chosen cell at its waist, in this frame", _of_one(split_from))
SPLIT_ON = TrackAction(
    "Split on",
    "Shift+T",
    "Split the chosen cell at its waist, in this and later frames, as long as it has one",
    lambda a, t, f, _: split_from(a, _one(t), f, through=True),
)
ACCEPT = TrackAction("Accept", "A", "The chosen tracks are right; go on to the next", lambda a, t, f, _: accept(a, t))

EDITS = (
    LINK, UNLINK, DIVIDE, SWAP, GAP, DELETE_HERE, DELETE, COPY, FILL, MERGE, MERGE_ON, SPLIT, SPLIT_ON,
)  # fmt: skip
