"""From labelled nuclei to whole cells with the same ids, plane by plane, without a network.

A cell is what lies nearest to its nucleus: by distance alone, or along paths that avoid edges of a channel that shows
cytoplasm or membrane, where that channel is bright. Labels grow on a grid as coarse as the nuclei allow (of 7 px, at
most 4 times), which makes it fast enough for sliders: against full resolution, F1 on a Cell Painting field is the same.

References
----------
Jones, Carpenter and Golland 2005, "Voronoi-based segmentation of cells on image manifolds"; Otsu 1979, "A threshold
selection method from gray-level histograms".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy
import skimage
from numpy.typing import NDArray
from PIL import Image

from napari_cellvino.core.errors import ImageValueError, OptionError
from napari_cellvino.core.image import Stack, channel_index
from napari_cellvino.core.recipe import Recipe, WholeCellWay
from napari_cellvino.model_package import ModelOutput, ModelSpec
from napari_cellvino.segmentation.heads import Parameter
from napari_cellvino.segmentation.heads.connected_components import close_holes
from napari_cellvino.segmentation.normalise import IntensityRange
from napari_cellvino.segmentation.whole_cells.propagate import propagate

NUCLEUS_PX = 7.0  # on the grid on which labels grow
COARSEST = 4
SMOOTHING = 1.5  # px of the image
HOLE = 0.1  # height of a dark hole in a cell, which belongs to it
UNBOUNDED = (-np.inf, np.inf)

_REACH = Parameter("cell_reach", "Cell reach", 60.0, 1.0, 500.0, 1.0, "px", "How far a cell reaches beyond its nucleus")
_GROWN = (
    Parameter(
        "cell_threshold", "Cell brightness", 0.8, 0.0, 3.0, 0.01,
        help="Higher makes cells smaller: where the channel is darker there is no cell. 0 takes dark cells, too",
    ),
    Parameter(
        "cell_regularisation", "Borders by distance", 0.2, 0.001, 1.0, 0.001,
        help="Lower: borders of touching cells follow edges of the channel. Higher: they lie half-way between nuclei",
    ),
)  # fmt: skip

ALL_CELL_PARAMETERS = (_REACH, *_GROWN)


@dataclass(frozen=True, slots=True, eq=False)
class _Grown:
    """Labels on the grid, and a height that is above 0 inside cells."""

    labels: NDArray[np.int32]
    height: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class WholeCells:
    """The step of a pipeline that makes whole cells of nuclei; ``channel`` shows the cells, where they are grown."""

    way: WholeCellWay
    channel: str = ""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Adjustable parameters."""
        if self.way is WholeCellWay.EXPAND:
            return (_REACH.with_default(15.0),)
        return ALL_CELL_PARAMETERS

    def plane(
        self, nuclei: NDArray[np.integer], image: NDArray[np.generic] | None, values: Mapping[str, float]
    ) -> NDArray[np.int32]:
        """Return labels (Y, X) of whole cells, each with the id of its nucleus, which is part of it.

        Parameters
        ----------
        nuclei
            (Y, X) labels.
        image
            (Y, X) pixels of the channel that shows the cells; it is not looked at where they are expanded.
        values
            Value of every parameter.
        """
        step = _grid_step(nuclei)
        ids, rows = np.unique(nuclei[step // 2 :: step, step // 2 :: step], return_inverse=True)
        coarse = (rows + int(ids[0] != 0)).reshape(-(-(nuclei.shape[0] - step // 2) // step), -1).astype(np.int32)
        named = np.concatenate([[0], ids[ids != 0]]).astype(np.int32)
        grown = self._grown(coarse, image, values, step)
        cells = _enlarged(named[grown.labels], nuclei.shape)
        cells[_enlarged_linearly(grown.height, nuclei.shape) <= 0] = 0
        np.copyto(cells, nuclei, where=nuclei != 0, casting="unsafe")
        return cells

    def _grown(
        self, seeds: NDArray[np.int32], image: NDArray[np.generic] | None, values: Mapping[str, float], step: int
    ) -> _Grown:
        """Return what seeds from 1 grow to on the grid."""
        nearest, inside = _nearest(seeds, values["cell_reach"], step)
        if self.way is WholeCellWay.EXPAND or image is None:
            return _Grown(nearest, inside)
        bright, threshold = _brightness(image, step, seeds.shape, values["cell_threshold"])
        height = np.minimum(bright - np.float32(threshold), inside)
        labels = propagate(seeds, bright, height > 0, step * values["cell_regularisation"])
        close_holes(labels)
        height[(labels > 0) & (height <= 0)] = HOLE
        return _Grown(labels, height)


def whole_cells_of(recipe: Recipe) -> WholeCells | None:
    """Return the step that a recipe asks for, None where it asks for none."""
    return None if recipe.whole_cells is None else WholeCells(recipe.whole_cells, recipe.cell_channel)


def check_whole_cells(recipe: Recipe, spec: ModelSpec, outline: ModelSpec | None = None) -> None:
    """Raise OptionError if whole cells are asked for of boxes, or grown over a channel that is not named."""
    if recipe.whole_cells is None:
        return
    if outline is None and spec.gives is not ModelOutput.OUTLINES:
        raise OptionError(
            f"model {spec.name} gives {spec.describe_task()}, and whole cells are made of outlined nuclei",
            remedy="choose a model that outlines, or add one",
            command="choose a model that outlines, or add one (--outline)",
        )
    if recipe.whole_cells is WholeCellWay.PROPAGATE and not recipe.cell_channel:
        raise OptionError(
            "whole cells are grown over a channel that shows cytoplasm or membrane, and none is named",
            remedy="choose the channel of the cells, or expand the nuclei by a distance",
            command="name it (--cell-channel), or expand nuclei by a distance (--whole-cells expand)",
        )


def cell_channel_name(stack: Stack, recipe: Recipe) -> str:
    """Return the name of the channel that whole cells are grown over; empty where none is.

    Raises
    ------
    ImageValueError
        If the image has no such channel.
    """
    if recipe.whole_cells is not WholeCellWay.PROPAGATE:
        return ""
    index = channel_index(stack, recipe.cell_channel)
    if index is None:
        raise ImageValueError(f"whole cells are grown over one of {', '.join(stack.channels)}; name it")
    return stack.channels[index]


def _grid_step(nuclei: NDArray[np.integer]) -> int:
    """Return the pixels per step of the grid: the median nucleus keeps `NUCLEUS_PX`."""
    ids, counts = np.unique(nuclei[::COARSEST, ::COARSEST], return_counts=True)
    areas = COARSEST**2 * counts[ids != 0]
    return int(np.clip(np.sqrt(4 / np.pi * np.median(areas)) / NUCLEUS_PX, 1, COARSEST)) if len(areas) else 1


def _nearest(seeds: NDArray[np.int32], reach_px: float, step: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the label of the nearest seed, and how far (px) each place lies inside the reach of it."""
    if not seeds.any():
        return np.zeros(seeds.shape, np.int32), np.zeros(seeds.shape, np.float32)
    distance, (y, x) = scipy.ndimage.distance_transform_edt(seeds == 0, return_indices=True)
    beyond = distance * step - (step - 1) / 2  # a nucleus reaches half a step beyond its last place on the grid
    return seeds[y, x], (reach_px + 0.5 - beyond).astype(np.float32)


def _brightness(
    image: NDArray[np.generic], step: int, shape: tuple[int, ...], factor: float
) -> tuple[NDArray[np.float32], float]:
    """Return the smoothed image on the grid, from 0 to 1 for all but its extremes, and the value where cells begin.

    That is Otsu's threshold of its logarithm, over the background, times ``factor``.
    """
    finite = image.astype(np.float32)
    if image.dtype.kind == "f":
        np.nan_to_num(finite, copy=False, posinf=0.0, neginf=0.0)
    height, width = shape
    small = finite
    if step > 1:
        box = (0, 0, min(width * step, finite.shape[1]), min(height * step, finite.shape[0]))
        small = np.asarray(Image.fromarray(finite).resize((width, height), Image.Resampling.BOX, box=box))
    smooth = scipy.ndimage.gaussian_filter(small, SMOOTHING / step)
    low, high = (float(value) for value in np.percentile(smooth, (1, 99)))
    bright = IntensityRange(low, high, UNBOUNDED).apply(smooth)
    offset = 0.05  # of the range: the logarithm of less is noise
    otsu = (
        float(np.exp(skimage.filters.threshold_otsu(np.log(np.clip(bright, 0, 1) + offset)))) - offset
        if high > low
        else 0.0
    )
    return bright, factor * otsu if factor else -np.inf


def _enlarged(labels: NDArray[np.int32], shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Return labels at another size, each pixel that of its nearest neighbour on the grid."""
    rows, columns = (np.minimum(np.arange(n) * m // n, m - 1) for n, m in zip(shape, labels.shape, strict=True))
    return labels[np.ix_(rows, columns)]


def _enlarged_linearly(values: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.asarray(Image.fromarray(values).resize((shape[1], shape[0]), Image.Resampling.BILINEAR))
