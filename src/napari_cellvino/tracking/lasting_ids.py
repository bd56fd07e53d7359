"""Ids of tracks that stay while a film grows: what was called 5 is 5, whatever comes later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from napari_cellvino.tracking.tracks import Node, Tracks


def keep_ids(tracks: Tracks, known: Mapping[Node, int], free: int = 1) -> Tracks:
    """Return tracks with the ids that their cells had before.

    Parameters
    ----------
    tracks
        The tracks as they are now.
    known
        The id that the track of each cell had; of new cells there is none.
    free
        The least id that was never given away; new tracks are numbered from it.
    """
    taken: set[int] = set()
    ids: dict[int, int] = {}
    votes = {track: Counter(known[node] for node in nodes if node in known) for track, nodes in tracks.nodes.items()}
    for track in sorted(votes, key=lambda t: (-sum(votes[t].values()), t)):
        before = next((old for old, _ in votes[track].most_common() if old not in taken), None)
        if before is not None:
            ids[track] = before
            taken.add(before)
    for track in tracks.nodes:
        if track not in ids:
            ids[track], free = free, free + 1
    nodes = {ids[track]: held for track, held in tracks.nodes.items()}
    parents = {ids[track]: ids[parent] for track, parent in tracks.parents.items()}
    return Tracks(dict(sorted(nodes.items())), parents)
