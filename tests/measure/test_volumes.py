"""Measurements of objects in 3D, whatever their numbers are."""

from dataclasses import replace

import numpy as np
import pytest

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import Spacing
from napari_cellvino.core.objects import Objects
from napari_cellvino.figures.top_view import flattened
from napari_cellvino.measure.volumes import measure_volume, volume_count_row

SPACING = Spacing(2.0, 0.5, 0.25)
LARGEST = np.iinfo(np.int32).max - 1


def stack(ids):
    labels = np.zeros((3, 8, 9), np.int32)
    labels[:, 1:3, 1:4], labels[1, 5:7, 5:7], labels[2, 7, 8] = ids
    return labels


def objects(ids):
    found = Objects.found(
        score=np.ones(3),
        box=np.array([[0, 1, 1, 3, 3, 4], [1, 5, 5, 2, 7, 7], [2, 7, 8, 3, 8, 9]]),
        centroid=np.array([[1, 1.5, 2], [1, 5.5, 5.5], [2, 7, 8]]),
        area_px=np.array([18, 4, 1]),
    )
    return replace(found, id=np.asarray(ids, np.int32))


def measured(ids, known=None):
    labels = stack(ids)
    pixels = np.arange(2 * labels.size, dtype=np.float32).reshape(2, *labels.shape)
    pixels[1, 1, 5, 5] = np.nan
    planes = (pixels[:, z] for z in range(3))
    return labels, pixels, measure_volume(labels, objects(known or ids), planes, ["a", "b"], SPACING, ["cell"])


@pytest.mark.parametrize("ids", [(1, 2, 3), (2, 5, 9), (3, 70_000, LARGEST)], ids=str)
def test_numbers_of_objects_need_not_be_dense(ids):
    labels, pixels, table = measured(ids)
    assert table["volume_px"].tolist() == [18, 4, 1]
    assert table["volume_um3"].tolist() == [4.5, 1.0, 0.25]
    for row, id_ in enumerate(ids):
        for name, channel in zip("ab", pixels, strict=True):
            inside = channel[labels == id_]
            assert table[f"mean_{name}"][row] == pytest.approx(np.nanmean(inside))
            assert table[f"max_{name}"][row] == np.nanmax(inside)
            assert table[f"integrated_{name}"][row] == pytest.approx(np.nansum(inside))
    counts = volume_count_row(table.assign(excluded=False), ["cell"], SPACING, labels.shape)
    assert (counts["count"], counts["median_volume_px"], counts["touching_edge"]) == (3, 4, 2)


def test_labels_that_are_not_in_the_table_are_passed_over():
    labels, pixels, _ = measured((2, 5, 9))
    some = objects((2, 5, 9)).select(np.array([0, 2]))
    table = measure_volume(labels, some, (pixels[:, z] for z in range(3)), ["a", "b"], SPACING, ["cell"])
    assert table["volume_px"].tolist() == [18, 1]


def test_an_object_without_a_voxel_is_named():
    with pytest.raises(ImageValueError, match="object 4"):
        measured((2, 5, 9), known=(2, 4, 9))


def test_a_picture_from_above_takes_any_number():
    ids = (3, 70_000, LARGEST)
    seen, flat = flattened(stack(ids), objects(ids))
    assert flat.area_px.tolist() == [6, 4, 1]
    assert sorted(np.unique(seen).tolist()) == [0, *ids]
