"""Instances from what strokes taught: cell or background, and where one cell ends and the next begins.

The core of a cell is where "cell" is likelier than "between cells". The depth of a pixel is its distance to the rim of
its core; hills of depth are cells, as in the head ``foreground``. Where the shipped network tells depth as well, hills
are those of the mean of both: either alone leaves cells joined, or parts long ones. Cores then grow over what is rather
cell than background: strokes between cells are wider than the gap, and what lies under them belongs to both sides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_cellvino.model_package import ModelSpec
from napari_cellvino.segmentation.heads.bands import Band, above, band_of
from napari_cellvino.segmentation.heads.head import Decoded, Steps, check_fit, instance_parameters
from napari_cellvino.segmentation.heads.hills import depth_inside, flooded, hills
from napari_cellvino.segmentation.heads.resized import decode_resized
from napari_cellvino.segmentation.raw_maps import RawMaps

SMOOTHING = 0.7  # px: specks of "between" part no cell
SEEN_SMOOTHING = 1.0  # px: what a network leaves of ripples on a ridge
DEEP = 0.35  # of a diameter: what lies so far from the rim of its core is as deep as can be

Maps = NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class TaughtHead:
    """Decodes foreground probability, and those of "between" and of each class where they were taught, to labels.

    ``deep`` is the diameter of a typical cell in px of the maps where there is one of depth (0 to 1), else 0.
    """

    between: bool
    classes: int
    deep: float = 0.0
    name = "taught"
    parameters = instance_parameters(confidence=0.6, split=0.4, largest_limit=5000.0)

    @classmethod
    def for_spec(cls, spec: ModelSpec) -> TaughtHead:
        """Return the head of a model; `ModelPackageError` if its maps are not these."""
        between = "between" in spec.maps
        classes = len(spec.classes) if len(spec.classes) > 1 else 0
        deep = spec.diameter_px.reference if "depth" in spec.maps and spec.diameter_px is not None else 0.0
        found = (name for name, there in (("between", between), ("depth", deep > 0)) if there)
        named = (f"class_{n}" for n in range(1, classes + 1))
        check_fit(spec, task="instances", maps=("foreground", *found, *named), stride=1)
        return cls(between, classes, deep)

    def keep(self, raw: RawMaps) -> RawMaps:
        """Return the maps as they are."""
        return raw

    @property
    def decode_band(self) -> None:
        """Nothing: classes are told from the maps of all rows."""

    def only_leaves_out(self, _: RawMaps) -> bool:
        """Return False: regions below the smallest area join their neighbours."""
        return False

    def decode(self, raw: RawMaps, values: Mapping[str, float], _: Steps | None = None) -> Decoded:
        """Return labels and objects, in px of the plane, for maps (M, Y, X) at the size that the network saw."""
        found = decode_resized(raw, values, partial(_decode_band, between=self.between, deep=self.deep))
        return self._classified(found, raw) if self.classes else found

    def _classified(self, found: Decoded, raw: RawMaps) -> Decoded:
        """Return objects with the class that is the most likely over all their pixels."""
        height, width = raw.input_shape
        rows, columns = (
            ((np.arange(n) + 0.5) * m / n).astype(np.intp) for n, m in zip((height, width), raw.shape, strict=True)
        )
        small = found.label_image()[np.ix_(rows, columns)].reshape(-1)
        likely = [np.bincount(small, p.reshape(-1).astype(np.float32)) for p in raw.maps[-self.classes :]]
        total = np.zeros((self.classes, len(found.objects) + 1))
        total[:, : len(likely[0])] = likely
        best = total[:, 1:].argmax(0).astype(np.int32)
        return replace(found, objects=replace(found.objects, class_index=best))


def _decode_band(maps: Maps, values: Mapping[str, float], *, between: bool, deep: float) -> Band:
    """Return the runs of labels 1…N of one band, and N."""
    cells = above(maps[0], values["outline"])
    core = cells & _inside(maps) if between else cells
    depth = depth_inside(core)
    if deep:
        depth = _mean_depth(depth / (DEEP * deep), maps[1 + between], cells)
    tops = hills(depth, 0.5 + 0.5 * values["split"])
    labels = flooded(depth, tops, cells)  # beyond cores: step by step
    join_fragments(labels, values["smallest"])
    return band_of(labels)


def _mean_depth(own: NDArray[np.float32], seen: NDArray[np.float16], cells: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the mean of the depth in a core, 1 at most, and of that which a network sees; 0 outside of cells."""
    smooth = scipy.ndimage.gaussian_filter(seen.astype(np.float32), SEEN_SMOOTHING)
    return np.where(cells, (np.minimum(own, 1) + smooth) / 2, np.float32(0))


def _inside(maps: Maps) -> NDArray[np.bool_]:
    """Return where "cell" is likelier than "between cells"."""
    cell, between = (scipy.ndimage.gaussian_filter(m.astype(np.float32), SMOOTHING) for m in maps[:2])
    return np.asarray(cell * (1 - between) > between)


def join_fragments(labels: NDArray[np.int32], smallest: float) -> None:
    """Give regions smaller than ``smallest`` px² to the region that they touch along the longest line, in place.

    Smaller regions go first. One that touches no other stays.
    """
    pairs, lengths = _contacts(labels)
    area = np.bincount(labels.reshape(-1)).astype(np.int64)
    owner = np.arange(len(area))
    for small in np.argsort(area, kind="stable")[:-1]:
        if small == 0 or not 0 < area[small] < smallest:
            continue
        touching = (owner[pairs[:, 0]] == small) != (owner[pairs[:, 1]] == small)
        if not touching.any():
            continue
        sides = owner[pairs[touching]]
        other = np.where(sides[:, 0] == small, sides[:, 1], sides[:, 0])
        best = int(np.bincount(other, lengths[touching]).argmax())
        owner[owner == small] = best
        area[best] += area[small]
        area[small] = 0
    labels[...] = owner[labels]


def _contacts(labels: NDArray[np.int32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return pairs (N, 2) of regions that touch and the length (N,) of the line in px."""
    across = [(labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])]
    found = np.concatenate([np.stack([a[t], b[t]], 1) for a, b in across for t in [(a != b) & (a > 0) & (b > 0)]])
    pairs, lengths = np.unique(np.sort(found.astype(np.intp), 1), axis=0, return_counts=True)
    return pairs.reshape(-1, 2), lengths
