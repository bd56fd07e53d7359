"""Every column against scikit-image, and the cases where definitions part."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial import ConvexHull
from skimage.measure import regionprops, regionprops_table

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import Spacing
from napari_cellvino.core.objects import Doubt, ObjectOrigin, Objects, ReviewState
from napari_cellvino.measure.objects import measure

UM = Spacing(None, 0.5, 0.25)


def objects_of(labels):
    """Return the objects of a label image as scikit-image measures them."""
    props = regionprops_table(labels, properties=("label", "bbox", "centroid", "area"))
    n = len(props["label"])
    return Objects.found(
        score=np.linspace(0.5, 1, n),
        box=np.stack([props[f"bbox-{i}"] for i in range(4)], axis=1),
        centroid=np.stack([props["centroid-0"], props["centroid-1"]], axis=1),
        area_px=props["area"].astype(int),
    )


def table_of(labels, pixels=None, *, channels=("DNA",), spacing=UM):
    pixels = np.ones((1, *labels.shape), np.uint8) if pixels is None else pixels
    return measure(labels, objects_of(labels), pixels, channels, spacing, ("nucleus",))


def blobs(seed, shape=(90, 120), n=25):
    """Return dense labels of n overlapping ellipses, some cut by the edge, some in pieces, some with holes."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.int32)
    y, x = np.mgrid[: shape[0], : shape[1]]
    for _ in range(n):
        cy, cx, a, b, angle = rng.uniform((0, 0, 1, 1, 0), (*shape, 12, 12, np.pi))
        down, across = y - cy, x - cx
        u, v = down * np.cos(angle) + across * np.sin(angle), across * np.cos(angle) - down * np.sin(angle)
        labels[(u / a) ** 2 + (v / b) ** 2 <= 1] = labels.max() + 1
        labels[(u / a) ** 2 + (v / b) ** 2 <= rng.uniform(-0.5, 0.3)] = 0
    return np.unique(labels, return_inverse=True)[1].reshape(shape).astype(np.int32)


def hull_area_by_qhull(mask):
    y, x = np.nonzero(mask)
    corners = [np.column_stack([y + dy, x + dx]) for dy in (0, 1) for dx in (0, 1)]
    return ConvexHull(np.concatenate(corners)).volume


@pytest.mark.parametrize("seed", range(5))
def test_columns_agree_with_regionprops(seed):
    labels = blobs(seed)
    pixels = np.random.default_rng(seed).integers(0, 65536, (1, *labels.shape)).astype(np.uint16)
    table = table_of(labels, pixels)
    scaled = {region.label: region.eccentricity for region in regionprops(labels, spacing=(0.5, 0.25))}
    for row, region in zip(table.itertuples(), regionprops(labels, pixels[0]), strict=True):
        assert row.id == region.label
        assert row.area_px == region.area
        assert row.equivalent_diameter_px == pytest.approx(region.equivalent_diameter_area)
        assert row.eccentricity == pytest.approx(scaled[row.id], abs=1e-6)
        assert row.mean_dna == pytest.approx(region.intensity_mean)
        assert row.max_dna == region.intensity_max
        assert row.integrated_dna == pixels[0][labels == region.label].sum(dtype=np.int64)


@pytest.mark.parametrize("seed", range(5))
def test_solidity_is_that_of_the_pixel_squares(seed):
    labels = blobs(seed)
    expected = [region.area / hull_area_by_qhull(labels == region.label) for region in regionprops(labels)]
    np.testing.assert_allclose(table_of(labels)["solidity"], expected, rtol=1e-12)


def test_solidity_is_near_that_of_the_drawn_hull():
    """scikit-image's drawn hull cuts the pixels' corners: its solidity is up to 0.1 higher for cells from 100 px."""
    labels = blobs(7, n=12)
    large = [region for region in regionprops(labels) if region.area >= 100]
    ours = table_of(labels).set_index("id")["solidity"]
    gap = [region.solidity - ours[region.label] for region in large]
    assert len(large) > 5
    assert min(gap) >= 0
    assert max(gap) < 0.1


@settings(max_examples=200, deadline=None)
@given(hnp.arrays(np.int32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 2)))
def test_any_shape_of_object(raw):
    labels = np.unique(np.append(raw.ravel(), 0), return_inverse=True)[1][:-1].reshape(raw.shape)
    table = table_of(labels, spacing=Spacing())
    for row, region in zip(table.itertuples(), regionprops(labels), strict=True):
        assert row.solidity == pytest.approx(region.area / hull_area_by_qhull(labels == region.label))
        assert row.eccentricity == pytest.approx(region.eccentricity, abs=1e-6)


def test_winding_outline():
    """An outline whose chains shrink one point at a time: two arcs that meet in a cusp."""
    y, x = np.mgrid[:200, :200]
    labels = ((x - 60) ** 2 + (y - 50) ** 2 < 2500) | ((x - 60) ** 2 + (y - 150) ** 2 < 2500)
    expected = labels.sum() / hull_area_by_qhull(labels)
    assert table_of(labels.astype(np.uint8))["solidity"][0] == pytest.approx(expected, rel=1e-12)


