"""Which zoom suits a plane: F1 at each zoom is predicted from what a model sees in one window there.

The prediction is a sum of weighted numbers, fitted (ridge regression) to the F1 that was measured at each zoom of
labelled images; the weights lie in the model's package. The windows lie in each other, so that what is found at
neighbouring zooms can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_cellvino.core.objects import Objects
from napari_cellvino.model_package.spec import Diameter
from napari_cellvino.segmentation.heads import Decoded
from napari_cellvino.segmentation.look import Box

Image = NDArray[np.float32]
RING = 3  # px of the network
LEAST_SHARE = 0.004  # of a window
NEAR = 0.3  # octaves from the estimate by size: a zoom says the same
FAR = 1.0  # octaves: a zoom that far needs better evidence
FAR_GAIN = 0.05  # of predicted F1, over the zoom nearest to the estimate


@dataclass(frozen=True, slots=True)
class ZoomLook:
    """What a model says of one window.

    ``box`` is the window in px of the plane; what was ``found`` is at the size that the network saw, as are ``pixels``
    (y, x; normalised) and ``maps`` (M, y, x): foreground, and of a model with depth also depth and diameter in px of
    the network. ``known`` are the diameters that the model knows.
    """

    zoom: float
    box: Box
    found: Decoded
    pixels: Image
    maps: Image
    known: Diameter

    @property
    def labels(self) -> NDArray[np.int32]:
        """The cells."""
        return self.found.label_image()

    @property
    def objects(self) -> Objects:
        """The cells."""
        return self.found.objects


def gather_evidence(looks: Sequence[ZoomLook]) -> list[dict[str, float]]:
    """Return the evidence of looks that are ordered by zoom; windows of higher zooms lie in those of lower ones."""
    own = [_own_evidence(look) for look in looks]
    pairs = [_shared_evidence(one, two) for one, two in pairwise(looks)]
    nothing = {"agree": 0.0, "overlap": 0.0}
    found = []
    for number, evidence in enumerate(own):
        below = pairs[number - 1] if number else None
        above = pairs[number] if number < len(pairs) else None
        coarser, finer = below or above or nothing, above or below or nothing
        found.append(
            evidence
            | {f"{name}_coarser": value for name, value in coarser.items()}
            | {f"{name}_finer": value for name, value in finer.items()}
        )
    return found


def _own_evidence(look: ZoomLook) -> dict[str, float]:
    foreground = look.maps[0]
    seen, inside = foreground > 0.5, look.labels > 0
    share = float(seen.mean())
    likely = foreground > 0.05
    unsure = float(((foreground > 0.2) & (foreground < 0.8)).mean())
    evidence = {
        "number": float(np.log2(1 + len(look.objects))),
        "density": float(np.log2(1e-2 + len(look.objects) * look.known.reference**2 / look.labels.size)),
        "cover": float(inside.mean()),
        "seen": share,
        "unsure": min(unsure / max(share, LEAST_SHARE), 3.0),
        "surety": float(np.abs(2 * foreground[likely] - 1).mean()) if likely.any() else 0.0,
    }
    return evidence | _cell_evidence(look, inside) | (_depth_evidence(look, seen) if len(look.maps) > 1 else {})


def _cell_evidence(look: ZoomLook, inside: NDArray[np.bool_]) -> dict[str, float]:
    if not len(look.objects):
        names = ("score", "low_score", "octaves", "off_size", "spread", "known", "edges", "contrast")
        return dict.fromkeys(names, 0.0)
    areas, octaves = look.objects.area_px.astype(np.float64), _octaves(look)
    low, middle, high = np.percentile(octaves, (25, 50, 75)).tolist()
    known = (octaves > np.log2(look.known.smallest / look.known.reference)) & (
        octaves < np.log2(look.known.largest / look.known.reference)
    )
    return {
        "score": float(look.objects.score.mean()),
        "low_score": float(np.percentile(look.objects.score, 10)),
        "octaves": middle,
        "off_size": abs(middle),
        "spread": high - low,
        "known": float(areas[known].sum() / areas.sum()),
        "edges": _edges(look),
        "contrast": abs(_contrast(look.pixels, inside)),
    }


def _depth_evidence(look: ZoomLook, seen: NDArray[np.bool_]) -> dict[str, float]:
    _, depth, diameter = look.maps
    ridge = float(np.percentile(depth[seen], 90)) if seen.mean() > LEAST_SHARE else 0.0
    if not len(look.objects):
        return {"ridge": ridge, "top": 0.0, "said": 0.0, "apart": 0.0}
    ids = look.objects.id
    said = np.log2(np.maximum(scipy.ndimage.mean(diameter, look.labels, ids), 1.0) / look.known.reference)
    return {
        "ridge": ridge,
        "top": float(np.mean(scipy.ndimage.maximum(depth, look.labels, ids))),
        "said": float(np.median(said)),
        "apart": float(np.abs(said - _octaves(look)).mean()),
    }


def _octaves(look: ZoomLook) -> NDArray[np.float64]:
    """Return by how many octaves each cell (N,) is larger than the model knows best."""
    areas = look.objects.area_px.astype(np.float64)
    return np.asarray(np.log2(np.sqrt(4 / np.pi * areas) / look.known.reference))


def _shared_evidence(coarse: ZoomLook, fine: ZoomLook) -> dict[str, float]:
    """Return how two looks agree where both looked: F1 of cells, IoU of the foreground, drift of the diameter."""
    y0, x0, y1, x1 = fine.box
    shape = fine.labels.shape
    rows, columns = (
        np.clip(((np.arange(count) + 0.5) * (high - low) / count + low - first) * size / extent, 0, size - 1).astype(
            int
        )
        for count, low, high, first, size, extent in (
            (shape[0], y0, y1, coarse.box[0], coarse.labels.shape[0], coarse.box[2] - coarse.box[0]),
            (shape[1], x0, x1, coarse.box[1], coarse.labels.shape[1], coarse.box[3] - coarse.box[1]),
        )
    )
    seen = coarse.labels[np.ix_(rows, columns)]
    one, two = seen > 0, fine.labels > 0
    either = int((one | two).sum())
    return {"agree": _f1(seen, fine.labels), "overlap": float((one & two).sum()) / either if either else 0.0}


def _f1(one: NDArray[np.int32], two: NDArray[np.int32]) -> float:
    """Return F1 at IoU over 0.5 of two label images (y, x): over a half, no cell fits two."""
    areas, others = np.bincount(one.reshape(-1)), np.bincount(two.reshape(-1))
    number = int((areas[1:] > 0).sum() + (others[1:] > 0).sum())
    both = (one > 0) & (two > 0)
    pairs, shared = np.unique(np.stack([one[both], two[both]]), axis=1, return_counts=True)
    matched = int((shared > 0.5 * (areas[pairs[0]] + others[pairs[1]] - shared)).sum())
    return 2 * matched / max(number, 1)


def _edges(look: ZoomLook) -> float:
    gradient = scipy.ndimage.gaussian_gradient_magnitude(look.pixels, 1.0)
    outline = scipy.ndimage.maximum_filter(look.labels, 3) != scipy.ndimage.minimum_filter(look.labels, 3)
    return min(float(gradient[outline].mean() / max(float(gradient.mean()), 1e-6)), 8.0) if outline.any() else 0.0


def _contrast(pixels: Image, inside: NDArray[np.bool_]) -> float:
    ring = scipy.ndimage.binary_dilation(inside, iterations=RING) & ~inside
    if not inside.any() or not ring.any():
        return 0.0
    return float((pixels[inside].mean() - pixels[ring].mean()) / max(float(pixels.std()), 1e-6))


def predicted_f1(
    found: Sequence[Mapping[str, float]], away: Sequence[float], weights: Mapping[str, float]
) -> NDArray[np.float64]:
    """Return the predicted F1 of each zoom (N,), in no order but that of ``found``.

    Parameters
    ----------
    found
        The evidence of each zoom.
    away
        How many octaves each zoom lies from the one that the estimate by size says, 0 to 2.
    weights
        Of the numbers of `zoom_numbers` by name.
    """
    numbers = zoom_numbers(found, away)
    return np.asarray(np.sum([weight * numbers[name] for name, weight in weights.items()], axis=0), np.float64)


def choose_zoom(predicted: NDArray[np.float64], away: Sequence[float]) -> int | None:
    """Return which zoom has the highest predicted F1 (N,); None where the estimate by size is to stay.

    It is finer than the zooms and stays where the best lies near it, or far from it without a clear gain.
    """
    best, nearest = int(np.argmax(predicted)), int(np.argmin(away))
    far = away[best] >= FAR and predicted[best] - predicted[nearest] < FAR_GAIN
    return None if far or away[best] < NEAR else best


def zoom_numbers(found: Sequence[Mapping[str, float]], away: Sequence[float]) -> dict[str, NDArray[np.float64]]:
    """Return what may be weighed, by name, at each zoom (N,), of evidence and octaves as `predicted_f1` takes them.

    ``NAME_less`` is what a zoom lacks to the best one, ``one`` the constant.
    """
    table = {name: np.array([evidence[name] for evidence in found]) for name in found[0]}
    agree = (table["agree_coarser"] + table["agree_finer"]) / 2
    octaves = np.asarray(away, np.float64)
    table |= {f"{name}_less": values - values.max() for name, values in table.items()}
    return table | {
        "one": np.ones(len(found)),
        "agree": agree,
        "agree_number": agree * table["number"],
        "agree_off": agree * table["off_size"],
        "octaves2": table["octaves"] ** 2,
        "away": octaves,
        "near": (octaves < NEAR).astype(np.float64),
    }
