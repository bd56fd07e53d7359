"""A model of boxes finds next to nothing of cells of another size: it seeks the zoom at which its boxes cover most."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from skimage.transform import resize

from napari_cellvino import segment
from napari_cellvino.core.progress import finish
from napari_cellvino.model_package import find_package
from napari_cellvino.quality.box_accuracy import match_boxes
from napari_cellvino.segmentation.normalise import IntensityRange
from napari_cellvino.segmentation.rescale import zoom_for
from napari_cellvino.segmentation.size_search import find_diameter, search_zooms
from napari_cellvino.training.data.datasets import LabelledImage, read_packed_set

KNOWN = (14, 30)  # px across, of the squares that the network below knows


class Engine:
    """Finds bright squares that are about as large as those it was taught, as a trained network does."""

    def __init__(self, maps: Sequence[str], stride: int, score: float = 0.9) -> None:
        self.maps, self.stride, self.score = maps, stride, score

    def load(self, tile: int) -> None:
        """Nothing has to be loaded."""

    def infer(self, batch: NDArray[np.float32]) -> NDArray[np.float16]:
        """Return the maps (1, M, y, x) of a batch (1, K, Y, X)."""
        found = np.zeros((1, len(self.maps), *(side // self.stride for side in batch.shape[2:])), np.float16)
        for rows, columns in ndimage.find_objects(ndimage.label(batch[0, 0] > 0.5)[0]):
            sides = rows.stop - rows.start, columns.stop - columns.start
            if KNOWN[0] <= min(sides) and max(sides) <= KNOWN[1]:
                y, x = (rows.stop + rows.start) // 2 // self.stride, (columns.stop + columns.start) // 2 // self.stride
                values = {"living": self.score, "height": sides[0], "width": sides[1]}
                for name, value in values.items():
                    found[0, self.maps.index(name), y, x] = value
        return found


def squares(side: int, *, shape: tuple[int, int] = (300, 300), number: int = 9) -> NDArray[np.float32]:
    """Return a plane (1, Y, X) with bright squares of so many px a side."""
    plane = np.zeros((1, *shape), np.float32)
    for place in range(number):
        y, x = 33 + 81 * (place // 3), 37 + 83 * (place % 3)  # in no squares of 8 px
        plane[0, y : y + side, x : x + side] = 1
    return plane


@pytest.mark.parametrize(("side", "zooms"), [(20, {1.0}), (10, {2.0}), (6, {4.0}), (48, {0.5}), (3, {None})])
def test_the_zoom_counts_at_which_the_boxes_cover_most(side: int, zooms: set[float | None]) -> None:
    spec, ranges = find_package("live-dead").spec, [IntensityRange(0.0, 1.0)]
    found = finish(find_diameter(squares(side), ranges, spec, Engine(spec.maps, spec.stride)))
    assert (None if found is None else zoom_for(spec, found)) in zooms


def test_a_part_that_fits_no_window_is_looked_at_in_several() -> None:
    spec, ranges = find_package("live-dead").spec, [IntensityRange(0.0, 1.0)]
    search = finish(search_zooms(squares(6), ranges, spec, Engine(spec.maps, spec.stride)))
    (only,) = search.guesses
    assert only.zoom == 4.0  # 1,200 px in 16 windows
    covered = 9 * 6**2 / 300**2 * 0.9**3
    assert only.score == pytest.approx(covered / (1 + 2 / 3), rel=0.15)  # two standard errors of nine boxes


def test_of_squares_of_jpeg_no_size_is_said() -> None:
    spec, ranges = find_package("live-dead").spec, [IntensityRange(0.0, 1.0)]
    blocks = np.kron(np.random.default_rng(0).uniform(size=(40, 40)), np.ones((8, 8))).astype(np.float32)[None]
    assert finish(find_diameter(blocks, ranges, spec, Engine(spec.maps, spec.stride))) is None


def field_of(item: LabelledImage, scale: float) -> NDArray[np.uint8]:
    """Return the image (Y, X) or (Y, X, RGB) of a field, made so many times as large."""
    shape = tuple(round(side * scale) for side in item.image.shape[:2]) + item.image.shape[2:]
    made: NDArray[np.float64] = resize(item.image.astype(float), shape, anti_aliasing=True)
    return np.clip(made, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("model", "folder", "every", "least"), [("live-dead", "live_dead", 6, 0.7), ("blood-smear", "blood_boxes", 9, 0.55)]
)
@pytest.mark.parametrize("scale", [0.35, 0.5, 1.0, 2.0])
def test_cells_are_found_at_other_magnifications(
    shared_data: Path, model: str, folder: str, every: int, least: float, scale: float
) -> None:
    true = found = matched = 0
    for item in list(read_packed_set(shared_data / folder, "val"))[::every]:
        pixels = field_of(item, scale)
        result = segment(pixels, model, axes="YX" if pixels.ndim == 2 else "YXS")
        boxes, truth = result.table[["y0", "x0", "y1", "x1"]].to_numpy(), item.true_boxes().yxyx * scale
        true, found = true + len(truth), found + len(boxes)
        if len(boxes):
            matched += match_boxes(truth, boxes, result.table["score"].to_numpy()).matched
            assert any("sought as about" in notice for notice in result.notices)
    assert 2 * matched / (true + found) > least


def test_a_few_boxes_more_are_no_reason_to_leave_the_usual_size() -> None:
    spec, ranges = find_package("live-dead").spec, [IntensityRange(0.0, 1.0)]
    few = np.maximum(squares(20, number=2), squares(10, number=5))  # two usual ones, three of half the size
    many = np.maximum(squares(20, number=1), squares(12, shape=(900, 900), number=9)[:, :300, :300])
    for plane, zoom in ((few, 1.0), (many, 2.0)):
        found = finish(find_diameter(plane, ranges, spec, Engine(spec.maps, spec.stride)))
        assert found is not None
        assert zoom_for(spec, found) == zoom
