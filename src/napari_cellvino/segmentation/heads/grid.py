"""Boxes from a grid: each grid cell has a probability per class, the offset to the object's centre, and its size.

Each local maximum of the probability is a candidate. Where several candidates lie on one object, non-maximum
suppression keeps the one of the highest score. All steps are local, so distant parts of the image have no influence.

References
----------
González and Evans 2019, "Biomedical Image Processing with Containers and Deep Learning: An Automated Analysis
Pipeline", BioEssays 41: 1900004 (a stride-16 grid of background, cell and offsets); Redmon et al. 2016, "You Only Look
Once".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.objects import Objects
from napari_cellvino.model_package import ModelSpec
from napari_cellvino.model_package.spec import Diameter
from napari_cellvino.segmentation.heads.box_overlap import keep_best
from napari_cellvino.segmentation.heads.head import Decoded, Parameter, Steps, check_fit
from napari_cellvino.segmentation.raw_maps import RawMaps

OFFSETS = ("offset_y", "offset_x")  # px, from the middle of the grid cell to the object's centre
SIZES = ("height", "width")  # px of the box


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Candidate objects: score (N,), class (N,), and centre and size (N, 2) along y and x in px of the plane."""

    score: NDArray[np.float32]
    class_index: NDArray[np.intp]
    centre: NDArray[np.float64]
    size: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GridHead:
    """Decodes the probabilities of ``classes`` classes, offsets and, where the model has them, sizes to boxes."""

    classes: int
    stride: int
    diameter: Diameter
    sized: bool
    name = "grid"
    parameters = (
        Parameter("confidence", "Confidence", 0.5, 0.0, 1.0, 0.01, help="Cells of a lower probability are left out"),
        Parameter(
            "overlap", "Overlap", 0.3, 0.0, 1.0, 0.01,
            help="Of two boxes that share more than this part of their area, the less likely one is left out",
        ),
    )  # fmt: skip

    @classmethod
    def for_spec(cls, spec: ModelSpec) -> GridHead:
        """Return the head for a model; `ModelPackageError` if its maps are not its classes, offsets and sizes."""
        sized = spec.maps[-2:] == SIZES
        maps = (*spec.classes, *OFFSETS, *(SIZES if sized else ()))
        check_fit(spec, task="detection", maps=maps)
        return cls(len(spec.classes), spec.stride, spec.diameter_px, sized)

    def keep(self, raw: RawMaps) -> RawMaps:
        """Return the maps unchanged; boxes are scaled instead."""
        return raw

    @property
    def decode_band(self) -> None:
        """Nothing: boxes are quick to decode."""

    def only_leaves_out(self, _: RawMaps) -> bool:
        """Return False: boxes are quick to decode."""
        return False

    def decode(self, raw: RawMaps, values: Mapping[str, float], _: Steps | None = None) -> Decoded:
        """Return boxes for maps (classes + 2 or 4, Y / stride, X / stride)."""
        found = self._candidates(raw, values["confidence"])
        half = found.size / 2
        box = np.concatenate([found.centre + 0.5 - half, found.centre + 0.5 + half], 1)
        surest_first = np.argsort(-found.score, kind="stable")
        kept = surest_first[keep_best(box[surest_first], values["overlap"])]
        order = kept[np.lexsort((found.centre[kept, 1], found.centre[kept, 0]))]
        whole = _whole_pixels(box[order], raw.shape)
        objects = Objects.found(
            score=found.score[order],
            box=whole,
            centroid=found.centre[order],
            area_px=(whole[:, 2:] - whole[:, :2]).prod(1),
            class_index=found.class_index[order],
        )
        return Decoded(None, objects)

    def _candidates(self, raw: RawMaps, confidence: float) -> _Candidates:
        """Return the local maxima whose centre lies in the plane, in raster order."""
        score = raw.maps[: self.classes].max(0).astype(np.float32)
        rows, columns = np.nonzero(_is_peak(score) & (score >= np.float32(confidence)))
        maps = raw.maps[:, rows, columns].astype(np.float64)
        zoom = np.asarray(raw.zoom)
        middle = (np.stack([rows, columns], 1) + 0.5) * self.stride - 0.5
        offset = maps[self.classes : self.classes + 2].T
        centre = (middle + offset + 0.5) * zoom - 0.5
        inside = ((centre >= -0.5) & (centre < np.asarray(raw.shape) - 0.5)).all(1)
        size = self._sizes(maps) * zoom
        best = maps[: self.classes].argmax(0)
        return _Candidates(score[rows, columns][inside], best[inside], centre[inside], size[inside])

    def _sizes(self, maps: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return height and width (N, 2) in px, clipped to a factor of 2 around the sizes in the training data."""
        if not self.sized:
            return np.full((maps.shape[1], 2), self.diameter.reference)
        return np.clip(maps[-2:].T, self.diameter.smallest / 2, 2 * self.diameter.largest)


def _is_peak(score: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return the mask of local maxima (8 neighbours) of a map (Y, X); among equals the first in raster order."""
    height, width = score.shape
    framed = np.pad(score, 1, constant_values=-np.inf)
    peak = np.ones(score.shape, bool)
    for dy, dx in product((-1, 0, 1), repeat=2):
        other = framed[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]
        if (dy, dx) < (0, 0):
            peak &= other < score
        elif (dy, dx) > (0, 0):
            peak &= other <= score
    return peak


def _whole_pixels(box: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.int32]:
    """Return boxes (N, 4) rounded to whole pixels and clipped to the plane, each of at least one pixel."""
    limit = np.asarray(shape, np.int32)
    edges = np.floor(box + 0.5).astype(np.int32)  # halves always round up, so that whole sizes are kept
    low = np.clip(edges[:, :2], 0, limit - 1)
    high = np.clip(edges[:, 2:], low + 1, limit)
    return np.concatenate([low, high], 1)
