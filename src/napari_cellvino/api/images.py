"""From what Python users hold (a path, an array of any library, a `Stack`) to a `Stack`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.api.options import ImageOptions, spacing_of
from napari_cellvino.core.array_axes import axis_letter
from napari_cellvino.core.errors import ImageValueError, OptionError
from napari_cellvino.core.image import MetadataOverrides, Stack
from napari_cellvino.io import open_as


class ArrayLike(Protocol):
    """An array of numpy, dask, zarr or any other library: it has a shape and a type, and planes can be taken of it."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of its dimensions."""
        ...

    @property
    def dtype(self) -> Any:  # noqa: ANN401 (libraries have types of their own)
        """The type of its values."""
        ...

    def __getitem__(self, key: Any, /) -> Any:  # noqa: ANN401
        """Return a part of it."""
        ...


@runtime_checkable
class LabelledArray(Protocol):
    """An array with named dimensions, as xarray's: it is not imported to know one."""

    @property
    def dims(self) -> tuple[Any, ...]:
        """Names of the dimensions."""
        ...

    @property
    def coords(self) -> Any:  # noqa: ANN401
        """What stands along each dimension."""
        ...

    @property
    def data(self) -> Any:  # noqa: ANN401
        """The array itself, in memory or lazy."""
        ...


ImageLike = Stack | ArrayLike | str | Path
"""What can be segmented: a path, a `Stack`, or an array of 2 to 5 dimensions (numpy, dask, zarr, xarray)."""


def read_image(
    path: str | Path,
    *,
    position: str = "",
    axes: str | None = None,
    spacing_um: float | Sequence[float] | None = None,
    channels: Sequence[str] | None = None,
    level: int = 0,
    region: str = "",
) -> Stack:
    """Return the image in a file; pixels are read plane by plane, when they are needed.

    Parameters
    ----------
    path
        An image file.
    position
        The name of the field of view, where the file holds several.
    axes
        One letter of T, C, Z, Y, X (S for red, green, blue) per dimension, where the file is silent or wrong.
    spacing_um
        Size of a pixel in µm, where the file is silent or wrong: one number, (y, x) or (z, y, x).
    channels
        Names of the channels, in the file's order.
    level
        The level of a pyramid, as slide scanners write them; 0 is the full resolution.
    region
        ``Y0:Y1,X0:X1``, the rows and columns of the level that are read (default: all).

    Raises
    ------
    ImageReadError
        If there is no such file, or it is damaged or no image.
    ImageValueError
        If it holds several fields of view and none is named, or what is said of it does not fit.

    Examples
    --------
    >>> from napari_cellvino import read_image
    >>> stack = read_image("sample_data/nuclei_stack.ome.tif")
    >>> stack.describe()
    '13 planes · 512 × 448 px · uint16'
    >>> stack.describe_spacing()
    '0.325 × 0.325 × 1 µm per pixel'
    """
    names = None if channels is None else tuple(channels)
    said = MetadataOverrides(axes, spacing_of(spacing_um), names, level=level, region=region)
    return open_image(Path(path), said, position=position)


def open_image(path: Path, said: MetadataOverrides, *, position: str = "") -> Stack:
    """Return the image in a file of which the user said this; the errors are those of `read_image`."""
    source = open_as(
        path, MetadataOverrides(said.axes, said.spacing, said.channels, level=said.level, region=said.region)
    )
    names = [held.name for held in source.positions]
    if position and position not in names:
        raise ImageValueError(f"{source.path.name} has no position {position!r}; it holds {_few(names)}")
    if not position and len(names) > 1:
        raise ImageValueError(
            f"{source.path.name} holds {len(names)} fields of view: name one with position=, of {_few(names)}; "
            "run_folder does all of them"
        )
    return source.read(source.positions[names.index(position)] if position else None)


def as_stack(image: Stack | ArrayLike, said: ImageOptions, *, name: str = "") -> Stack:
    """Return an image that is no file as a stack.

    Raises
    ------
    ImageValueError
        As `Stack.from_array`.
    OptionError
        If an option is given that is not for this kind of image.
    """
    if isinstance(image, Stack):
        refuse({"name": name, "axes": said.get("axes")}, "a Stack, which says so itself")
        return _corrected(image, said)
    return _stack_of(image, said, name or "image")


def _stack_of(image: ArrayLike, options: ImageOptions, name: str) -> Stack:
    axes, channels = options.get("axes"), options.get("channels")
    array: Any = image
    if isinstance(image, LabelledArray):
        axes, channels, array = axes or _axes_of(image), channels or _channels_of(image), image.data
    if not hasattr(array, "shape") or not hasattr(array, "dtype"):
        array = np.asarray(array)
    pixels = cast("NDArray[np.generic]", array)
    return Stack.from_array(pixels, axes=axes, spacing_um=options.get("spacing_um"), channels=channels, name=name)


def _corrected(stack: Stack, options: ImageOptions) -> Stack:
    """Return a stack with what is said of it."""
    spacing, channels = spacing_of(options.get("spacing_um")), options.get("channels")
    if spacing is not None:
        known = {axis: size for axis in "zyx" if (size := getattr(spacing, axis)) is not None}
        stack = stack.with_spacing(replace(stack.spacing, **known))
    return stack if channels is None else stack.with_channels(channels)


def _axes_of(image: LabelledArray) -> str | None:
    """Return the axes that the names of the dimensions say, None where one is not known."""
    letters = [axis_letter(str(name)) for name in image.dims]
    return "".join(letters) if all(letters) else None


def _channels_of(image: LabelledArray) -> tuple[str, ...] | None:
    """Return the names that stand along the channels, None where there are none."""
    for name in image.dims:
        if axis_letter(str(name)) == "C" and name in image.coords:
            return tuple(str(value) for value in np.asarray(image.coords[name]).tolist())
    return None


def refuse(given: dict[str, object], kind: str) -> None:
    """Raise OptionError if something is given that is not for this kind of image."""
    for name, value in given.items():
        if value:
            raise OptionError(f"{name}={value!r} is not for {kind}; leave it out")


def _few(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names[:12]) + (" …" if len(names) > 12 else "")
