"""Read a napari image layer, from whichever reader, as a `Stack`: one plane at a time, never a lazy array whole."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
from napari.layers import Image
from numpy.typing import NDArray

from napari_cellvino.core.array_axes import axis_letter
from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import ArrayPlanes, Origin, Shape, Spacing, Stack

_NOUNS = {"T": "time points", "C": "channels", "Z": "planes"}
_MOST_CHANNELS = 5  # a first dimension without a name and no longer than this holds channels, not time points


@dataclass(frozen=True, slots=True)
class LayerPlanes:
    """Planes of a layer's array: numpy, dask, zarr; ``axes`` has a letter of T, C, Z, Y, X, S per dimension."""

    array: NDArray[np.generic]  # or what is indexed like one: dask, zarr
    axes: str

    def plane(self, *, t: int, c: int, z: int) -> NDArray[np.generic]:
        """Return a copy of one plane (Y, X)."""
        return np.array(ArrayPlanes(self.array, self.axes).plane(t=t, c=c, z=z))


def axes_choices(count: int) -> tuple[tuple[str, str], ...]:
    """Return (axes, words) for each thing that ``count`` dimensions before rows and columns may be.

    >>> axes_choices(1)
    (('ZYX', 'planes'), ('TYX', 'time points'), ('CYX', 'channels'))
    """
    if not 1 <= count <= len(_NOUNS):
        return ()
    return tuple(
        ("".join(letters) + "YX", " × ".join(_NOUNS[letter] for letter in letters))
        for letters in permutations("ZTC", count)
    )


def stack_of(layer: Image, *, axes: str | None = None) -> Stack:
    """Return the pixels of a layer with what it says of itself; the full resolution of a multiscale layer.

    Parameters
    ----------
    layer
        Any image layer.
    axes
        What the user says its dimensions are, without the colours of RGB; else the layer's labels are believed.

    Raises
    ------
    ImageValueError
        If the layer has too many dimensions, or ``axes`` do not fit it.
    """
    array = full_resolution(layer)
    count = array.ndim - bool(layer.rgb) - 2
    letters, assumed = (axes, ()) if axes is not None else _guess_axes(layer, array.shape, count)
    if len(letters) != count + 2:
        raise ImageValueError(f"{layer.name} has {count + 2} dimensions, which cannot be {letters}; choose others")
    planes = LayerPlanes(array, letters + ("S" if layer.rgb else ""))
    shape = _shape(planes, layer)
    spacing = _spacing(layer, letters)
    return Stack(
        planes,
        shape,
        np.dtype(array.dtype),
        spacing=spacing,
        channels=("Red", "Green", "Blue") if layer.rgb else _channel_names(layer, shape.c),
        rgb=bool(layer.rgb),
        origin=_origin(layer),
        remarks=assumed,
    )


def full_resolution(layer: Image) -> NDArray[np.generic]:
    """Return the layer's array, the largest one of a multiscale layer."""
    array: NDArray[np.generic] = layer.data[0] if layer.multiscale else layer.data  # or what behaves like one
    return array


def _guess_axes(layer: Image, sizes: tuple[int, ...], count: int) -> tuple[str, tuple[str, ...]]:
    named = [_letter(str(label)) for label in layer.axis_labels[:count]]
    if count == 0 or (all(named) and len(set(named)) == count):
        return "".join(named) + "YX", ()
    if count > len(_NOUNS):
        raise ImageValueError(f"{layer.name} has {count + 2} dimensions; at most 5 (T, C, Z, Y, X) can be used")
    first = "CZ" if sizes[0] <= _MOST_CHANNELS else "TZ"
    letters = {1: "Z", 2: first, 3: "TCZ"}[count]
    words = " and ".join(f"{n} {_NOUNS[letter]}" for n, letter in zip(sizes, letters, strict=False))
    return letters + "YX", (f"the layer does not say what its dimensions are: taken as {words}",)


def _letter(label: str) -> str:
    found = axis_letter(label)
    return found if found in _NOUNS else ""


def _shape(planes: LayerPlanes, layer: Image) -> Shape:
    sizes = dict(zip(planes.axes, planes.array.shape, strict=True))
    count = 3 if layer.rgb else sizes.get("C", 1)
    return Shape(sizes.get("T", 1), count, sizes.get("Z", 1), sizes["Y"], sizes["X"])


def _spacing(layer: Image, letters: str) -> Spacing:
    """Return the layer's scale in µm where its unit is a length; a scale without unit says nothing."""
    found = {
        letter.lower(): abs(float((scale * unit).to("micrometer").magnitude))
        for letter, scale, unit in zip(letters, layer.scale, layer.units, strict=True)
        if letter in "ZYX" and unit.is_compatible_with("micrometer")
    }
    return Spacing(**found)


def _channel_names(layer: Image, count: int) -> tuple[str, ...]:
    return (layer.name,) if count == 1 else tuple(f"Channel {n}" for n in range(1, count + 1))


def _origin(layer: Image) -> Origin:
    """Return the layer's file; the layer's name joins it where it says more (a channel, a crop)."""
    path = str(layer.source.path or "")
    if not path:
        return Origin(path=layer.name)
    stem = Origin(path=Path(path).name).name
    return Origin(path=path, position=layer.name.removeprefix(stem).strip(" :[]"))
