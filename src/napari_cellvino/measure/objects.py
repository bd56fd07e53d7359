"""One row of measurements per object, in pixels and, where the scale is known, in µm.

All objects of a field are measured at once over their runs (see `runs`), in a twentieth of the time of
``skimage.measure.regionprops_table``, so that tables can follow every correction.

Definitions: eccentricity is that of the ellipse with the same second moments of the pixel centres (0 for a single
pixel, 1 for a straight line), in µm where the size of a pixel is known, which need not be square. Solidity is the pixel
count over the area of the convex hull of the pixel squares. The integrated intensity is the sum of the intensities.

References
----------
Moments and eccentricity as in scikit-image, ``skimage.measure.regionprops``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.compiled import compiled
from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import Spacing
from napari_cellvino.core.objects import ObjectOrigin, Objects, ReviewState
from napari_cellvino.measure.columns import column_names, format_doubts, format_enum
from napari_cellvino.measure.outlines import Outlines, find_outlines
from napari_cellvino.measure.runs import Part, Runs, box_runs
from napari_cellvino.storage.large_arrays import give_back_pages

if TYPE_CHECKING:
    import pandas as pd
    from pandas.api.extensions import ExtensionArray

Columns = dict[str, Any]


def measure(
    labels: NDArray[np.integer] | None,
    objects: Objects,
    pixels: NDArray[np.generic],
    channels: Sequence[str],
    spacing: Spacing,
    classes: Sequence[str],
    *,
    outlines: Outlines | None = None,
) -> pd.DataFrame:
    """Return one row per object, in the order of ``objects``.

    Parameters
    ----------
    labels
        (Y, X) label image with every ``objects.id``; other labels are ignored. None where objects are known
        by their boxes alone, which are then measured instead.
    objects
        Gives id, class, score, box, centroid, area, origin, review and doubts.
    pixels
        (C, Y, X) intensities of any real dtype. Non-finite pixels are left out of mean, max and sum; an object
        that has no others gets NaN.
    channels
        C names; lower-cased and made unique for the column names, see `column_names`.
    spacing
        µm per pixel; where unknown, the columns in µm are absent.
    classes
        Names that ``objects.class_index`` counts into.
    outlines
        Those of ``objects`` in ``labels``, where they are known already.

    Returns
    -------
    pandas.DataFrame
        Columns ``id class score y0 x0 y1 x1 centroid_y centroid_x area_px equivalent_diameter_px eccentricity
        solidity touches_edge``, ``mean_ max_ integrated_`` of each channel, ``area_um2 equivalent_diameter_um
        centroid_y_um centroid_x_um`` where the scale is known, and ``origin review doubts`` as names. For boxes, those
        of diameter, eccentricity and solidity are absent: a box does not determine them.

    Raises
    ------
    ImageValueError
        If sizes do not fit together, or an object has no pixel in the label image.
    """
    _check_sizes(labels, pixels, channels)
    shape = pixels.shape[-2:]
    found = outlines if outlines is not None or labels is None else find_outlines(labels, objects.id)
    runs = box_runs(objects.box, shape) if found is None else found.runs
    shapes = shape_columns(found, spacing) if found is not None else {}
    columns = _identity(objects, classes) | _place(objects) | shapes
    columns["touches_edge"] = _touches_edge(objects, shape)
    for name, channel in zip(column_names(channels, empty="channel"), pixels, strict=True):
        columns |= _intensity(runs, channel, name)
    import pandas as pd  # takes as long to import as all else of the window together

    sizes = _in_um(objects, spacing, diameter=labels is not None)
    return pd.DataFrame(columns | sizes | history(objects), copy=False)


def _check_sizes(labels: NDArray[np.integer] | None, pixels: NDArray[np.generic], channels: Sequence[str]) -> None:
    if labels is None:
        if pixels.ndim != 3 or len(pixels) != len(channels):
            raise ImageValueError(
                f"{len(channels)} channel names need pixels of shape ({len(channels)}, Y, X), not {pixels.shape}"
            )
        return
    expected = (len(channels), *labels.shape)
    if labels.ndim != 2 or pixels.shape != expected:
        raise ImageValueError(
            f"labels of shape {labels.shape} and {len(channels)} channel names need pixels of shape (channels, Y, X) "
            f"= {expected}, but these have {pixels.shape}"
        )


def named_classes(objects: Objects, classes: Sequence[str]) -> ExtensionArray:
    """Return the name of each object's class.

    Raises
    ------
    ImageValueError
        If there is no such class.
    """
    known = len(classes)
    beyond = objects.class_index[(objects.class_index < 0) | (objects.class_index >= known)]
    if len(beyond):
        raise ImageValueError(f"an object has class number {beyond[0]} but there are {known} classes, counted from 0")
    return _format([classes[index] for index in objects.class_index.tolist()])


def _identity(objects: Objects, classes: Sequence[str]) -> Columns:
    box = dict(zip(("y0", "x0", "y1", "x1"), objects.box.T, strict=True))
    return {"id": objects.id, "class": named_classes(objects, classes), "score": objects.score} | box


def _place(objects: Objects) -> Columns:
    centroid = {"centroid_y": objects.centroid[:, 0], "centroid_x": objects.centroid[:, 1]}
    return centroid | {"area_px": objects.area_px}


def shape_columns(outlines: Outlines, spacing: Spacing) -> Columns:
    """Return the columns that the outlines of objects determine: diameter, eccentricity and solidity."""
    runs, aspect = outlines.runs, spacing.y / spacing.x if spacing.y and spacing.x else 1.0
    area = runs.total(runs.x1 - runs.x0)
    return {
        "equivalent_diameter_px": _diameter(area),
        "eccentricity": _eccentricity(runs, area, aspect),
        "solidity": outlines.solidity,
    }


def _touches_edge(objects: Objects, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    y0, x0, y1, x1 = objects.box.T
    return np.asarray((y0 <= 0) | (x0 <= 0) | (y1 >= shape[0]) | (x1 >= shape[1]))


def _diameter(area: NDArray[Any]) -> NDArray[np.float64]:
    """Return the diameter of the circle of the given area."""
    diameter: NDArray[np.float64] = np.sqrt(4 / np.pi * area)
    return diameter


def _eccentricity(runs: Runs, area: NDArray[np.float64], aspect: float) -> NDArray[np.float64]:
    """Return sqrt(1 - smaller / larger eigenvalue of the second moments) per object (N,).

    ``aspect`` is the height of a pixel over its width.
    """
    yy, xx, yx = _second_moments(runs, area)
    yy, yx = yy * aspect**2, yx * aspect
    mean, half_gap = (yy + xx) / 2, np.hypot((yy - xx) / 2, yx)
    larger = mean + half_gap
    ratio = np.zeros(len(larger))
    np.divide(2 * half_gap, larger, out=ratio, where=larger > 0)
    return np.sqrt(np.minimum(ratio, 1))


def _second_moments(runs: Runs, area: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Return the central second moments yy, xx, yx of the pixel centres per object, in px².

    Coordinates count from the object's first run: sums of squares stay small, and exact, in images of any size.
    A run of k pixels about its middle m has the sum k m and the sum of squares k m² + k (k² - 1) / 12.
    """
    k = (runs.x1 - runs.x0).astype(np.float64)
    begin = runs.starts[runs.row]
    y = (runs.y - runs.y[begin]).astype(np.float64)
    m = (runs.x0 + runs.x1 - 1) / 2 - runs.x0[begin]
    mean_y, mean_x = runs.total(k * y) / area, runs.total(k * m) / area
    yy = runs.total(k * y * y) / area - mean_y**2
    xx = runs.total(k * m * m + k * (k * k - 1) / 12) / area - mean_x**2
    yx = runs.total(k * y * m) / area - mean_y * mean_x
    return yy, xx, yx