def test_objects_of_known_shape():
    labels = np.zeros((20, 30), np.uint16)
    labels[3, 4] = 1
    labels[6, 2:9] = 2
    labels[10:15, 10:15] = 3
    labels[12, 12] = 0
    labels[16:19, 0:4] = 4
    table = table_of(labels, spacing=Spacing())
    assert table["area_px"].tolist() == [1, 7, 24, 12]
    assert table["eccentricity"].tolist() == pytest.approx([0, 1, 0, np.sqrt(1 - (9 - 1) / (16 - 1))])
    assert table["solidity"].tolist() == pytest.approx([1, 1, 24 / 25, 1])
    assert table["touches_edge"].tolist() == [False, False, False, True]
    assert table.loc[0, ["y0", "x0", "y1", "x1"]].tolist() == [3, 4, 4, 5]


@pytest.mark.parametrize("edge", [np.s_[0, 5], np.s_[19, 5], np.s_[5, 0], np.s_[5, 29]])
def test_each_edge_counts(edge):
    labels = np.zeros((20, 30), np.uint16)
    labels[10, 10] = 1
    labels[edge] = 2
    ids, rows = np.unique(labels, return_inverse=True)
    assert table_of(rows.reshape(labels.shape))["touches_edge"].sum() == 1
    assert len(ids) == 3


def test_columns_and_their_order():
    labels = np.ones((2, 2), np.int32)
    shape = [
        "id", "class", "score", "y0", "x0", "y1", "x1", "centroid_y", "centroid_x", "area_px", "equivalent_diameter_px",
        "eccentricity", "solidity", "touches_edge", "mean_dna", "max_dna", "integrated_dna",
        "mean_dna_2", "max_dna_2", "integrated_dna_2",
    ]  # fmt: skip
    in_um = ["area_um2", "equivalent_diameter_um", "centroid_y_um", "centroid_x_um"]
    history = ["origin", "review", "doubts"]
    pixels = np.ones((2, 2, 2))
    assert list(table_of(labels, pixels, channels=("DNA", "dna"))) == [*shape, *in_um, *history]
    assert list(table_of(labels, pixels, channels=("DNA", "dna"), spacing=Spacing())) == [*shape, *history]


def test_um_columns_with_oblong_pixels():
    labels = np.zeros((8, 8), np.int32)
    labels[2:4, 4:8] = 1
    row = table_of(labels).iloc[0]
    assert row["area_um2"] == 8 * 0.5 * 0.25
    assert row["equivalent_diameter_um"] == pytest.approx(np.sqrt(4 / np.pi))
    assert row[["centroid_y_um", "centroid_x_um"]].tolist() == [2.5 * 0.5, 5.5 * 0.25]


def test_no_objects_keep_all_columns_and_types():
    none = table_of(np.zeros((4, 5), np.int32))
    one = table_of(np.ones((4, 5), np.int32))
    assert len(none) == 0
    pd.testing.assert_series_equal(none.dtypes, one.dtypes)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.uint32, np.float16, np.float32, np.float64])
def test_any_real_pixels(dtype):
    labels = blobs(3)
    pixels = (np.random.default_rng(0).normal(50, 20, (1, *labels.shape)) % 100).astype(dtype)
    table = table_of(labels, pixels)
    for row, region in zip(table.itertuples(), regionprops(labels), strict=True):
        own = pixels[0][labels == region.label].astype(float)
        assert (row.mean_dna, row.max_dna) == (pytest.approx(own.mean()), own.max())
        assert row.integrated_dna == pytest.approx(own.sum())
    assert pd.api.types.is_integer_dtype(table["integrated_dna"]) == np.issubdtype(dtype, np.integer) or dtype is bool


def test_non_finite_pixels_are_left_out():
    labels = np.repeat([[1, 2, 3]], 4, axis=0)
    pixels = np.array([[1, np.nan, 5], [2, np.inf, 5], [np.nan, -np.inf, 5], [-np.inf, np.nan, 6]])[None]
    table = table_of(labels, pixels)
    np.testing.assert_array_equal(table["mean_dna"], [1.5, np.nan, 5.25])
    np.testing.assert_array_equal(table["max_dna"], [2, np.nan, 6])
    np.testing.assert_array_equal(table["integrated_dna"], [3, np.nan, 21])


