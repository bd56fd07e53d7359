"""Which dimension of a file's array is which axis of a `Stack`, and where in the array a plane lies.

A file's array has any number of dimensions in any order; some have no name, some share one (``C`` and the samples
``S`` of a colour page), and one may number the positions. So each dimension gets a role, and a role's index is spread
over its dimensions in their order::

    axes   Q   C   Y   X   S          roles  Z   C   Y   X   C
    sizes  24  2   512 512 3          -> Shape(t=1, c=6, z=24, y=512, x=512)

The array is read in blocks: everything from some dimension on, at the latest from the first of rows and columns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import Shape

_POSITION_LETTERS = {"R", "M", "J", "K"}  # tile, mosaic, and row and column of a grid, as tifffile names them
_CHANNEL_LETTERS = {"C", "S", "E"}  # channel, sample, emission wavelength
_MOST_CHANNELS_LAST, _LEAST_SIDE = 6, 16  # px that a page is wide at most, and an image at least
_NOUNS = {"Z": "planes of a z-stack", "T": "time points", "C": "channels"}


@dataclass(frozen=True, slots=True)
class AxisSizes:
    """What a file says of its array: a letter and a size per dimension.

    ``samples`` is how many of the values per pixel (S) are colours or channels; the rest is transparency.
    """

    name: str
    axes: str
    sizes: tuple[int, ...]
    samples: int = 1

    def __str__(self) -> str:
        return f"{self.axes} of {' x '.join(map(str, self.sizes))}"


@dataclass(frozen=True, slots=True)
class AxisLayout:
    """A role (T, C, Z, Y, X or P for position), a stored and a shown size per dimension."""

    letters: str
    roles: str
    stored: tuple[int, ...]
    shown: tuple[int, ...]

    @property
    def shape(self) -> Shape:
        """Sizes of the stack of one position."""
        return Shape(*(self.count(role) for role in "TCZYX"))

    @property
    def plane_start(self) -> int:
        """First dimension that holds rows or columns."""
        return min(self.roles.index("Y"), self.roles.index("X"))

    def count(self, role: str) -> int:
        """Return the size of a role: the product of its dimensions."""
        return math.prod(n for r, n in zip(self.roles, self.shown, strict=True) if r == role)

    def block_start(self, size: int) -> int:
        """Return the last dimension from which on a block holds ``size`` values or more, and whole planes."""
        start = self.plane_start
        while start > 0 and math.prod(self.stored[start:]) < size:
            start -= 1
        return start

    def locate(self, start: int, index: dict[str, int]) -> tuple[int, tuple[int | slice, ...]]:
        """Return the number of the block that holds a plane, and the index of the plane in that block.

        Parameters
        ----------
        start
            First dimension of a block.
        index
            Index of each role but Y and X, from 0.
        """
        left = dict(index)
        spread: list[int | slice] = [slice(None)] * len(self.roles)
        for d in reversed(range(len(self.roles))):
            role = self.roles[d]
            if role in left:
                left[role], spread[d] = divmod(left[role], self.shown[d])
        block = 0
        for where, size in zip(spread[:start], self.stored[:start], strict=True):
            block = block * size + (where if isinstance(where, int) else 0)
        return block, tuple(spread[start:])


def resolve_layout(held: tuple[AxisSizes, ...], wish: str | None) -> tuple[AxisLayout, tuple[str, ...]]:
    """Return the layout of a file's array and sentences on what was assumed.

    Parameters
    ----------
    held
        The array as the file has it, first without and then with its dimensions of length 1.
    wish
        The user's letters, for one of these.

    Raises
    ------
    ImageValueError
        If the user's letters fit none.
    """
    if wish is None and _channels_last(held[0]):
        *pages, y, x = held[0].sizes
        layout, told = _layout(held[0], f"{held[0].axes[:-3]}YXC")
        said = f"the file has {math.prod(pages)} pages of {x} x {y} px: taken as {x} channels, stored last"
        return layout, (f"{said} (axes {layout.roles})", *told)
    if wish is None:
        return _layout(held[0], _named_rows(held[0].axes))
    letters = wish.upper()
    for array in held:
        if len(letters) == len(array.sizes) and _possible(letters, array):
            return _layout(array, letters)
    example = _example(_layout(held[0], _named_rows(held[0].axes))[0].roles)
    raise ImageValueError(
        f"axes {wish!r} do not fit {held[0].name}: it holds {held[0]}; give one letter of T, C, Z, Y, X for each of "
        f"its {len(held[0].sizes)} dimensions, each once, such as {example}"
    )


def _channels_last(array: AxisSizes) -> bool:
    """Return whether pages without a meaning are as narrow as no image is: scripts save (Y, X, C) or more so."""
    pages = zip(array.axes[:-2], array.sizes[:-2], strict=True)
    if len(array.sizes) < 3 or array.axes[-2:] != "YX" or any(_role(*page) != "?" for page in pages):
        return False
    return 2 <= array.sizes[-1] <= _MOST_CHANNELS_LAST and min(array.sizes[-3:-1]) >= _LEAST_SIDE


def _example(roles: str) -> str:
    """Return ``roles`` with every letter once, as far as there are letters."""
    spare = [letter for letter in "ZCT" if letter not in roles]
    return "".join(r if r not in roles[:n] or not spare else spare.pop(0) for n, r in enumerate(roles))


def _possible(letters: str, array: AxisSizes) -> bool:
    if not {"Y", "X"} <= set(letters) <= set("TCZYXS") or len(set(letters)) != len(letters):
        return False
    return "S" not in letters or letters.index("S") == array.axes.find("S")


def _named_rows(axes: str) -> str:
    """Return ``axes`` with one Y and one X: where the file names none, the last two that are not samples."""
    if axes.count("Y") == axes.count("X") == 1:
        return axes
    letters = ["Q" if letter in "YX" else letter for letter in axes]
    plain = [d for d, letter in enumerate(letters) if letter != "S"]
    if len(plain) < 2:
        raise ImageValueError(f"an array with axes {axes!r} has no rows and columns; save it as an image")
    letters[plain[-2]], letters[plain[-1]] = "Y", "X"
    return "".join(letters)


def _layout(array: AxisSizes, letters: str) -> tuple[AxisLayout, tuple[str, ...]]:
    roles = [_role(letter, size) for letter, size in zip(letters, array.sizes, strict=True)]
    taken = {role for role, size in zip(roles, array.sizes, strict=True) if size > 1}
    free = next((role for role in "ZTC" if role not in taken), "Z")
    count = math.prod(size for role, size in zip(roles, array.sizes, strict=True) if role == "?")
    roles = [free if role == "?" else role for role in roles]
    shown = [array.samples if letter == "S" else n for letter, n in zip(letters, array.sizes, strict=True)]
    layout = AxisLayout(letters, "".join(roles), array.sizes, tuple(shown))
    if count == 1:
        return layout, ()
    return layout, (f"the file does not say what its {count} pages are: taken as {_NOUNS[free]}",)


def _role(letter: str, size: int) -> str:
    if letter in _CHANNEL_LETTERS:
        return "C"
    if letter in _POSITION_LETTERS:
        return "P"
    if letter in "TZYX":
        return letter
    return "?" if size > 1 else "Z"