def _intensity(runs: Runs, channel: NDArray[np.generic], name: str) -> Columns:
    """Return mean, max and sum of the finite pixels of ``channel`` (Y, X) per object; integers stay integers."""
    total, highest, count = _of_objects(runs, channel)
    if channel.dtype.kind == "f" and (count < runs.total(runs.x1 - runs.x0)).any():
        highest = highest.astype(np.float64)
        total[count == 0] = highest[count == 0] = np.nan
    exact = total.astype(np.int64) if channel.dtype.kind in "bui" and channel.dtype.itemsize <= 4 else total
    return {f"mean_{name}": total / np.maximum(count, 1), f"max_{name}": highest, f"integrated_{name}": exact}


def _of_objects(runs: Runs, channel: NDArray[np.generic]) -> _Intensities:
    """Return the intensities of objects."""
    loops = compiled(channel)
    if loops is not None and channel.dtype in (np.uint8, np.uint16) and len(runs.parts) < 2:
        sums, most = np.zeros(len(runs.starts), np.int64), np.zeros(len(runs.starts), channel.dtype)
        flat, width = channel.reshape(-1), channel.shape[1]
        loops.intensities(runs.row, runs.y, runs.x0, runs.x1, width, flat, sums, most)
        return _Intensities(sums.astype(np.float64), most, runs.total(runs.x1 - runs.x0))
    found = [_part_intensity(part, channel) for part in _parts(runs)]
    if not found:
        found = [_Intensities.empty(channel.dtype)]
    columns = (np.concatenate(column)[runs.order] for column in zip(*found, strict=True))
    total, highest, count = _Intensities(*columns)
    if len(highest):
        highest = np.maximum.reduceat(highest, runs.starts)
    return _Intensities(runs.total(total), highest, runs.total(count))


