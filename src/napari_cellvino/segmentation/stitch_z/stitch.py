"""Objects in 3D from slices.

Linking by overlap and cutting at minima was chosen over inference on XZ and YZ planes too (offsets along z, votes for
centres in 3D): with six times the inference, F1 at IoU 0.5 was 0.72 against 0.73 on 9 stacks of mouse embryos, and 0.83
against 0.75 on one crop of 51 nuclei.

References
----------
Linking of 2D masks along z: Stringer et al. 2021, "Cellpose" (``stitch3D``), here with an optimal assignment, gaps and
cuts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.objects import Doubt, Objects
from napari_cellvino.segmentation.heads import Decoded, usual_size
from napari_cellvino.segmentation.stitch_z.chains import Chain, cut_chain, make_chains, trim_chain, weights
from napari_cellvino.segmentation.stitch_z.links import GapFill, link, overlaps
from napari_cellvino.segmentation.stitch_z.slices import Slices
from napari_cellvino.storage.large_arrays import allocate

CONTINUATION_IOU = 0.3  # from this IoU, a cell that ends where another begins may be the same cell


@dataclass(frozen=True, slots=True)
class _Parts:
    """2D parts (N,) of cells: cell (from 0; -1: none), plane, box, centroid, area (px) and score of each."""

    cell: NDArray[np.intp]
    plane: NDArray[np.intp]
    box: NDArray[np.int32]
    centroid: NDArray[np.float32]
    area: NDArray[np.int32]
    score: NDArray[np.float32]


def stitch_slices(slices: Slices, values: Mapping[str, float]) -> Decoded:
    """Return labels (Z, Y, X) int32 and objects in 3D, from the lowest plane up; ``values`` has the `STITCHING` values.

    Objects that were cut from another one, bridge a gap, or end where another begins get the doubt "broken along z".
    """
    successor, bridges = link(slices, values["z_overlap"])
    weight = weights(slices)
    parts = [part for chain in make_chains(successor) for part in cut_chain(chain, weight, values["z_cut"])]
    chains = [trim_chain(part, weight, values["z_trim"]) for part in parts]
    cell = _cell_of_each_row(chains, len(slices.area_px))
    bridges = [bridge for bridge in bridges if cell[bridge.low] == cell[bridge.high] >= 0]
    kept = _select_cells(_parts(slices, cell, bridges), len(chains), values)
    cell = _renumbered(cell, kept, len(chains))
    bridges = [bridge for bridge in bridges if cell[bridge.low] >= 0]
    objects = _objects(_parts(slices, cell, bridges), len(kept))
    order = np.lexsort((*objects.centroid.T[::-1], objects.box[:, 0]))
    rank = np.empty(len(order), np.intp)
    rank[order] = np.arange(len(order))
    cell = np.where(cell >= 0, rank[cell] if len(rank) else -1, -1)
    doubts = np.where(_broken(slices, cell, bridges, len(order)), int(Doubt.BROKEN_ALONG_Z), 0).astype(np.int32)
    ids = np.arange(1, len(order) + 1, dtype=np.int32)
    found = replace(objects.select(order), id=ids, doubts=doubts)
    return Decoded(_label_image(slices, cell, bridges), found, cut_px=slices.cut_px)


def _select_cells(parts: _Parts, count: int, values: Mapping[str, float]) -> NDArray[np.intp]:
    """Return the cells that have enough planes and a large enough volume."""
    mine = parts.cell >= 0
    planes = np.bincount(parts.cell[mine], minlength=count)
    volume = np.bincount(parts.cell[mine], parts.area[mine], minlength=count).astype(np.float64)
    seen = planes >= values["z_planes"]
    return np.flatnonzero(seen & (volume >= values["z_smallest"] * usual_size(volume[seen])))


def _cell_of_each_row(chains: Sequence[Chain], count: int) -> NDArray[np.intp]:
    cell = np.full(count, -1, np.intp)
    for number, chain in enumerate(chains):
        cell[chain] = number
    return cell


def _cells_bridged(bridges: Sequence[GapFill], cell: NDArray[np.intp]) -> NDArray[np.intp]:
    return cell[np.array([bridge.low for bridge in bridges], np.intp)]


def _renumbered(cell: NDArray[np.intp], kept: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    lookup = np.full(count + 1, -1, np.intp)
    lookup[kept] = np.arange(len(kept))
    return lookup[cell]


def _parts(slices: Slices, cell: NDArray[np.intp], bridges: Sequence[GapFill]) -> _Parts:
    """Return all 2D objects and, after them, the parts of bridges; their score is the mean of both sides."""
    width = slices.labels.shape[2]
    boxes, centroids = [slices.box], [slices.centroid]
    for bridge in bridges:
        y, x = np.divmod(bridge.pixels, width)
        boxes.append(np.array([[y.min(), x.min(), y.max() + 1, x.max() + 1]], np.int32))
        centroids.append(np.array([[y.mean(), x.mean()]], np.float32))
    sides = np.array([(b.low, b.high) for b in bridges], np.intp).reshape(-1, 2)
    return _Parts(
        np.concatenate([cell, _cells_bridged(bridges, cell)]),
        np.concatenate([slices.plane, np.array([b.plane for b in bridges], np.intp)]),
        np.concatenate(boxes),
        np.concatenate(centroids),
        np.concatenate([slices.area_px, np.array([len(b.pixels) for b in bridges], np.int32)]),
        np.concatenate([slices.score, slices.score[sides].mean(axis=1)]),
    )


def _objects(parts: _Parts, count: int) -> Objects:
    """Return one row per cell, from sums and extremes over its parts."""
    mine = np.flatnonzero(parts.cell >= 0)
    cell, area, plane = parts.cell[mine], parts.area[mine].astype(np.float64), parts.plane[mine].astype(np.int32)
    volume = np.bincount(cell, area, minlength=count)
    columns = (plane, *parts.centroid[mine].T, parts.score[mine])
    z, y, x, score = (np.bincount(cell, area * column, minlength=count) / volume for column in columns)
    low = np.full((count, 3), np.iinfo(np.int32).max, np.int32)
    high = np.zeros((count, 3), np.int32)
    np.minimum.at(low, cell, np.column_stack([plane, parts.box[mine, :2]]))
    np.maximum.at(high, cell, np.column_stack([plane + 1, parts.box[mine, 2:]]))
    return Objects.found(
        score=score, box=np.concatenate([low, high], 1), centroid=np.stack([z, y, x], 1), area_px=volume
    )


def _broken(slices: Slices, cell: NDArray[np.intp], bridges: Sequence[GapFill], count: int) -> NDArray[np.bool_]:
    """Return which cells (N,) bridge a gap, or meet another one end to end along z."""
    broken = np.zeros(count + 1, bool)
    broken[_cells_bridged(bridges, cell)] = True
    plane, known = slices.plane, cell >= 0
    top, bottom = np.full(count + 1, -1), np.full(count + 1, len(slices.labels))
    np.maximum.at(top, cell[known], plane[known])
    np.minimum.at(bottom, cell[known], plane[known])
    for z in range(len(slices.labels) - 1):
        pairs = overlaps(slices, z)
        a, b = cell[pairs.low], cell[pairs.high]
        meet = (a >= 0) & (b >= 0) & (a != b) & (pairs.iou >= CONTINUATION_IOU) & (top[a] == z) & (bottom[b] == z + 1)
        broken[a[meet]] = broken[b[meet]] = True
    return broken[:count]


def _label_image(slices: Slices, cell: NDArray[np.intp], bridges: Sequence[GapFill]) -> NDArray[np.int32]:
    """Return the label image (Z, Y, X) int32 of the cells."""
    labels = allocate(slices.labels.shape, np.int32)
    for z, plane in enumerate(slices.labels):
        lookup = np.zeros(slices.first[z + 1] - slices.first[z] + 1, np.int32)
        lookup[1:] = cell[slices.first[z] : slices.first[z + 1]] + 1
        np.take(lookup, plane, out=labels[z])
    for bridge in bridges:
        labels[bridge.plane].reshape(-1)[bridge.pixels] = cell[bridge.low] + 1
    return labels
