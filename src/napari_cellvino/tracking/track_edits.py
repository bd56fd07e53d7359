"""Edits of tracks: each is described as one change of labels and records, which a session applies and takes back.

Frames are counted from 0. What an edit cuts off goes on as a track of its own: no cell is ever lost by a link.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from napari_cellvino.annotation import Annotation, Edit, Region, make_edit
from napari_cellvino.annotation.pixel_runs import runs_between
from napari_cellvino.annotation.tools.delete import delete
from napari_cellvino.annotation.tools.planes import fill_planes
from napari_cellvino.core.errors import EditError
from napari_cellvino.tracking.film_annotation import frames_of, parents_of
from napari_cellvino.tracking.track_pieces import TrackPieces, check_in, daughters_of


def link(annotation: Annotation, track: int, later: int, frame: int) -> Edit:
    """Return the edit by which a track goes on as the cell ``later`` of a frame, and has its future.

    Raises
    ------
    EditError
        If both are one track, the first is not there before the frame, or the second not in it.
    """
    _check_two(annotation, track, later)
    _check_before(annotation, track, frame)
    check_in(annotation, later, frame)
    pieces = TrackPieces(annotation)
    goes_on = any(seen >= frame for seen in frames_of(annotation, track))
    pieces.children(track, pieces.cut_off(track, frame) if goes_on else 0)
    whole = frames_of(annotation, later)[0] == frame
    pieces.give(later, track, frame)
    pieces.children(later, track)
    if whole:
        pieces.drop(later)
    return pieces.edit(f"Link #{track} to #{later} in frame {frame + 1}")


def unlink(annotation: Annotation, track: int, frame: int) -> Edit:
    """Return the edit that cuts a track before a frame; at its first frame it is no daughter any more.

    Of a division that is left with one daughter, the other goes on as the mother.

    Raises
    ------
    EditError
        If the track is not there, or has nothing before.
    """
    check_in(annotation, track, frame)
    pieces, name = TrackPieces(annotation), f"Unlink #{track} before frame {frame + 1}"
    if frames_of(annotation, track)[0] < frame:
        pieces.children(track, pieces.cut_off(track, frame))
        return pieces.edit(name)
    mother = parents_of(annotation.records.values()).get(track)
    if mother is None:
        raise EditError(f"#{track} begins in frame {frame + 1} and came from no other: there is no link to cut")
    pieces.change(track, parent=0)
    others = [other for other in daughters_of(annotation, mother) if other != track]
    if len(others) == 1:
        pieces.give(others[0], mother, 0)
        pieces.children(others[0], mother)
        pieces.drop(others[0])
    return pieces.edit(name)


def swap(annotation: Annotation, one: int, two: int, frame: int) -> Edit:
    """Return the edit by which two tracks change places from a frame on, with all that they become.

    Raises
    ------
    EditError
        If they are one, or one of them is in no frame before, or in none from there on.
    """
    _check_two(annotation, one, two)
    for track in (one, two):
        seen = frames_of(annotation, track)
        if not seen[0] < frame <= seen[-1]:
            raise EditError(
                f"#{track} is in frames {seen[0] + 1} to {seen[-1] + 1}: to swap from frame {frame + 1}, both must be "
                "there before and after; link it instead"
            )
    pieces = TrackPieces(annotation)
    pieces.give(one, two, frame)
    pieces.give(two, one, frame)
    pieces.children(one, two)
    pieces.children(two, one)
    return pieces.edit(f"Swap #{one} and #{two} from frame {frame + 1}")


def divide(annotation: Annotation, mother: int, daughters: Sequence[int], frame: int) -> Edit:
    """Return the edit by which a track divides into the cells of two tracks in a frame; the mother may be one of both.

    Raises
    ------
    EditError
        If there are not two daughters in the frame, or the mother is not there before.
    """
    one, two = _pair(daughters)
    for daughter in (one, two):
        check_in(annotation, daughter, frame)
    _check_before(annotation, mother, frame)
    pieces = TrackPieces(annotation)
    pieces.change(mother)
    named: dict[int, int] = {}
    for track in dict.fromkeys((mother, one, two)):
        seen = frames_of(annotation, track)
        cut = seen[0] < frame <= seen[-1]
        new = named[track] = pieces.cut_off(track, frame) if cut else track
        if cut:
            pieces.children(track, new)
        if track in (one, two):
            pieces.change(new, parent=mother)
        elif not cut:
            pieces.children(track, 0)
    return pieces.edit(f"Divide #{mother} into #{named[one]} and #{named[two]} in frame {frame + 1}")


def make_gap(annotation: Annotation, track: int, frame: int) -> Edit:
    """Return the edit by which the cell of a track in one frame is none of it; it stays as a track of its own.

    Raises
    ------
    EditError
        If the track is not in the frame, or in no other.
    """
    check_in(annotation, track, frame)
    if len(frames_of(annotation, track)) == 1:
        raise EditError(f"#{track} is in frame {frame + 1} only; delete it instead")
    pieces = TrackPieces(annotation)
    pieces.cut_off(track, frame, frame + 1)
    return pieces.edit(f"Make a gap of #{track} in frame {frame + 1}")


def delete_track(annotation: Annotation, track: int) -> Edit:
    """Return the edit that deletes a track in all frames; its daughters become tracks without a mother.

    Raises
    ------
    EditError
        If there is no such track.
    """
    gone = delete(annotation, [track])
    orphans = [replace(annotation.record(child).edited(), parent=0) for child in daughters_of(annotation, track)]
    given = [after for after in gone.records.after if after is not None]
    removed = [id_ for id_, after in zip(gone.ids, gone.records.after, strict=True) if after is None]
    return make_edit(annotation, f"Delete track #{track}", gone.pixels, [*given, *orphans], removed=removed)


def copy_to_next(annotation: Annotation, track: int, frame: int) -> Edit:
    """Return the edit that draws the outline of a cell in the next frame too, where nothing else is.

    Raises
    ------
    EditError
        If the cell is not in the frame, is in the next one already, the film ends, or there is no room.
    """
    check_in(annotation, track, frame)
    if frame + 1 >= annotation.shape[0]:
        raise EditError(f"frame {frame + 1} is the last one; there is none to copy #{track} to")
    if frame + 1 in frames_of(annotation, track):
        raise EditError(f"#{track} is in frame {frame + 2} already; delete it there first to draw it anew")
    region = annotation.region([track], plane=frame)
    place = Region((frame + 1, *region.low[1:]), (frame + 2, *region.high[1:]))
    before = annotation.pixels[place.slices]
    after = np.where((annotation.pixels[region.slices] == track) & (before == 0), np.int32(track), before)
    runs = runs_between(annotation.shape, place, before, after)
    if not len(runs):
        raise EditError(f"there is no room for #{track} in frame {frame + 2}: other cells are there")
    return make_edit(annotation, f"Copy #{track} to frame {frame + 2}", runs)


def interpolate(annotation: Annotation, track: int) -> Edit:
    """Return the edit that draws a track in the frames that it misses between its first and its last one.

    Raises
    ------
    EditError
        If it misses none, or other cells are there.
    """
    seen = frames_of(annotation, track)
    if len(seen) == seen[-1] - seen[0] + 1:
        raise EditError(f"#{track} is in every frame from {seen[0] + 1} to {seen[-1] + 1}; there is no gap to fill")
    return replace(fill_planes(annotation, track), name=f"Fill the gaps of #{track}")


def _pair(tracks: Iterable[int]) -> tuple[int, int]:
    chosen = list(dict.fromkeys(tracks))
    if len(chosen) != 2:
        raise EditError(f"a division has two daughters, and {len(chosen)} are chosen; choose both in their first frame")
    return chosen[0], chosen[1]


def _check_two(annotation: Annotation, one: int, two: int) -> None:
    annotation.record(one)
    annotation.record(two)
    if one == two:
        raise EditError(f"#{one} is one track already; choose two")


def _check_before(annotation: Annotation, track: int, frame: int) -> None:
    first = frames_of(annotation, track)[0]
    if first >= frame:
        raise EditError(f"#{track} begins in frame {first + 1} and is not there before frame {frame + 1}")
