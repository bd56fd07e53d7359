"""Open what only another napari plugin reads, on the command line as in the window: image layers become images.

A layer says less than an instrument's file: its dimensions have names only where the plugin gives them, and its scale
has a unit only there. What is missing is asked for, not guessed. napari's own reader is left out: it takes pictures and
videos that are refused here with a reason.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.array_axes import axis_letter
from napari_cellvino.core.errors import CellvinoError, ImageValueError
from napari_cellvino.core.image import MetadataOverrides, PlaneReader, Spacing
from napari_cellvino.io.axes import AxisLayout, AxisSizes, resolve_layout
from napari_cellvino.io.block_planes import BlockPlanes, PixelTransform, Window, cut
from napari_cellvino.io.checks import check_memory
from napari_cellvino.io.instrument import Foreign
from napari_cellvino.io.scenes import Scene, SceneSource
from napari_cellvino.io.units import micrometres

_NOT_ASKED = {"napari", "napari-cellvino"}
_logger = logging.getLogger(__name__)


def open_with_napari(path: Path, overrides: MetadataOverrides) -> SceneSource | None:
    """Return the image layers that a plugin makes of a file; None where no plugin reads it.

    Raises
    ------
    ImageValueError
        If the user's axes or channel names do not fit.
    """
    for name in _plugins(path):
        scenes = _scenes(path, name, overrides)
        if scenes:
            return SceneSource(path, scenes, MetadataOverrides(None, overrides.spacing, overrides.channels))
    return None


def _plugins(path: Path) -> list[str]:
    """Return the names of the plugins that say they read such a file."""
    try:
        npe2 = import_module("npe2")
    except ImportError:
        return []
    manager = npe2.PluginManager.instance()
    manager.discover()
    names = {str(reader.plugin_name) for reader in manager.iter_compatible_readers([str(path)])}
    return sorted(names - _NOT_ASKED)


def _scenes(path: Path, plugin: str, overrides: MetadataOverrides) -> tuple[Scene, ...]:
    try:
        read = import_module("npe2.io_utils").read([str(path)], stack=False, plugin_name=plugin)
        layers = [layer for layer in read if layer[0] is not None and (len(layer) < 3 or layer[2] == "image")]
        return _as_channels(tuple(_scene(path, plugin, layer, overrides.axes) for layer in layers))
    except CellvinoError:
        raise
    except Exception:  # whatever a plugin trips over
        _logger.debug("the napari plugin %s does not read %s", plugin, path, exc_info=True)
        return ()


def _as_channels(scenes: tuple[Scene, ...]) -> tuple[Scene, ...]:
    """Return one image of layers that look like its channels, else each layer as an image."""
    alike = {(scene.shape, scene.dtype, scene.spacing) for scene in scenes}
    if len(scenes) < 2 or len(alike) > 1 or scenes[0].shape.c > 1:
        return scenes
    said = f"{len(scenes)} layers of one size: taken as channels of one image"
    return (
        replace(
            scenes[0],
            shape=scenes[0].shape._replace(c=len(scenes)),
            planes=ReaderPlanes(tuple(scene.planes for scene in scenes)),
            name="",
            channels=tuple(scene.name for scene in scenes),
            warnings=(*scenes[0].warnings, said),
        ),
    )


@dataclass(frozen=True, slots=True)
class ReaderPlanes:
    """Planes of layers of one channel each, as those of one image."""

    layers: tuple[PlaneReader, ...]

    def plane(self, *, t: int, c: int, z: int) -> NDArray[np.generic]:
        """Return one plane (Y, X).

        Raises
        ------
        ImageValueError
            If there is no such plane.
        """
        if not 0 <= c < len(self.layers):
            raise ImageValueError(f"there is no channel {c + 1}; {len(self.layers)} are there")
        return self.layers[c].plane(t=t, c=0, z=z)


@dataclass(frozen=True, slots=True)
class ArrayBlocks:
    """The planes of an array of any library as blocks; ``start`` is the first of its last dimensions."""

    path: Path
    array: Foreign
    start: int

    def block(self, number: int) -> NDArray[np.generic]:
        """Return one block.

        Raises
        ------
        ImageReadError
            If it does not fit in memory.
        """
        shape = tuple(int(size) for size in self.array.shape)
        check_memory(self.path, math.prod(shape[self.start :]) * np.dtype(self.array.dtype).itemsize)
        where = np.unravel_index(number, shape[: self.start]) if self.start else ()
        pixels: NDArray[np.generic] = np.array(self.array[tuple(int(index) for index in where)])
        return pixels

    def part(self, number: int, window: Window) -> NDArray[np.generic]:
        """Return rows and columns of one block; errors as `block`."""
        return cut(self.block(number), window)


def _scene(path: Path, plugin: str, layer: Sequence[Foreign], axes: str | None) -> Scene:
    metadata: Mapping[str, Foreign] = layer[1] if len(layer) > 1 else {}
    array = _full_resolution(layer[0])
    sizes = tuple(int(size) for size in array.shape)
    along = metadata.get("channel_axis")
    letters = _letters(metadata, sizes, None if along is None else int(along) % len(sizes))
    samples = 3 if "S" in letters else 1
    layout, guesses = resolve_layout((AxisSizes(path.name, letters, sizes, samples),), axes)
    dtype = np.dtype(array.dtype)
    if dtype.kind not in "buif":
        raise ImageValueError(f"{path.name} has pixels of type {dtype}; save the magnitude as 32-bit float")
    transform = PixelTransform(np.dtype(np.uint8) if dtype.kind == "b" else dtype)
    said = metadata.get("name")
    names = () if said is None or isinstance(said, str) else tuple(str(one) for one in said)
    spacing, unitless = _spacing(metadata, layout, along)
    return Scene(
        layout.shape,
        transform.dtype,
        BlockPlanes(path.name, layout, ArrayBlocks(path, array, layout.plane_start), transform),
        said if isinstance(said, str) else "",
        spacing,
        names if len(names) == layout.shape.c else (),
        rgb="S" in letters,
        warnings=(
            f"read through the napari plugin {plugin}: look at the first image before you count",
            *guesses,
            *unitless,
        ),
    )


def _full_resolution(data: Foreign) -> Foreign:
    """Return the array of a layer: of several levels the first."""
    return data[0] if not hasattr(data, "dtype") and len(data) else data


def _letters(metadata: Mapping[str, Foreign], sizes: tuple[int, ...], along: int | None) -> str:
    """Return a letter per dimension, ``Q`` where the plugin does not say what it is."""
    rgb = metadata.get("rgb")
    colours = bool(rgb) if rgb is not None else len(sizes) > 2 and sizes[-1] in (3, 4) and min(sizes[-3:-1]) > 30
    plain = len(sizes) - colours - (along is not None)
    labels = [axis_letter(str(label)) or "Q" for label in metadata.get("axis_labels") or ()]
    letters = labels if len(labels) == plain else ["Q"] * (plain - 2) + ["Y", "X"]
    if along is not None:
        letters.insert(along, "C")
    return "".join(letters) + "S" * colours


def _spacing(metadata: Mapping[str, Foreign], layout: AxisLayout, along: Foreign) -> tuple[Spacing, tuple[str, ...]]:
    """Return the scale of a layer in µm, or a sentence where it has no unit."""
    scale = [float(step) for step in metadata.get("scale") or ()]
    said = metadata.get("units")
    units = [said] * len(scale) if isinstance(said, str) or not isinstance(said, Iterable) else list(said)
    letters = [r for n, r in enumerate(layout.roles) if n != along and layout.letters[n] != "S"]
    if len(scale) != len(letters) or len(units) != len(scale):
        return Spacing(), ()
    found = {
        letter: micrometres(step, str(unit)) if unit is not None else None
        for letter, step, unit in zip(letters, scale, units, strict=True)
    }
    spacing = Spacing(found.get("Z"), found.get("Y"), found.get("X"))
    if spacing.known or all(step == 1 for step in scale[-2:]):
        return spacing, ()
    return spacing, (f"a scale of {scale[-1]:g} has no unit: not taken; give it with --pixel-size if it is µm",)
