"""Components of runs are those that are found pixel by pixel, and so are the rows of the table of objects."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_cellvino.core.label_runs import LabelRuns
from napari_cellvino.segmentation.heads import connected_components
from napari_cellvino.segmentation.heads.connected_components import (
    close_holes,
    collect_objects,
    keep_largest_pieces,
    objects_of_runs,
    write_runs,
)
from napari_cellvino.segmentation.heads.touching_runs import TouchingRuns

Labels = NDArray[np.int32]


def _largest_pieces_by_pixel(labels: Labels) -> Labels:
    kept = np.zeros_like(labels)
    for id_ in np.unique(labels[labels > 0]):
        pieces, _ = ndi.label(labels == id_)
        kept[pieces == 1 + np.argmax(np.bincount(pieces.reshape(-1))[1:])] = id_  # the first of equals
    return kept


def _closed_by_pixel(labels: Labels, largest: int) -> Labels:
    regions, count = ndi.label(labels == 0)
    closed = labels.copy()
    for region in range(1, count + 1):
        inside = regions == region
        edge = inside[0].any() or inside[-1].any() or inside[:, 0].any() or inside[:, -1].any()
        around = np.unique(labels[ndi.binary_dilation(inside) & ~inside])
        if not edge and inside.sum() <= largest and len(around) == 1:
            closed[inside] = around[0]
    return closed


def _patches(seed: int, shape: tuple[int, int], smooth: float, kinds: int) -> Labels:
    """Return ragged patches of some numbers with pieces and holes; the smoother, the larger."""
    fields = ndi.gaussian_filter(np.random.default_rng(seed).normal(size=(kinds, *shape)), (0, smooth, smooth))
    return fields.argmax(0).astype(np.int32)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 3), (61, 47), (64, 64)])
@pytest.mark.parametrize(("smooth", "kinds"), [(0.0, 2), (0.7, 3), (2.0, 9)])
def test_components_of_runs_are_those_of_pixels(shape: tuple[int, int], smooth: float, kinds: int) -> None:
    labels = _patches(3, shape, smooth, kinds)
    kept, closed = labels.copy(), labels.copy()
    keep_largest_pieces(kept)
    close_holes(closed)
    both = TouchingRuns.of_image(labels)
    both.keep_largest_pieces()
    both.close_holes(400)
    assert np.array_equal(kept, _largest_pieces_by_pixel(labels))
    assert np.array_equal(closed, _closed_by_pixel(labels, 400))
    written = LabelRuns.joined(np.full_like(labels, -1), *both.labelled())
    write_runs(written)
    assert np.array_equal(written.labels, _closed_by_pixel(_largest_pieces_by_pixel(labels), 400))


@pytest.mark.parametrize("largest", [0, 1, 4, 30])
def test_only_holes_up_to_a_size_are_closed(largest: int) -> None:
    labels = np.zeros((40, 40), np.int32)
    labels[2:38, 2:38] = 7
    labels[5, 5] = labels[10:12, 10:12] = labels[20:25, 20:26] = 0
    found = labels.copy()
    runs = TouchingRuns.of_image(found)
    runs.close_holes(largest)
    runs.write(found)
    assert (found == 7).sum() == (labels == 7).sum() + sum(size for size in (1, 4, 30) if size <= largest)


def test_no_pixels_are_no_components() -> None:
    for shape in ((0, 0), (0, 5), (5, 0)):
        labels = np.zeros(shape, np.int32)
        close_holes(labels)
        write_runs(LabelRuns.joined(labels, *TouchingRuns.of_image(labels).labelled()))


def test_a_large_image_is_written_and_summed_up_in_parts_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = _patches(4, (70, 33), 1.5, 5)
    foreground = np.random.default_rng(2).random(labels.shape).astype(np.float16)
    runs = LabelRuns.joined(np.zeros_like(labels), *TouchingRuns.of_image(labels).labelled())
    whole = objects_of_runs(runs.columns, 4, foreground)
    monkeypatch.setattr(connected_components, "WRITTEN_PX", 100)
    monkeypatch.setattr(connected_components, "SUMMED_RUNS", 7)
    write_runs(runs)
    parts = objects_of_runs(runs.columns, 4, foreground)
    np.testing.assert_array_equal(runs.labels, labels)
    for name in ("score", "box", "centroid", "area_px"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))


def test_table_of_objects_is_that_of_their_pixels() -> None:
    labels = _patches(5, (53, 71), 1.0, 6)
    foreground = np.random.default_rng(6).random(labels.shape).astype(np.float16)
    found = collect_objects(labels, 7, foreground)
    for row, id_ in enumerate(range(1, 8)):
        ys, xs = np.nonzero(labels == id_)
        assert found.area_px[row] == len(ys)
        if len(ys):
            assert found.score[row] == np.float32(foreground[ys, xs].astype(np.float64).mean())
            assert np.allclose(found.centroid[row], (ys.mean(), xs.mean()), rtol=1e-6)
            assert found.box[row].tolist() == [ys.min(), xs.min(), ys.max() + 1, xs.max() + 1]
