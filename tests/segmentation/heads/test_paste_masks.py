"""Masks of single cells in one label image: honest labels, and every contested pixel with its owner."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage as ndi

from napari_cellvino.segmentation.heads.mask import MaskHead
from napari_cellvino.segmentation.heads.paste_masks import CellMask, keep_largest, paste_masks

from ..scenes import raw_maps

SHAPE = (40, 50)


def disc(cy, cx, radius, probability=0.9):
    """Return the mask of a disc in a window of its own."""
    side = 2 * int(radius) + 5
    y, x = np.mgrid[:side, :side]
    inside = np.hypot(y - side // 2, x - side // 2) <= radius
    top, left = cy - side // 2, cx - side // 2
    y0, x0, y1, x1 = max(0, -top), max(0, -left), SHAPE[0] - top, SHAPE[1] - left
    window = (inside * probability).astype(np.float16)[y0:y1, x0:x1]
    return CellMask(top + y0, left + x0, window, (side // 2 - y0, side // 2 - x0))


centres = st.lists(
    st.tuples(st.integers(0, 39), st.integers(0, 49), st.integers(1, 9), st.floats(0.3, 1)), min_size=1, max_size=12
)


@given(centres)
def test_labels_are_dense_and_each_is_one_piece(cells):
    masks = [disc(*cell) for cell in cells]
    pasted = paste_masks(masks, SHAPE, 0.5)
    count = len(pasted.objects)
    assert np.unique(pasted.labels[pasted.labels > 0]).tolist() == list(range(1, count + 1))
    assert (np.diff(pasted.source) > 0).all()
    for row, place in enumerate(ndi.find_objects(pasted.labels)):
        own = pasted.labels[place] == row + 1
        assert ndi.label(own)[1] == 1
        assert own.sum() == pasted.objects.area_px[row]
        mask = masks[pasted.source[row]]
        whole = np.zeros(SHAPE, bool)
        height, width = mask.probability.shape
        whole[mask.top : mask.top + height, mask.left : mask.left + width] = mask.probability > 0
        assert not (
            (pasted.labels == row + 1) & ~ndi.binary_closing(np.pad(whole, 3), np.ones((3, 3)))[3:-3, 3:-3]
        ).any()
    unlikely = {n for n, (*_, probability) in enumerate(cells) if np.float16(probability) < 0.5}
    assert not unlikely & set(pasted.source.tolist())


def test_contested_pixels_go_to_the_surer_cell_and_of_equals_to_the_first():
    labels = paste_masks([disc(20, 20, 6, 0.7), disc(20, 27, 6, 0.9)], SHAPE, 0.5).labels
    assert labels[20, 24] == 2
    labels = paste_masks([disc(20, 20, 6), disc(20, 27, 6)], SHAPE, 0.5).labels
    assert labels[20, 24] == 1


def test_a_cell_without_a_pixel_is_no_cell():
    pasted = paste_masks([disc(20, 20, 6, 0.4), disc(20, 40, 6, 0.9), disc(20, 40, 4, 0.8)], SHAPE, 0.5)
    assert pasted.source.tolist() == [1]
    assert len(paste_masks([], SHAPE, 0.5).objects) == 0


def test_masks_are_made_whole():
    probability = np.zeros((21, 21), np.float16)
    probability[5:16, 5:16] = 0.9
    probability[8:12, 8:11] = 0.1  # a hole
    probability[5:16, 13] = 0.1  # a crack, one pixel wide
    probability[0:3, 0:3] = 0.9  # something else
    labels = paste_masks([CellMask(3, 4, probability)], SHAPE, 0.5).labels
    expected = np.zeros(SHAPE, np.int32)
    expected[8:19, 9:20] = 1
    np.testing.assert_array_equal(labels, expected)


def test_of_equal_pieces_the_one_where_the_cell_is_expected_stays():
    pile = np.zeros((2, 9, 9), bool)
    pile[:, 1:3, 1:3] = pile[:, 6:8, 6:8] = True
    kept = keep_largest(pile, np.array([[0, 0], [8, 8]]))
    assert kept[0, 1, 1]
    assert not kept[0, 6, 6]
    assert kept[1, 6, 6]
    assert not kept[1, 1, 1]


def test_the_mask_of_one_image_is_one_object():
    maps = np.zeros((1, 30, 30), np.float16)
    maps[0, 10:20, 12:20] = 0.8
    head = MaskHead()
    decoded = head.decode(head.keep(raw_maps(maps, shape=(60, 60))), {"outline": 0.5})
    assert decoded.objects.box.tolist() == [[20, 24, 40, 40]]
    assert 0.7 < decoded.objects.score[0] <= 0.8
