"""Strokes of a person on an image, and the files that hold them.

One TIFF per image with its stem, uint8: 0 nothing, 1 cell, 2 background, 3 between cells, 4 and more: cell of class 1,
2, … Beside it there may be outlined cells, ``<stem>_cells.tif``: a label image, complete cells only, not all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import TrainingDataError
from napari_cellvino.core.image import ALL_CHANNELS, Stack
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.io.label_tiff import read_label_pixels
from napari_cellvino.storage.atomic import atomic_path

CELLS_ENDING = "_cells"
SUFFIXES = (".tif", ".tiff")
HOW = "1 is cell, 2 background, 3 between cells, 4 and more a cell of class 1, 2, …"


class StrokeKind(IntEnum):
    """What a stroke says of its pixels."""

    NOTHING = 0
    CELL = 1
    BACKGROUND = 2
    BETWEEN = 3
    FIRST_CLASS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Strokes:
    """Strokes on an image: ``kinds`` uint8 (Y, X) or (Z, Y, X), and ``cells`` of the same shape or None.

    ``cells`` is a label image of outlined cells, 0 where nothing is outlined.
    """

    kinds: NDArray[np.uint8]
    cells: NDArray[np.integer] | None = None

    @property
    def classes(self) -> int:
        """Number of classes of cells that were painted; 0 where cells have no class."""
        return max(0, int(self.kinds.max(initial=0)) - StrokeKind.FIRST_CLASS + 1)

    def plane(self, z: int) -> Strokes:
        """Return the strokes of one plane, from 0; those of a plane are the same for all."""
        if self.kinds.ndim == 2:
            return self
        return Strokes(self.kinds[z], None if self.cells is None else self.cells[z])


@dataclass(frozen=True, slots=True, eq=False)
class StrokedImage:
    """An image and the strokes on it; ``frame`` is its time point, 0 for that of the recipe."""

    stem: str
    stack: Stack
    strokes: Strokes
    frame: int = 0


@dataclass(frozen=True, slots=True)
class StrokeFiles:
    """The stroke file and the file of outlined cells of one image; one of them may be missing."""

    image: Path
    kinds: Path | None
    cells: Path | None


def match_stroke_files(images: Sequence[Path], folder: Path) -> list[StrokeFiles]:
    """Return the files of a folder of strokes, each with the image of its stem, in the order of the images.

    Raises
    ------
    TrainingDataError
        If there is no such folder, no stroke file in it, or one belongs to no image, or to several.
    """
    found = _by_stem(folder)
    known: dict[str, list[Path]] = {}
    for image in images:
        known.setdefault(stem_of(image), []).append(image)
    for stem, (kinds, cells) in found.items():
        file = kinds or cells
        if stem not in known:
            held = ", ".join(list(known)[:5]) or "nothing"
            raise TrainingDataError(f"{file} belongs to no image: none is called {stem!r}; there are {held}")
        if len(known[stem]) > 1:
            names = ", ".join(path.name for path in known[stem])
            raise TrainingDataError(f"{file} may belong to {names}; give the images different names")
    return [StrokeFiles(known[stem][0], *found[stem]) for stem in known if stem in found]


def stem_of(path: Path) -> str:
    """Return a file's name without what says its format: ``field.ome.tif`` and ``field.tif`` are ``field``."""
    return path.name.removesuffix(path.suffix).removesuffix(".ome")


def _by_stem(folder: Path) -> dict[str, tuple[Path | None, Path | None]]:
    if not folder.is_dir():
        raise TrainingDataError(f"there is no folder {folder}; name the folder of stroke files with --strokes")
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not files:
        raise TrainingDataError(f"{folder} holds no stroke file: a TIFF per image with its name, where {HOW}")
    found: dict[str, tuple[Path | None, Path | None]] = {}
    for path in files:
        stem = stem_of(path)
        own = stem.removesuffix(CELLS_ENDING)
        kinds, cells = found.get(own, (None, None))
        found[own] = (kinds, path) if own != stem else (path, cells)
    return found


def read_strokes(files: StrokeFiles, shape: tuple[int, int, int]) -> Strokes:
    """Return the strokes on an image of ``shape`` (Z, Y, X).

    Raises
    ------
    ImageReadError
        If a file cannot be read.
    TrainingDataError
        If a file has another size than the image, or values that mean nothing.
    """
    cells = None if files.cells is None else _read(files.cells, shape)
    if files.kinds is None:
        if cells is None:
            raise TrainingDataError(f"{files.image} has no strokes")
        return Strokes(np.zeros(cells.shape, np.uint8), cells)
    kinds = _read(files.kinds, shape)
    if int(kinds.max(initial=0)) > np.iinfo(np.uint8).max or int(kinds.min(initial=0)) < 0:
        raise TrainingDataError(f"{files.kinds} holds {int(kinds.max())}, which is no stroke: {HOW}")
    if cells is not None and cells.shape != kinds.shape:
        raise TrainingDataError(f"{files.cells} has the shape {cells.shape} and {files.kinds} {kinds.shape}")
    return Strokes(kinds.astype(np.uint8), cells)


def _read(path: Path, shape: tuple[int, int, int]) -> NDArray[np.integer]:
    pixels = read_label_pixels(path)[0]
    if pixels.dtype.kind not in "bui":
        raise TrainingDataError(f"{path} holds pixels of type {pixels.dtype}; strokes are whole numbers: {HOW}")
    if pixels.shape == (1, *shape[1:]):
        pixels = pixels[0]
    if pixels.shape not in {shape[1:], shape}:
        size = " × ".join(map(str, pixels.shape[::-1]))
        image = " × ".join(map(str, (shape if shape[0] > 1 else shape[1:])[::-1]))
        raise TrainingDataError(f"{path} is {size} px, and its image {image}: strokes must lie on the image")
    return np.asarray(pixels)


def write_strokes(folder: Path, stem: str, strokes: Strokes) -> None:
    """Write the stroke files of an image.

    Raises
    ------
    OutputError
        If they cannot be written.
    """
    import tifffile

    files = [(f"{stem}.tif", strokes.kinds)]
    if strokes.cells is not None:
        files.append((f"{stem}{CELLS_ENDING}.tif", strokes.cells.astype(np.uint32)))
    for name, pixels in files:
        with atomic_path(folder / name) as path:
            tifffile.imwrite(path, pixels, compression="zlib", photometric="minisblack")


def channel_of(stack: Stack, recipe: Recipe) -> str:
    """Return the channel of an image that is learnt from; all of them where the recipe names none."""
    return recipe.channel or ("" if stack.rgb else ALL_CHANNELS)


def inputs_of(stack: Stack, recipe: Recipe) -> int:
    """Return how many channels of an image are learnt from."""
    every = channel_of(stack, recipe) == ALL_CHANNELS or (stack.rgb and not recipe.channel)
    return stack.shape.c if every else 1


def alike(images: Sequence[StrokedImage], recipe: Recipe) -> list[StrokedImage]:
    """Return the images of which as many channels are learnt from as of the first: one network sees all of them."""
    counts = [inputs_of(image.stack, recipe) for image in images]
    return [image for image, count in zip(images, counts, strict=True) if count == counts[0]]
