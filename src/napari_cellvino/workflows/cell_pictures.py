"""Small pictures of cells of saved fields, cut out of their images with their outlines."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import find_boundaries

from napari_cellvino.annotation.region import Region
from napari_cellvino.core.errors import CellvinoError, ImageReadError
from napari_cellvino.core.image import Stack, channel_index
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.results.cell_table import FieldCells
from napari_cellvino.results.field_folder import FieldFolder, Stamp
from napari_cellvino.segmentation.prepare import project
from napari_cellvino.workflows.saved_field import COLOUR
from napari_cellvino.workflows.sources import OpenSources

MARGIN = 6  # px of the image round a cell
LINE = (255, 214, 10)
MOST_BYTES = 300_000_000  # of images and labels that are held
_PERCENTILES = (0.5, 99.8)
_EVERY = 16  # samples of a plane for its contrast, in each direction

Picture = NDArray[np.uint8]


@dataclass(slots=True)
class _Field:
    """What is held of one field: planes as pictures (Y, X) or (Y, X, RGB), and labels, where there are outlines."""

    stamp: Stamp | None
    stack: Stack
    recipe: Recipe
    colour: bool
    labels: NDArray[np.int32] | None
    planes: dict[int, Picture] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """Memory of it in bytes."""
        held = sum(plane.nbytes for plane in self.planes.values())
        return held + (0 if self.labels is None else self.labels.nbytes)

    def plane(self, frame: int, z: int) -> Picture:
        """Return the pixels that cells were found in; of a stack in 3D those of plane ``z``."""
        if z not in self.planes:
            self.planes[z] = self._read(frame, z)
        return self.planes[z]

    def _read(self, frame: int, z: int) -> Picture:
        recipe = self.recipe
        if recipe.z_choice.joined:
            channel = channel_index(self.stack, recipe.channel) or 0
            return _stretched(self.stack.plane(t=frame - 1, c=channel, z=z))
        inputs = 3 if self.stack.rgb and self.colour else 1
        plane = finish(project(self.stack, channel=recipe.channel, z=recipe.z_choice, frame=frame, inputs=inputs))
        return _stretched(plane.inputs[0] if inputs == 1 else np.moveaxis(plane.inputs, 0, -1))


class CellPictures:
    """Cuts pictures of cells; the fields that were looked at last are held in memory."""

    def __init__(self) -> None:
        self._sources = OpenSources()
        self._fields: OrderedDict[Path, _Field] = OrderedDict()
        self._lost: dict[Path, tuple[Stamp | None, str]] = {}  # what could not be opened, and why

    def look_again(self) -> None:
        """Try again to open fields that could not be opened: a drive may be back."""
        self._lost.clear()

    def picture(self, cells: FieldCells, row: int) -> Picture:
        """Return the picture (Y, X, RGB) of one cell of a field, by its row there.

        Raises
        ------
        CellvinoError
            If image or result cannot be read.
        """
        found = self._field(cells)
        frame = cells.origin.frame or found.recipe.frame or 1
        plane = found.plane(frame, int(cells.z[row]))
        (y0, x0, y1, x1), shape = cells.box[row].tolist(), (plane.shape[0], plane.shape[1])
        window = Region((y0, x0), (y1, x1)).expanded(MARGIN, shape).slices
        cut = plane[window]
        rgb = np.array(cut if cut.ndim == 3 else np.repeat(cut[..., None], 3, axis=2))
        if found.labels is not None:
            labels = found.labels if found.labels.ndim == 2 else found.labels[int(cells.z[row])]
            rgb[find_boundaries(labels[window] == cells.id[row], mode="inner")] = LINE
        return rgb

    def _field(self, cells: FieldCells) -> _Field:
        stored = FieldFolder(cells.folder)
        stamp, found = stored.stamp, self._fields.get(cells.folder)
        held_for, why = self._lost.get(cells.folder, (None, ""))
        if why and held_for == stamp:  # else each of thousands of cells would read the whole result again
            raise ImageReadError(why)
        if found is None or found.stamp != stamp:
            try:
                found = self._fields[cells.folder] = self._open(stored, cells, found)
            except CellvinoError as error:
                self._lost[cells.folder] = stamp, str(error)
                raise
        self._fields.move_to_end(cells.folder)
        while len(self._fields) > 1 and sum(one.nbytes for one in self._fields.values()) > MOST_BYTES:
            self._fields.popitem(last=False)
        return found

    def _open(self, stored: FieldFolder, cells: FieldCells, before: _Field | None) -> _Field:
        result = stored.result
        if result.provenance is None:
            raise ImageReadError(f"{stored.path} does not tell which image it is of")
        recipe = Recipe.model_validate(result.provenance.get("recipe", {}))
        labels = stored.labels() if result.outlines else None
        colour = result.provenance.get("channel") == COLOUR
        stack = before.stack if before is not None else self._sources.field(cells.origin, recipe.overrides)
        planes = before.planes if before is not None and before.recipe == recipe else {}
        return _Field(stored.stamp, stack, recipe, colour, labels, planes)


def _stretched(pixels: NDArray[np.generic]) -> Picture:
    """Return pixels (Y, X) or (Y, X, RGB) in the contrast of the whole plane."""
    values = pixels.astype(np.float32)
    step = max(max(values.shape[:2]) // (16 * _EVERY), 1)
    low, high = np.percentile(values[::step, ::step], _PERCENTILES)
    return np.asarray(np.clip((values - low) * (255 / max(high - low, 1e-9)), 0, 255), np.uint8)