def test_ids_need_be_neither_dense_nor_sorted_and_other_labels_are_passed_over():
    dense = blobs(5)
    rows = np.random.default_rng(0).permutation(dense.max())[: dense.max() // 2]
    expected = table_of(dense).iloc[rows].reset_index(drop=True)
    objects = objects_of(dense).select(rows)
    assert objects.id.tolist() == (rows + 1).tolist()
    table = measure(dense, objects, np.ones((1, *dense.shape), np.uint8), ("DNA",), UM, ("nucleus",))
    pd.testing.assert_frame_equal(table, expected)


def test_memory_layout_does_not_matter():
    labels = blobs(6)
    pixels = np.random.default_rng(0).random((1, *labels.shape))
    turned = table_of(np.asfortranarray(labels), np.asfortranarray(pixels))
    pd.testing.assert_frame_equal(turned, table_of(labels, pixels))


def test_far_corner_of_a_large_image():
    labels = np.zeros((40, 60_000), np.uint8)
    labels[30:37, 59_980:59_999] = 1
    table = table_of(labels, spacing=Spacing())
    assert table["eccentricity"][0] == pytest.approx(np.sqrt(1 - (49 - 1) / (361 - 1)), rel=1e-12)


@pytest.mark.parametrize(("sizes", "round_"), [((0.5, 0.25), True), ((0.25, 0.25), False), ((None, None), False)])
def test_a_round_cell_on_oblong_pixels_is_round(sizes, round_):
    y, x = np.mgrid[:60, :60]
    labels = ((2 * (y - 30)) ** 2 + (x - 30) ** 2 < 400).astype(np.uint8)
    found = table_of(labels, spacing=Spacing(None, *sizes))["eccentricity"][0]
    assert found < 0.3 if round_ else found == pytest.approx(np.sqrt(0.75), abs=0.02)


def test_words():
    labels = np.array([[1, 2]])
    found = objects_of(labels)
    objects = Objects(
        id=found.id, class_index=np.array([1, 0]), score=found.score, box=found.box, centroid=found.centroid,
        area_px=found.area_px, origin=np.array([ObjectOrigin.MODEL, ObjectOrigin.SPLIT]),
        review=np.array([ReviewState.UNSEEN, ReviewState.ACCEPTED]),
        doubts=np.array([Doubt.NONE, Doubt.LOW_SCORE | Doubt.ODD_SIZE]),
    )  # fmt: skip
    table = measure(labels, objects, np.ones((1, 1, 2)), ("a",), Spacing(), ("living", "dead"))
    assert table["class"].tolist() == ["dead", "living"]
    assert table["origin"].tolist() == ["model", "split"]
    assert table["review"].tolist() == ["unseen", "accepted"]
    assert table["doubts"].tolist() == ["", "low_score odd_size"]


def test_what_does_not_fit_is_named():
    labels = np.array([[1, 2]])
    objects = objects_of(labels)
    with pytest.raises(ImageValueError, match=r"shape \(1, 1, 2\) .* have \(1, 2, 2\)|= \(1, 1, 2\)"):
        measure(labels, objects, np.ones((1, 2, 2)), ("a",), UM, ("nucleus",))
    with pytest.raises(ImageValueError, match="object 2.*table.*label"):
        measure(np.array([[1, 0]]), objects, np.ones((1, 1, 2)), ("a",), UM, ("nucleus",))
    with pytest.raises(ImageValueError, match="class number 0.* 0 classes"):
        measure(labels, objects, np.ones((1, 1, 2)), ("a",), UM, ())


def test_boxes_are_measured_as_filled_rectangles_also_where_they_overlap():
    boxes = np.array([[2, 3, 9, 12], [5, 8, 20, 15], [0, 0, 1, 1], [19, 29, 20, 30]])
    objects = Objects.found(
        score=np.ones(4), box=boxes, centroid=(boxes[:, :2] + boxes[:, 2:] - 1) / 2,
        area_px=(boxes[:, 2:] - boxes[:, :2]).prod(1),
    )  # fmt: skip
    pixels = np.random.default_rng(0).normal(100, 20, (2, 20, 30)).astype(np.float32)
    pixels[0, 6, 9] = np.nan
    table = measure(None, objects, pixels, ("a", "b"), UM, ("cell",))
    for row, (y0, x0, y1, x1) in enumerate(boxes):
        for name, channel in zip("ab", pixels, strict=True):
            box = channel[y0:y1, x0:x1]
            assert table[f"mean_{name}"][row] == pytest.approx(np.nanmean(box), rel=1e-5)
            assert table[f"max_{name}"][row] == np.nanmax(box)
            assert table[f"integrated_{name}"][row] == pytest.approx(np.nansum(box), rel=1e-5)
    assert table["touches_edge"].tolist() == [False, True, True, True]
    assert table["area_um2"].tolist() == [0.125 * area for area in objects.area_px]
    assert not {"eccentricity", "solidity", "equivalent_diameter_px", "equivalent_diameter_um"} & set(table.columns)
    assert len(measure(None, Objects.none(), pixels, ("a", "b"), UM, ("cell",))) == 0


@pytest.mark.parametrize("box", [[0, 0, 21, 5], [-1, 0, 3, 3], [4, 4, 4, 8]])
def test_boxes_out_of_the_image_are_named(box):
    objects = Objects.found(
        score=np.ones(1), box=np.array([box]), centroid=np.ones((1, 2)), area_px=np.ones(1, int)
    )  # fmt: skip
    with pytest.raises(ImageValueError, match="is empty or not within"):
        measure(None, objects, np.ones((1, 20, 30)), ("a",), UM, ("cell",))
