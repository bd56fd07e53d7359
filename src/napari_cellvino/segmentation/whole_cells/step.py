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
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage as ndi
from skimage.filters import threshold_otsu

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.recipe import Recipe, WholeCellWay
from napari_cellvino.segmentation.heads import Parameter
from napari_cellvino.segmentation.heads.connected_components import close_holes
from napari_cellvino.segmentation.normalise import IntensityRange
from napari_cellvino.segmentation.whole_cells.propagate import propagate

NUCLEUS_PX = 7.0  # on the grid on which labels grow
COARSEST = 4
SMOOTHING = 1.5  # px of the image
UNBOUNDED = (-np.inf, np.inf)

_REACH = Parameter("cell_reach", "Cell reach", 60.0, 1.0, 500.0, 1.0, "px", "How far a cell reaches beyond its nucleus")
_GROWN = (
    Parameter(
        "cell_threshold", "Cell brightness", 1.0, 0.0, 3.0, 0.01,
        help="Higher makes cells smaller: where the channel is darker there is no cell. 0 takes dark cells, too",
    ),
    Parameter(
        "cell_regularisation", "Borders by distance", 0.05, 0.001, 1.0, 0.001,
        help="Lower: borders of touching cells follow edges of the channel. Higher: they lie half-way between nuclei",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _Grown:
    """Labels on the grid, and the brightness there that cells lie above."""

    labels: NDArray[np.int32]
    brightness: NDArray[np.float32] | None = None
    threshold: float = -np.inf


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
        return (_REACH, *_GROWN)

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
        if grown.brightness is not None:
            cells[_enlarged_linearly(grown.brightness, nuclei.shape) <= grown.threshold] = 0
        np.copyto(cells, nuclei, where=nuclei != 0, casting="unsafe")
        return cells

    def _grown(
        self, seeds: NDArray[np.int32], image: NDArray[np.generic] | None, values: Mapping[str, float], step: int
    ) -> _Grown:
        """Return what seeds from 1 grow to on the grid."""
        near = _nearest(seeds, values["cell_reach"] / step)
        if self.way is WholeCellWay.EXPAND or image is None:
            return _Grown(near)
        bright, threshold = _brightness(image, step, seeds.shape, values["cell_threshold"])
        labels = propagate(seeds, bright, (near > 0) & (bright > threshold), step * values["cell_regularisation"])
        close_holes(labels)
        return _Grown(labels, bright, threshold)


def whole_cell_parameters(recipe: Recipe) -> tuple[Parameter, ...]:
    """Return the parameters of the step of a recipe, none where it has none."""
    return () if recipe.whole_cells is None else WholeCells(recipe.whole_cells).parameters


def check_whole_cells(recipe: Recipe, *, outlines: bool, model: str) -> WholeCells | None:
    """Return the step of a recipe, None where it has none.

    Raises
    ------
    OptionError
        If the models give no outlines, or no channel is named that cells are grown over.
    """
    if recipe.whole_cells is None:
        return None
    if not outlines:
        raise OptionError(
            f"model {model} gives boxes, and whole cells need outlined nuclei",
            remedy="choose a model that outlines, or add one",
            command="choose a model that outlines, or add one (--outline)",
        )
    if recipe.whole_cells is WholeCellWay.PROPAGATE and not recipe.cell_channel:
        raise OptionError(
            "whole cells are grown over a channel that shows cytoplasm or membrane, and none is named",
            remedy="choose the channel of the cells, or expand the nuclei by a distance",
            command="name it (--cell-channel), or expand nuclei by a distance (--whole-cells expand)",
        )
    return WholeCells(recipe.whole_cells, recipe.cell_channel)


def _grid_step(nuclei: NDArray[np.integer]) -> int:
    """Return the pixels per step of the grid: the median nucleus keeps `NUCLEUS_PX`."""
    ids, counts = np.unique(nuclei[::COARSEST, ::COARSEST], return_counts=True)
    areas = COARSEST**2 * counts[ids != 0]
    return int(np.clip(np.sqrt(4 / np.pi * np.median(areas)) / NUCLEUS_PX, 1, COARSEST)) if len(areas) else 1


def _nearest(seeds: NDArray[np.int32], reach: float) -> NDArray[np.int32]:
    """Return the label of the nearest seed within ``reach``."""
    if not seeds.any():
        return np.zeros(seeds.shape, np.int32)
    distance, (y, x) = ndi.distance_transform_edt(seeds == 0, return_indices=True)
    return np.where(distance <= reach, seeds[y, x], 0).astype(np.int32)


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
    smooth = ndi.gaussian_filter(small, SMOOTHING / step)
    low, high = (float(value) for value in np.percentile(smooth, (1, 99)))
    bright = IntensityRange(low, high, UNBOUNDED).apply(smooth)
    offset = 0.05  # of the range: the logarithm of less is noise
    otsu = float(np.exp(threshold_otsu(np.log(np.clip(bright, 0, 1) + offset)))) - offset if high > low else 0.0
    return bright, factor * otsu if factor else -np.inf


def _enlarged(labels: NDArray[np.int32], shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Return labels at another size, each pixel that of its nearest neighbour on the grid."""
    rows, columns = (np.minimum(np.arange(n) * m // n, m - 1) for n, m in zip(shape, labels.shape, strict=True))
    return labels[np.ix_(rows, columns)]


def _enlarged_linearly(values: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.asarray(Image.fromarray(values).resize((shape[1], shape[0]), Image.Resampling.BILINEAR))
