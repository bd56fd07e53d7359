"""Assign the output channels of a foreign network to the maps of a head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from napari_cellvino.core.errors import OptionError
from napari_cellvino.segmentation.heads.grid import OFFSETS, SIZES

TASKS = {"foreground": "instances", "centre_offset": "instances", "grid": "detection", "mask": "mask"}
FOREGROUND = ("foreground", "boundary")
EXCLUSIVE = ("background", *FOREGROUND)  # what the channels of a softmax are, unless someone says otherwise
CELL = ("cell",)


@dataclass(frozen=True, slots=True)
class MapAssignment:
    """The head, its ``maps``, and the channel of the network for each of them.

    The first ``probabilities`` maps are probabilities, the others px.
    """

    head: str
    task: str
    classes: tuple[str, ...]
    maps: tuple[str, ...]
    channels: tuple[int, ...]
    probabilities: int


def assign_maps(
    count: int, *, head: str = "", classes: Sequence[str] = (), names: Sequence[str] = (), exclusive: bool = False
) -> MapAssignment:
    """Return the assignment for a network of ``count`` channels.

    Parameters
    ----------
    count
        Number of output channels.
    head
        The head to use; by default ``foreground`` where the channels can be that.
    classes
        Names of the classes, ``cell`` by default.
    names
        What the channels are, in order; those that the head does not need are left out.
    exclusive
        Whether the channels exclude each other (softmax), so that the first of several is the background.

    Raises
    ------
    OptionError
        If the channels do not fit.
    """
    if head and head not in TASKS:
        raise OptionError(f"there is no head {head!r}; known are {', '.join(TASKS)}")
    if names and len(names) != count:
        raise OptionError(f"{len(names)} maps are named ({', '.join(names)}), and the network gives {count}")
    if len(set(names)) != len(names):
        raise OptionError(f"maps are named twice: {', '.join(names)}")
    chosen, kinds = head or "foreground", tuple(classes) or CELL
    for maps in _wanted(chosen, kinds):
        channels = _find(maps, count, tuple(names), exclusive=exclusive)
        if channels is not None:
            probabilities = sum(name not in {*OFFSETS, *SIZES} for name in maps)
            return MapAssignment(chosen, TASKS[chosen], kinds, maps, channels, probabilities)
    wanted = " or ".join(", ".join(maps) for maps in _wanted(chosen, kinds))
    found = f"{count} maps" + (f" ({', '.join(names)})" if names else "")
    remedy = "name all of them in their order with --maps" if head else "say which head with --head, and its --maps"
    raise OptionError(f"the network gives {found}, and the head {chosen!r} wants {wanted}: {remedy}")


def _wanted(head: str, classes: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Return the sets of maps that a head decodes, the largest first."""
    return {
        "foreground": (FOREGROUND, FOREGROUND[:1]),
        "centre_offset": ((FOREGROUND[0], *OFFSETS),),
        "grid": ((*classes, *OFFSETS, *SIZES), (*classes, *OFFSETS)),
        "mask": (("mask",),),
    }[head]


def _find(maps: tuple[str, ...], count: int, names: tuple[str, ...], *, exclusive: bool) -> tuple[int, ...] | None:
    """Return the channel of each map, by name or else by place."""
    if set(maps) <= set(names):
        return tuple(names.index(name) for name in maps)
    if exclusive and count > 1:
        by_place = EXCLUSIVE[:count]
        return tuple(by_place.index(name) for name in maps) if set(maps) <= set(by_place) and count <= 3 else None
    known = {*FOREGROUND, *OFFSETS, *SIZES, "background", "mask"} & set(names)
    return tuple(range(count)) if len(maps) == count and not known else None
