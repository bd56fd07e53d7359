"""The strokes on each image that was painted on, and the files that keep them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import TrainingDataError
from napari_cellvino.core.image import Stack, ZMode
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.quality.side_by_side import ResultComparison, compare_labels
from napari_cellvino.training.teach.strokes import (
    CELLS_ENDING,
    StrokedImage,
    StrokeFiles,
    Strokes,
    read_strokes,
    stem_of,
    write_strokes,
)

FOLDER = "strokes"  # in the folder of results

Labels = NDArray[np.int32]


@dataclass(slots=True)
class StrokePage:
    """The strokes on one image at one time point: ``kinds`` and accepted ``cells``, (Y, X) or (Z, Y, X)."""

    stem: str
    stack: Stack
    frame: int
    folder: Path | None  # of the stroke files; None where no results are kept
    kinds: NDArray[np.uint8]
    cells: Labels

    @property
    def strokes(self) -> Strokes:
        """The strokes, as files hold them."""
        return Strokes(self.kinds, self.cells if self.cells.any() else None)

    @property
    def image(self) -> StrokedImage:
        """The image with its strokes."""
        return StrokedImage(self.stem, self.stack, self.strokes, self.frame)

    @property
    def painted(self) -> bool:
        """Whether there is anything on it."""
        return bool(self.kinds.any() or self.cells.any())

    @property
    def accepted(self) -> int:
        """Number of cells that were accepted."""
        return len(np.unique(self.cells[self.cells > 0]))

    def save(self) -> None:
        """Write the strokes where they are kept, once there are some; OutputError if that cannot be."""
        if self.folder is None:
            return
        if self.painted or (self.folder / f"{self.stem}.tif").is_file():
            write_strokes(self.folder, self.stem, self.strokes)


def lies_on_planes(stack: Stack, recipe: Recipe) -> bool:
    """Return whether strokes lie on single planes of a stack; else on what a run makes of them."""
    return stack.shape.z > 1 and recipe.z_choice.way in (ZMode.PLANE, ZMode.JOINED)


def open_page(stack: Stack, recipe: Recipe, results: Path | None) -> StrokePage:
    """Return the strokes on an image, with those that stand in a folder of results.

    Raises
    ------
    ImageReadError, TrainingDataError
        If there is a stroke file that cannot be read, or does not fit the image or its way along z.
    """
    frame, shape = recipe.frame or 1, stack.shape
    size = (shape.z, shape.y, shape.x) if lies_on_planes(stack, recipe) else (shape.y, shape.x)
    folder = None if results is None else results / FOLDER
    page = StrokePage(_stem(stack, frame), stack, frame, folder, np.zeros(size, np.uint8), np.zeros(size, np.int32))
    if folder is not None:
        kinds, cells = (folder / f"{page.stem}{ending}.tif" for ending in ("", CELLS_ENDING))
        if kinds.is_file():
            files = StrokeFiles(Path(stack.origin.path or page.stem), kinds, cells if cells.is_file() else None)
            found = read_strokes(files, (shape.z, shape.y, shape.x))
            if found.kinds.shape != size:
                lie = "on single planes" if found.kinds.ndim == 3 else "on the projection"
                raise TrainingDataError(f"the strokes in {kinds} lie {lie}; choose that way along z, or move the file")
            page.kinds = found.kinds.copy()
            page.cells = page.cells if found.cells is None else found.cells.astype(np.int32)
    return page


def _stem(stack: Stack, frame: int) -> str:
    """Return a name for stroke files: that of the image file, with position and time point where there are several."""
    origin = stack.origin
    parts = [stem_of(Path(origin.path)) if origin.path else "image", origin.position]
    if stack.shape.t > 1:
        parts.append(f"t{frame}")
    return re.sub(r"[^\w.-]+", "_", "_".join(part for part in parts if part)).strip("_") or "image"


def compare_accepted(accepted: Labels, found: Labels) -> ResultComparison:
    """Return how the accepted cells (Y, X) and what is found in their places differ.

    Only cells that mostly lie on accepted ones are judged: nobody said what the rest of the image holds.
    """
    count = int(found.max(initial=0)) + 1
    inside = np.bincount(found[accepted > 0], minlength=count)
    mostly = inside * 2 > np.bincount(found.reshape(-1), minlength=count)
    mostly[0] = False
    return compare_labels(accepted, np.where(mostly[found], found, 0))
