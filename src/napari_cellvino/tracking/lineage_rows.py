"""In which order the tracks of a lineage are drawn below each other."""

from __future__ import annotations

from collections.abc import Mapping

from napari_cellvino.tracking.tracks import Tracks


def rows_of(tracks: Tracks) -> dict[int, int]:
    """Return the row of each track: families from the top, the largest first, daughters beside their mother."""
    divisions = tracks.divisions
    roots = [track for track in tracks.nodes if track not in tracks.parents]
    families = {root: _family(root, divisions) for root in roots}
    order = sorted(roots, key=lambda root: (-len(families[root]), tracks.nodes[root][0].frame, root))
    return {track: row for row, track in enumerate(track for root in order for track in families[root])}


def _family(root: int, divisions: Mapping[int, tuple[int, ...]]) -> list[int]:
    """Return a track with its descendants in the order of rows: half of the daughters above it, half below."""
    done: list[int] = []
    waiting: list[tuple[int, bool]] = [(root, False)]
    while waiting:
        track, opened = waiting.pop()
        daughters = divisions.get(track, ())
        if opened or not daughters:
            done.append(track)
            continue
        half = (len(daughters) + 1) // 2
        waiting += [(d, False) for d in reversed(daughters[half:])]
        waiting.append((track, True))
        waiting += [(d, False) for d in reversed(daughters[:half])]
    return done