class _Intensities(NamedTuple):
    """Sum, maximum and number of finite pixels, of runs or of objects."""

    total: NDArray[np.float64]
    highest: NDArray[Any]
    finite: NDArray[Any]

    @classmethod
    def empty(cls, dtype: np.dtype[Any]) -> _Intensities:
        return cls(np.zeros(0), np.zeros(0, dtype), np.zeros(0))


def _parts(runs: Runs) -> Iterator[Part]:
    """Yield the runs in parts; what was read of the image for one is given back before the next."""
    for part in runs.parts:
        yield part
        if len(runs.parts) > 1:
            give_back_pages()


def _part_intensity(part: Part, channel: NDArray[np.generic]) -> _Intensities:
    """Return the intensities of runs; not finite pixels are left out."""
    values: NDArray[Any] = channel.reshape(-1)[part.pixels]
    count: NDArray[Any] = part.length
    if values.dtype.kind == "f" and not (finite := np.isfinite(values)).all():
        count = np.add.reduceat(finite, part.first, dtype=np.float64)
        lowest = np.array(-np.inf, values.dtype)
        highest = np.maximum.reduceat(np.where(finite, values, lowest), part.first)
        values = np.where(finite, values, values.dtype.type(0))
    else:
        highest = np.maximum.reduceat(values, part.first)
    return _Intensities(np.add.reduceat(values, part.first, dtype=np.float64), highest, count)


def _in_um(objects: Objects, spacing: Spacing, *, diameter: bool) -> Columns:
    pixel_area = spacing.pixel_area_um2
    if pixel_area is None or spacing.y is None or spacing.x is None:
        return {}
    area = objects.area_px * pixel_area
    return (
        {"area_um2": area}
        | ({"equivalent_diameter_um": _diameter(area)} if diameter else {})
        | {
            "centroid_y_um": objects.centroid[:, 0] * np.float64(spacing.y),
            "centroid_x_um": objects.centroid[:, 1] * np.float64(spacing.x),
        }
    )


def history(objects: Objects) -> Columns:
    """Return origin, review state and doubts of each object, as names."""
    return {
        "origin": _format(format_enum(objects.origin, ObjectOrigin)),
        "review": _format(format_enum(objects.review, ReviewState)),
        "doubts": _format(format_doubts(objects.doubts)),
    }


def _format(names: list[str]) -> ExtensionArray:
    """Return a column of text, also where it is empty; a table is made of arrays in half of the time of series."""
    import pandas as pd

    return pd.array(names, dtype="str")
