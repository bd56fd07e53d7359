"""What a reader is: a file or folder with positions, each of which reads as a `Stack`.

One file may hold several fields of view, and a plate folder will hold hundreds; so opening gives a `Source`, which
knows its positions without reading a pixel. The corrections of the user (axes, pixel size, channel names) travel as one
`MetadataOverrides` value, so that every reader honours them alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import MetadataOverrides, Spacing, Stack


@dataclass(frozen=True, slots=True)
class Position:
    """One field of view of a source; ``name`` is empty where the source holds only one."""

    name: str = ""
    plate: str = ""
    well: str = ""
    field: str = ""
    index: int = 0


class Source(Protocol):
    """An opened file or folder."""

    @property
    def path(self) -> Path:
        """The file or folder."""
        ...

    @property
    def positions(self) -> tuple[Position, ...]:
        """Fields of view, at least one."""
        ...

    @property
    def parts(self) -> tuple[Path, ...]:
        """Every file that pixels come from: a set of OME-TIFF files opens as one source."""
        ...

    def read(self, position: Position | None = None) -> Stack:
        """Return the stack of ``position``, by default the first, without reading pixels.

        Raises
        ------
        ImageValueError
            If the source has no such position, or the user's axes or channel names do not fit.
        """
        ...


def position_index(path: Path, positions: tuple[Position, ...], wanted: Position | None) -> int:
    """Return the index in ``positions`` of ``wanted``; None wants the first.

    Raises
    ------
    ImageValueError
        If the source has no such position.
    """
    if wanted is None:
        return 0
    if wanted not in positions:
        held = ", ".join(repr(p.name) for p in positions[:12]) + (" …" if len(positions) > 12 else "")
        raise ImageValueError(f"{path.name} has no position {wanted.name!r}; it holds {held}")
    return positions.index(wanted)


def merge_spacing(path: Path, found: Spacing, override: Spacing | None) -> Spacing:
    """Return ``found`` with what the user gave in its place, in µm.

    Raises
    ------
    ImageValueError
        If the user gave a size that is not above zero.
    """
    if override is None:
        return found
    given = {axis: v for axis in "zyx" if (v := getattr(override, axis)) is not None}
    for axis, value in given.items():
        if not (math.isfinite(value) and value > 0):
            raise ImageValueError(
                f"pixel size {value} µm along {axis} for {path.name} is not possible; give one above 0"
            )
    return replace(found, **given)


def channel_names(given: tuple[str, ...] | None, found: tuple[str, ...], *, count: int) -> tuple[str, ...]:
    """Return the user's names, else ``count`` distinct ones: the file's, with ``Channel N`` for what is missing."""
    if given is not None:
        return given
    usable = found if len(found) == count else ("",) * count
    return unique_names(tuple(name.strip() or f"Channel {number}" for number, name in enumerate(usable, 1)))


def tile_warning(count: int, overlap_px: int = 0) -> str:
    """Return what to say of positions that are tiles of one area; 0: how far they overlap is not known."""
    by = f"overlap by {overlap_px} px" if overlap_px else "may overlap"
    return (
        f"the positions are {count} tiles of one area, which {by}: each is an image of its own, and cells in the "
        "overlap are counted in both; stitch them first where the whole is to be counted"
    )


def unique_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return ``names`` with its place behind each name that came before: ``DNA``, ``DNA (2)``."""
    seen: set[str] = set()
    out = []
    for number, name in enumerate(names, 1):
        out.append(name if name not in seen else f"{name} ({number})")
        seen.add(out[-1])
    return tuple(out)


def unsaid_size_question(spacing: Spacing, overrides: MetadataOverrides) -> tuple[str, ...]:
    """Return the question whether a pixel is 1 µm, which programs write where nobody said how large it is."""
    if overrides.spacing is not None or overrides.level or not spacing.y == spacing.x == 1:
        return ()
    return (
        "a pixel of exactly 1 µm is what programs write where nobody said how large it is: check it, or give the size",
    )
