"""What the dimensions of a bare array are: nothing is guessed that could be wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence

from napari_cellvino.core.errors import ImageValueError

AXIS_NAMES = {
    "T": {"t", "time", "frame", "frames"},
    "C": {"c", "ch", "channel", "channels"},
    "Z": {"z", "depth", "plane", "planes"},
    "Y": {"y", "row", "rows"},
    "X": {"x", "col", "column", "columns"},
    "S": {"s", "sample", "samples", "rgb", "band"},
}
_UNAMBIGUOUS = {2: "YX", 5: "TCZYX"}
_EXAMPLES = {3: "ZYX, TYX, CYX, or YXS for red, green, blue", 4: "CZYX, TCYX, TZYX, or ZYXS for red, green, blue"}
_COLOURS = (3, 4)  # red, green, blue, and transparency


def axis_letter(name: str) -> str:
    """Return the letter of an axis that a file or an array calls by a word; empty where it is not known.

    >>> axis_letter("Channel"), axis_letter("depth"), axis_letter("detector")
    ('C', 'Z', '')
    """
    return next((letter for letter, names in AXIS_NAMES.items() if name.casefold() in names), "")


def name_axes(shape: Sequence[int], axes: str | None, *, name: str = "the array") -> str:
    """Return one letter of T, C, Z, Y, X, S for each dimension of an array.

    Parameters
    ----------
    shape
        Sizes of the array.
    axes
        What the user says they are; without, 2 dimensions are YX and 5 are TCZYX.
    name
        What the array is called in errors.

    Raises
    ------
    ImageValueError
        If there are less than 2 or more than 5 dimensions, the letters do not fit, or there are 3 or 4 dimensions
        and nothing was said.
    """
    count, sizes = len(shape), " × ".join(map(str, shape))
    if not 2 <= count <= 5:
        raise ImageValueError(f"{name} has {count} dimensions ({sizes}); give an array of 2 to 5")
    if axes is None:
        if count not in _UNAMBIGUOUS:
            raise ImageValueError(f"{name} is {sizes}: say what its dimensions are with axes=, as {_EXAMPLES[count]}")
        return _UNAMBIGUOUS[count]
    letters = axes.upper()
    if len(letters) != count or len(set(letters)) != count or not {"Y", "X"} <= set(letters) <= set("TCZYXS"):
        raise ImageValueError(
            f"axes {axes!r} do not fit {name} of {sizes}; give one letter of T, C, Z, Y, X (S for red, green, blue) "
            f"for each of its {count} dimensions, each once"
        )
    _check_colours(letters, shape, name)
    return letters


def _check_colours(letters: str, shape: Sequence[int], name: str) -> None:
    if "S" not in letters:
        return
    if "C" in letters:
        raise ImageValueError(f"axes {letters!r} name both channels (C) and colours (S) of {name}; only one can be")
    if (size := shape[letters.index("S")]) not in _COLOURS:
        raise ImageValueError(f"{name} has {size} colours along S; red, green and blue are 3, with transparency 4")


def zyx_sizes(spacing_um: float | Sequence[float] | None) -> tuple[float | None, float | None, float | None]:
    """Return the size of a pixel along z, y and x in µm, None where nothing was said.

    One number is that of a pixel in the plane, two are (y, x), three are (z, y, x).

    >>> zyx_sizes(0.5), zyx_sizes((2.0, 0.5, 0.5))
    ((None, 0.5, 0.5), (2.0, 0.5, 0.5))

    Raises
    ------
    ImageValueError
        If there are more numbers, or one is not above 0.
    """
    if spacing_um is None:
        return None, None, None
    given = [spacing_um] * 2 if isinstance(spacing_um, (int, float)) else [float(size) for size in spacing_um]
    if len(given) not in (2, 3) or not all(math.isfinite(size) and size > 0 for size in given):
        raise ImageValueError(
            f"a pixel size of {spacing_um!r} µm is not possible; give one number, (y, x) or (z, y, x), each above 0"
        )
    z = given[0] if len(given) == 3 else None
    return z, given[-2], given[-1]
