"""A large image is decoded in bands of rows; that gives the pixels of the whole, by every head."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_cellvino.core.image import Plane
from napari_cellvino.core.label_runs import labelled_runs
from napari_cellvino.quality.changes import Changes, compare_cells
from napari_cellvino.segmentation.heads import Decoded, Head, bands
from napari_cellvino.segmentation.heads.bands import leave_out
from napari_cellvino.segmentation.heads.centre_offset import CentreOffsetHead
from napari_cellvino.segmentation.heads.depth import DepthHead
from napari_cellvino.segmentation.heads.foreground import ForegroundHead
from napari_cellvino.segmentation.heads.hills import flooded
from napari_cellvino.segmentation.heads.taught import TaughtHead
from napari_cellvino.segmentation.heads.votes import nearest
from napari_cellvino.segmentation.predict import Prediction
from napari_cellvino.segmentation.predict_field import notices_of

from ..scenes import perfect_maps, raw_maps

SHAPE = (500, 150)


def decode(head: Head, maps: np.ndarray, **values: float) -> Decoded:
    defaults = {p.name: p.default for p in head.parameters}
    return head.decode(raw_maps(maps.astype(np.float16)), defaults | {"confidence": 0.0, "smallest": 12.0} | values)


@pytest.fixture
def in_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bands, "BAND_PX", 1)
    monkeypatch.setattr(bands, "BAND_OVERLAP", 64)


def ripples(sigma: float, seed: int) -> np.ndarray:
    """Return noise (Y, X) of 0 to 1 whose pixels often stand at the same distance from each other."""
    noise = ndi.gaussian_filter(np.random.default_rng(seed).random(SHAPE), sigma)
    return (noise - noise.min()) / np.ptp(noise)


CELLS, BETWEEN = ripples(2.5, 2), ripples(1.5, 7)
OFFSETS = ndi.gaussian_filter(np.random.default_rng(0).normal(0, 60, (2, *SHAPE)), (0, 4, 4))


@pytest.mark.parametrize(
    ("head", "maps", "values"),
    [
        (CentreOffsetHead(), [CELLS, *OFFSETS], {}),
        (CentreOffsetHead(), [CELLS, *OFFSETS], {"split": 0.0}),  # cells as tall as several bands
        (CentreOffsetHead(), [CELLS, *OFFSETS], {"fragments": 0.2}),
        (ForegroundHead(), [CELLS, BETWEEN], {}),
        (DepthHead(), [CELLS, CELLS, CELLS], {"outline": 0.5}),
        (TaughtHead(between=True, classes=0), [CELLS, BETWEEN], {}),
    ],
    ids=["centre_offset", "joined", "fragments", "foreground", "depth", "taught"],
)
def test_bands_give_what_the_whole_gives(head, maps, values, request):
    whole = decode(head, np.stack(maps), **{"outline": 0.35, **values})
    request.getfixturevalue("in_bands")
    banded = decode(head, np.stack(maps), **{"outline": 0.35, **values})
    assert len(whole.objects) > 20
    np.testing.assert_array_equal(banded.labels, whole.labels)
    np.testing.assert_array_equal(banded.objects.score, whole.objects.score)
    for known, seen in zip(whole.known_runs.columns, labelled_runs(whole.labels), strict=True):
        np.testing.assert_array_equal(known, seen)
    other = decode(head, np.stack(maps), outline=0.6)
    assert compare_cells(whole, other) == compare_cells(banded, other) != Changes()
    assert replace(whole, labels=whole.labels.copy()).known_runs is None


def test_a_cell_taller_than_the_rows_around_a_band_is_whole_or_told(in_bands, monkeypatch):
    truth = np.zeros(SHAPE, np.int32)
    truth[100:420, 60:80] = 1
    found = decode(CentreOffsetHead(), perfect_maps(truth), split=0.0)
    np.testing.assert_array_equal(found.labels, truth)
    assert found.objects.area_px.tolist() == [320 * 20]
    assert found.cut_px == 0
    monkeypatch.setattr(bands, "MOST_PX", 1)  # no memory for more rows
    cut = decode(CentreOffsetHead(), perfect_maps(truth), split=0.0)
    assert cut.cut_px == leave_out(cut, {"confidence": 0.0, "smallest": 0.0}).cut_px == 32
    seen = Prediction(Plane(truth[None], truth[None]), raw_maps(perfect_maps(truth)), cut, {})
    assert "Cells of more than 32 px from top to bottom may be cut in two" in notices_of(seen)[0]


def test_a_pixel_that_two_bands_claim_is_that_of_the_later():
    def runs(*rows):
        begin, length, ids = zip(*rows, strict=True)
        return np.array(begin), np.array(length), np.array(ids, np.int32)

    one, other = runs((1, 3, 1), (17, 5, 1), (25, 4, 1)), runs((18, 3, 2), (28, 2, 2), (31, 1, 2))
    joined = bands._in_order([one, other], (4, 10))
    assert [column.tolist() for column in joined] == [
        [1, 17, 18, 20, 21, 25, 28, 31],
        [3, 1, 2, 1, 1, 3, 2, 1],
        [1, 1, 2, 2, 1, 1, 2, 2],
    ]
    apart = bands._in_order([runs((1, 3, 1), (21, 2, 1)), runs((14, 3, 2))], (4, 10))
    assert [column.tolist() for column in apart] == [[1, 14, 21], [3, 3, 2], [1, 2, 1]]


def test_of_two_seeds_as_near_a_vote_gets_the_first_whatever_lies_far_away():
    seeds = [(5, 2), (5, 10), (9, 6)]
    far = [(200 + 7 * number, 3 * number) for number in range(60)]
    for known in (seeds, seeds + far):
        assert nearest(np.array(known), np.array([(5, 6), (5, 7), (7, 6), (6, 7)])).tolist() == [0, 1, 2, 1]
    ring = [(0, 5), (3, 4), (4, 3), (5, 0), (4, -3), (3, -4), (0, -5), (-3, 4), (-4, 3), (-5, 0)]
    assert nearest(np.array(sorted(ring)), np.array([(0, 0)])).tolist() == [0]


def test_water_of_equally_deep_tops_comes_in_raster_order_whatever_lies_far_away():
    depth, tops = np.ones((1, 229), np.float32), np.zeros((1, 229), np.int32)
    tops[0, 2::4] = np.arange(1, 58)
    depth[tops > 0] = 3
    assert flooded(depth, tops, depth > 0)[0].tolist() == [1, *np.repeat(np.arange(1, 58), 4)]
