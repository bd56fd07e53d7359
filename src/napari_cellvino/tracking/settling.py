"""Links that a person settled, kept in a film that was linked anew because it has further frames."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from napari_cellvino.tracking.link_film import LinkedFilm
from napari_cellvino.tracking.tracks import GONE, Links, Node, Tracks, tracks_of_links


@dataclass(frozen=True, slots=True)
class Settled:
    """What is not linked anew.

    Attributes
    ----------
    links
        Links that stay.
    begun
        Cells whose past is settled: no other link leads to them.
    ended
        Cells whose future is settled, beside those that have a link.
    """

    links: Links
    begun: Collection[Node]
    ended: Collection[Node] = ()


def settled_of(tracks: Tracks, kept: Collection[int], last: int) -> Settled:
    """Return what is settled of tracks by a person: all but what those become that are in the frame ``last``."""
    held = {track: nodes for track, nodes in tracks.nodes.items() if track in kept}
    parents = {track: parent for track, parent in tracks.parents.items() if track in held and parent in held}
    ended = {nodes[-1] for nodes in held.values() if nodes[-1].frame < last}
    begun = {node for nodes in held.values() for node in nodes}
    return Settled(Tracks(held, parents).links(), begun, ended)


def settle(film: LinkedFilm, settled: Settled) -> LinkedFilm:
    """Return a film with settled links in place of those that were found."""
    links = settled_links(film.tracks.links(), settled)
    return replace(film, tracks=tracks_of_links([cells.labels.tolist() for cells in film.frames], links))


def settled_links(found: Links, settled: Settled) -> Links:
    """Return settled links, and of those that were found the ones that do not contradict them.

    A settled link over a frame that came late is found through it where a cell of that frame fits.
    """
    links: dict[Node, tuple[Node, ...]] = {}
    for node, later in settled.links.items():
        through = _through(found, node, later, settled.begun) if len(later) == 1 else {}
        links |= through or {node: later}
    taken = ({later for laters in links.values() for later in laters} | set(settled.begun)) - {GONE}
    for node, later in found.items():
        if node not in links and node not in settled.ended and taken.isdisjoint(later):
            links[node] = later
    return links


def _through(
    found: Links, node: Node, later: tuple[Node, ...], begun: Collection[Node]
) -> Mapping[Node, tuple[Node, ...]]:
    """Return the found links from a cell to its settled next one, empty unless cells of late frames lie between."""
    way = {}
    while len(following := found.get(node, ())) == 1:
        way[node] = following
        if following == later:
            return way
        node = following[0]
        if node in begun:
            break
    return {}
