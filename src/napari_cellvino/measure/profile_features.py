"""The profile of a cell: some hundred numbers on its shape, light, texture and neighbours.

Names are those of CellProfiler (``Cells_<group>_<feature>_<channel>``), so that programs that know these know ours.

References
----------
Carpenter et al. 2006, Genome Biology 7, R100 (CellProfiler). Haralick 1973 (texture), over 16 levels of each cell's own
range, so that it says nothing of brightness.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from scipy.spatial import cKDTree

from napari_cellvino.measure.columns import column_names

if TYPE_CHECKING:
    from skimage.measure._regionprops import RegionProperties

LEVELS = 16
DISTANCES = (1, 3)  # px, of two pixels whose levels are compared
ANGLES = (0.0, np.pi / 4, np.pi / 2, 3 * np.pi / 4)
TEXTURES = {
    "contrast": "Contrast",
    "correlation": "Correlation",
    "ASM": "AngularSecondMoment",
    "homogeneity": "InverseDifferenceMoment",
}
RINGS = 4  # from the rim to the middle
NEAR = 2.0  # median diameters, within which a cell is a neighbour

AT_ONCE = 128  # cells whose textures are taken together

Values = dict[str, float]
Pairs = NDArray[np.uint32]


def profile_features(
    labels: NDArray[np.integer], pixels: NDArray[np.generic], channels: Sequence[str]
) -> tuple[NDArray[np.int64], dict[str, NDArray[np.float64]]]:
    """Return the ids (N,) of the cells of a field, and the features (N,) of each by name.

    Parameters
    ----------
    labels
        (Y, X), 0 is background.
    pixels
        (C, Y, X).
    channels
        C names.
    """
    from skimage.measure import regionprops

    names = column_names(channels, empty="channel")
    planes = pixels.astype(np.float64)
    cells = regionprops(labels)
    rows: list[Values] = []
    pairs: dict[str, list[Pairs]] = {name: [] for name in names}
    for cell in cells:
        window, inside = cell.slice, cell.image
        depth = ndi.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
        row = _shape(cell)
        for name, plane in zip(names, planes, strict=True):
            part = plane[window]
            lowest, *quartiles, highest = np.percentile(part[inside], (1, 25, 50, 75, 99))
            row |= {f"Cells_{key}_{name}": value for key, value in _light(part, inside, depth, quartiles).items()}
            pairs[name].append(_pairs(part, inside, lowest, highest))
        for (a, one), (b, other) in combinations(zip(names, planes, strict=True), 2):
            row[f"Cells_Correlation_Correlation_{a}_{b}"] = _correlation(one[window][inside], other[window][inside])
        rows.append(row)
    found = {name: np.array([row[name] for row in rows]) for name in rows[0]} if rows else {}
    for name, counted in pairs.items() if rows else ():
        found |= {f"Cells_Texture_{key}_{name}": values for key, values in _textures(counted).items()}
    return np.array([cell.label for cell in cells], np.int64), found | _neighbours(cells)


def _shape(cell: RegionProperties) -> Values:
    take = {
        "Area": "area",
        "Perimeter": "perimeter",
        "MajorAxisLength": "axis_major_length",
        "MinorAxisLength": "axis_minor_length",
        "Eccentricity": "eccentricity",
        "Extent": "extent",
        "Solidity": "solidity",
        "EulerNumber": "euler_number",
    }
    found = {f"Cells_AreaShape_{name}": float(getattr(cell, key)) for name, key in take.items()}
    area, rim = found["Cells_AreaShape_Area"], found["Cells_AreaShape_Perimeter"]
    found["Cells_AreaShape_FormFactor"] = 4 * np.pi * area / rim**2 if rim else 1.0
    moments = np.asarray(cell.moments_hu)
    return found | {f"Cells_AreaShape_HuMoment_{n}": float(value) for n, value in enumerate(moments)}


def _light(
    plane: NDArray[np.float64], inside: NDArray[np.bool_], depth: NDArray[np.float64], quartiles: Sequence[float]
) -> Values:
    """Return what the pixels of a cell say, and how they lie in it: its rim, rings from there to the middle."""
    values, rim = plane[inside], plane[inside & (depth <= 1)]
    low, middle, high = quartiles
    found = {
        "Intensity_MeanIntensity": values.mean(),
        "Intensity_StdIntensity": values.std(),
        "Intensity_MinIntensity": values.min(),
        "Intensity_MaxIntensity": values.max(),
        "Intensity_LowerQuartileIntensity": low,
        "Intensity_MedianIntensity": middle,
        "Intensity_UpperQuartileIntensity": high,
        "Intensity_MADIntensity": np.median(np.abs(values - middle)),
        "Intensity_IntegratedIntensity": values.sum(),
        "Intensity_MeanIntensityEdge": rim.mean(),
        "Intensity_StdIntensityEdge": rim.std(),
        "Intensity_MassDisplacement": _displacement(plane, inside),
    }
    ring = np.minimum((RINGS * (depth[inside] - 1) / max(depth.max() - 1, 1e-9)).astype(int), RINGS - 1)
    total = np.abs(values).sum() or 1.0
    shares = np.bincount(ring, np.abs(values), RINGS) / total
    counts = np.bincount(ring, minlength=RINGS) / len(values)
    for n in range(RINGS):
        found[f"RadialDistribution_FracAtD_{n + 1}of{RINGS}"] = shares[n]
        found[f"RadialDistribution_MeanFrac_{n + 1}of{RINGS}"] = shares[n] / counts[n] if counts[n] else 1.0
    return {name: float(value) for name, value in found.items()}


def _displacement(plane: NDArray[np.float64], inside: NDArray[np.bool_]) -> float:
    """Return how far the middle of the light lies from that of the outline, in px."""
    at = np.argwhere(inside)
    light = plane[inside] - plane[inside].min()
    return float(np.hypot(*(light @ at / light.sum() - at.mean(0)))) if light.sum() > 0 else 0.0


def _pairs(plane: NDArray[np.float64], inside: NDArray[np.bool_], low: float, high: float) -> Pairs:
    """Return how often levels between two values lie beside each other in a cell: (level, level, distance, angle)."""
    from skimage.feature import graycomatrix

    level = np.clip((plane - low) / max(high - low, 1e-9) * LEVELS, 0, LEVELS - 1).astype(np.uint8) + 1
    pairs = graycomatrix(np.where(inside, level, 0), DISTANCES, ANGLES, levels=LEVELS + 1, symmetric=True)
    return np.asarray(pairs[1:, 1:])  # those with the background are no texture


def _textures(counted: Sequence[Pairs]) -> dict[str, NDArray[np.float64]]:
    """Return the textures (N,) of cells by name; of many at once, as a call costs more than a cell."""
    from skimage.feature import graycoprops

    found: dict[str, list[NDArray[np.float64]]] = {}
    for start in range(0, len(counted), AT_ONCE):
        pairs = np.concatenate(counted[start : start + AT_ONCE], axis=2).astype(np.float64)
        pairs /= np.maximum(pairs.sum((0, 1), keepdims=True), 1)
        entropy = -(pairs * np.log2(np.maximum(pairs, 1e-12))).sum((0, 1))
        for name, values in (
            {TEXTURES[key]: graycoprops(pairs, key) for key in TEXTURES} | {"Entropy": entropy}
        ).items():
            each = values.mean(1).reshape(-1, len(DISTANCES))
            for distance, column in zip(DISTANCES, each.T, strict=True):
                found.setdefault(f"{name}_{distance}", []).append(column)
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    spread = one.std() * other.std()
    return float(((one - one.mean()) * (other - other.mean())).mean() / spread) if spread > 0 else 0.0


def _neighbours(cells: Sequence[RegionProperties]) -> dict[str, NDArray[np.float64]]:
    """Return the distances of the two nearest cells (NaN where there are none), and how many are near."""
    if not cells:
        return {}
    middle = np.array([cell.centroid for cell in cells])
    diameter = np.median([cell.equivalent_diameter_area for cell in cells])
    tree = cKDTree(middle)
    away = np.asarray(tree.query(middle, k=3)[0], np.float64)
    away[~np.isfinite(away)] = np.nan
    near = np.array([len(found) - 1 for found in tree.query_ball_point(middle, NEAR * diameter)], np.float64)
    return {
        "Cells_Neighbors_FirstClosestDistance": away[:, 1],
        "Cells_Neighbors_SecondClosestDistance": away[:, 2],
        "Cells_Neighbors_NumberOfNeighbors": near,
    }
