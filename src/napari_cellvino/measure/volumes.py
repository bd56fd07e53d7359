"""One row of measurements per object in 3D, in voxels and µm³, and the counts of a stack.

Pixels come plane by plane and only sums per object are kept, so that a stack need not fit in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import Spacing
from napari_cellvino.core.objects import Objects
from napari_cellvino.measure.columns import column_names
from napari_cellvino.measure.counts import class_counts, counted, left_out
from napari_cellvino.measure.objects import Columns, history, named_classes
from napari_cellvino.measure.runs import find_owners

if TYPE_CHECKING:
    import pandas as pd

UM3_PER_MM3 = 1e9
AXES = ("z", "y", "x")


def measure_volume(
    labels: NDArray[np.integer],
    objects: Objects,
    planes: Iterable[NDArray[np.generic]],
    channels: Sequence[str],
    spacing: Spacing,
    classes: Sequence[str],
) -> pd.DataFrame:
    """Return one row per object, in the order of ``objects``.

    Parameters
    ----------
    labels
        (Z, Y, X) label image with every ``objects.id``; other labels are ignored.
    objects
        Objects in 3D.
    planes
        Z planes (C, Y, X) of any real dtype. Pixels that are not finite are left out of mean, max and sum.
    channels
        C names.
    spacing
        µm per voxel; where one of them is unknown, columns in µm are absent.
    classes
        Names that ``objects.class_index`` counts into.

    Returns
    -------
    pandas.DataFrame
        Columns ``id class score z0 y0 x0 z1 y1 x1 centroid_z centroid_y centroid_x volume_px planes touches_edge``,
        ``mean_ max_ integrated_`` of each channel, ``volume_um3 equivalent_diameter_um centroid_z_um centroid_y_um
        centroid_x_um`` where the spacing is known, and ``origin review doubts`` as names. ``volume_px`` is in voxels,
        ``planes`` is how many the object reaches over, and the diameter that of the sphere of the same volume.

    Raises
    ------
    ImageValueError
        If an object has no voxel in the label image, or the planes are not those of the labels.
    """
    import pandas as pd

    sums = _gather(labels, objects.id, planes, len(channels))
    if (sums.voxels == 0).any():
        absent = objects.id[sums.voxels == 0][0]
        raise ImageValueError(f"object {absent} is in the table but not in the label image")
    columns: Columns = {"id": objects.id, "class": named_classes(objects, classes), "score": objects.score}
    columns |= {f"{axis}{end}": objects.box[:, 3 * end + n] for end in (0, 1) for n, axis in enumerate(AXES)}
    columns |= {f"centroid_{axis}": objects.centroid[:, n] for n, axis in enumerate(AXES)}
    columns |= {"volume_px": sums.voxels, "planes": objects.box[:, 3] - objects.box[:, 0]}
    columns["touches_edge"] = (objects.box[:, :3] <= 0).any(1) | (objects.box[:, 3:] >= labels.shape).any(1)
    for number, name in enumerate(column_names(channels, empty="channel")):
        columns |= sums.columns(number, name)
    return pd.DataFrame(columns | _in_um(objects, sums.voxels, spacing) | history(objects), copy=False)


class Sums:
    """Sums over the voxels of objects ``ids`` (N,): how many, and of each channel how many finite, sum and highest."""

    def __init__(self, ids: NDArray[np.int32], channels: int) -> None:
        self._ids, count = ids, len(ids)
        self.voxels = np.zeros(count, np.int64)
        self.finite = np.zeros((channels, count), np.int64)
        self.total = np.zeros((channels, count))
        self.highest = np.full((channels, count), -np.inf)

    def add(self, labels: NDArray[np.integer], pixels: NDArray[np.generic]) -> None:
        """Add one plane: labels (Y, X), and all channels (C, Y, X)."""
        where, own = find_owners(labels, self._ids)
        self.voxels += np.bincount(own, minlength=len(self.voxels))
        for number, channel in enumerate(pixels):
            values = channel.reshape(-1)[where].astype(np.float64)
            finite = np.isfinite(values)
            self.finite[number] += np.bincount(own[finite], minlength=len(self.voxels))
            self.total[number] += np.bincount(own[finite], values[finite], minlength=len(self.voxels))
            np.maximum.at(self.highest[number], own[finite], values[finite])

    def columns(self, number: int, name: str) -> Columns:
        """Return mean, maximum and sum of a channel by its number and name; NaN where no voxel is finite."""
        none = self.finite[number] == 0
        total, highest = (np.where(none, np.nan, values[number]) for values in (self.total, self.highest))
        mean = total / np.maximum(self.finite[number], 1)
        return {f"mean_{name}": mean, f"max_{name}": highest, f"integrated_{name}": total}


def _gather(
    labels: NDArray[np.integer], ids: NDArray[np.int32], planes: Iterable[NDArray[np.generic]], channels: int
) -> Sums:
    sums, done = Sums(ids, channels), 0
    for pixels in planes:
        expected = (channels, *labels.shape[1:])
        if done == len(labels) or pixels.shape != expected:
            raise ImageValueError(f"planes of {pixels.shape} do not fit labels of {labels.shape}: {expected} expected")
        sums.add(labels[done], pixels)
        done += 1
    if done != len(labels):
        raise ImageValueError(f"{done} planes were given for labels of {len(labels)}")
    return sums


def _in_um(objects: Objects, voxels: NDArray[np.int64], spacing: Spacing) -> Columns:
    size = spacing.voxel_um3
    if size is None:
        return {}
    volume = voxels * size
    steps = (spacing.z or 0.0, spacing.y or 0.0, spacing.x or 0.0)
    places = {f"centroid_{axis}_um": objects.centroid[:, n] * np.float64(steps[n]) for n, axis in enumerate(AXES)}
    return {"volume_um3": volume, "equivalent_diameter_um": np.cbrt(6 / np.pi * volume)} | places


def volume_count_row(
    table: pd.DataFrame, classes: Sequence[str], spacing: Spacing, shape: tuple[int, ...]
) -> dict[str, float | int]:
    """Return the counts and medians of one stack of ``shape`` (Z, Y, X), from the table of `measure_volume`.

    ``count``, ``rejected``, ``excluded``, ``count_<class>``, ``density_per_mm3``, ``median_volume_px``,
    ``median_volume_um3``, ``mean_score``, ``touching_edge``, ``broken_along_z``. Objects that were rejected or
    excluded are not counted; those in µm are absent where the spacing is unknown; medians and means of no objects are
    NaN.
    """
    kept = counted(table)
    row: dict[str, float | int] = {"count": len(kept), **left_out(table)}
    per_class = class_counts(kept["class"], classes)
    row |= {f"count_{c}": n for c, n in zip(column_names(classes), per_class.values(), strict=True)}
    size = spacing.voxel_um3
    if size is not None:
        row["density_per_mm3"] = len(kept) / (float(np.prod(shape)) * size) * UM3_PER_MM3
    row["median_volume_px"] = float(kept["volume_px"].median())
    if size is not None:
        row["median_volume_um3"] = row["median_volume_px"] * size
    broken = kept["doubts"].str.contains("broken_along_z", regex=False)
    return row | {
        "mean_score": float(kept["score"].mean()),
        "touching_edge": int(kept["touches_edge"].sum()),
        "broken_along_z": int(broken.sum()),
    }
