"""Spots beside scikit-image's Laplacian of Gaussian, which gets the threshold that suits it best on each image."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable

import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from skimage.feature import blob_log

from benchmarks.asked import Asked
from benchmarks.figure import Figure, NotMeasuredError
from napari_cellvino.core.spots import Spots
from napari_cellvino.quality.point_accuracy import match_points
from napari_cellvino.segmentation.spots.detect import find_spots
from napari_cellvino.segmentation.spots.network import shipped_networks
from napari_cellvino.training.synthetic.spot_fields import SpotField, simulate_spots

REACH = 2.0  # px
SNRS = (2.0, 3.0, 5.0, 10.0, 20.0)
WIDTHS = (1.0, 1.5, 2.2)  # sigma in px
STACK_SNRS = (3.0, 5.0, 10.0)
CROWDS = (30, 600)  # spots on 192 x 192 px
OWN_THRESHOLD = 0.2  # that blob_log takes where none is given
THRESHOLDS = (0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3)  # of blob_log, on an image from 0 to 1
FIELDS = 2  # of each kind
LUMPY = {
    "2D, cells with lumps": SpotField(
        spots=80, snr=10.0, background=1000.0, lumps=0.3, lump_px=4.0, glow=2.0, in_cells=0.8
    ),
    "3D, cells with lumps": SpotField(
        spots=120, snr=8.0, background=300.0, lumps=0.3, glow=3.0, in_cells=0.8, shape=(14, 128, 128)
    ),
}
SHOWN_PX = {"smfish_700": 352}  # rows that the expert looked at
MOST_SHIFT = 4.0  # px, of the points of a file against its image

Places = NDArray[np.float64]


def measure_spots(asked: Asked) -> list[Figure]:
    """Return F1 at 2 px on simulated fields of any signal, size and density, and on the two real images.

    The peer is run with eight thresholds, and the one that scores best by the truth is taken: ours has none given. With
    none given the peer takes its own, which is the third figure.

    Raises
    ------
    NotMeasuredError
        If the real images are not here.
    """
    figures: list[Figure] = []
    for snr in SNRS:
        figures += _beside(f"SNR {snr:g}", _fields(SpotField(snr=snr, sigma=(1.2, s, s)) for s in WIDTHS))
    for spots in CROWDS:
        figures += _beside(f"{spots} spots, SNR 8", _fields([SpotField(spots=spots, snr=8.0)]))
    for name, kind in LUMPY.items():
        figures += _beside(name, _fields([kind]))
    empty = [len(_found(image)) for image, _ in _fields([SpotField(spots=0)])]
    figures.append(Figure("spots in a field without any", float(np.mean(empty)), goal=1.0))
    for snr in STACK_SNRS:
        for share in (0.0, 0.9):
            stacks = _fields([SpotField(spots=120, snr=snr, shape=(14, 128, 128), in_cells=share)])
            figures += _beside(f"3D, {share:.0%} in cells, SNR {snr:g}", stacks)
    for name, image, points in _real(asked):
        figures += _beside(name, [(image, points)])
    return figures


def _fields(kinds: Iterable[SpotField]) -> list[tuple[NDArray[np.uint16], Places]]:
    return [simulate_spots(kind, seed) for kind in kinds for seed in range(FIELDS)]


def _beside(name: str, fields: list[tuple[NDArray[np.generic], Places]]) -> list[Figure]:
    ours = float(np.mean([_ours(image, true) for image, true in fields]))
    peers = [_peer(image, true) for image, true in fields]
    peer, own = float(np.mean([max(each.values()) for each in peers])), np.mean([each[OWN_THRESHOLD] for each in peers])
    return [
        Figure(f"{name}: ours", ours, least=peer),
        Figure(f"{name}: blob_log at its best", peer),
        Figure(f"{name}: blob_log with its own threshold", float(own)),
    ]


def _found(image: NDArray[np.generic]) -> Spots:
    return find_spots(image, networks=shipped_networks())


def _ours(image: NDArray[np.generic], true: Places) -> float:
    found, true = _found(image).position[:, -image.ndim :], true[:, -image.ndim :]
    return match_points(_shifted(found, true), true, REACH).f1


def _peer(image: NDArray[np.generic], true: Places) -> dict[float, float]:
    pixels = image.astype(np.float64)
    pixels = (pixels - pixels.min()) / (pixels.max() - pixels.min())
    sigma = {"min_sigma": 1, "max_sigma": 3, "num_sigma": 5}
    axes, true = pixels.ndim, true[:, -pixels.ndim :]
    every = {t: blob_log(pixels, threshold=t, **sigma)[:, :axes] for t in THRESHOLDS}
    return {t: match_points(_shifted(found, true), true, REACH).f1 for t, found in every.items()}


def _shifted(found: Places, true: Places) -> Places:
    """Return the places with the offset that the points of a file have to its image, the same for all of them.

    The points of the two public images lie 1 and 2 px beside what they mark. Of simulated ones it is 0.
    """
    if not len(found):
        return found
    distance, nearest = cKDTree(found).query(true)
    near = distance < MOST_SHIFT
    shift = np.median((true - found[nearest])[near], axis=0) if near.any() else np.zeros(true.shape[1])
    return found + (shift if np.linalg.norm(shift) > 0.5 else 0)


def _real(asked: Asked) -> Iterable[tuple[str, NDArray[np.generic], Places]]:
    path = asked.data / "spots" / "spots.zip"
    if not path.is_file():
        raise NotMeasuredError(f"{path} is not there")
    with zipfile.ZipFile(path) as packed:
        for name in ("smfish_700", "beads_300"):
            image = tifffile.imread(io.BytesIO(packed.read(f"images/{name}.tif")))[: SHOWN_PX.get(name)]
            rows = csv.DictReader(io.StringIO(packed.read(f"spots/{name}.csv").decode()))
            yield name, image, np.array([[float(row["y"]), float(row["x"])] for row in rows])
