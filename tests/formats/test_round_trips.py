"""Every format gives back what went in: pixels, ids, and what it says it keeps of each cell."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from napari_cellvino.formats.cellpose_seg import read_seg
from napari_cellvino.formats.coco import read_coco
from napari_cellvino.formats.export import ExportChoices, export_fields
from napari_cellvino.formats.field import planes_of
from napari_cellvino.formats.imagej_rois import read_rois
from napari_cellvino.formats.label_folder import read_label_image
from napari_cellvino.formats.ome_zarr import read_ome_zarr
from napari_cellvino.formats.qupath import read_geojson
from napari_cellvino.formats.yolo import read_yolo

from .cases import CASES, boxes_field, field_of, label_images, many_objects, single_pixels, stack


def one(folder, pattern):
    (path,) = folder.rglob(pattern)
    return path


def read(kind, folder, shape, name="field"):
    """Read back the one field ``name`` of an export in ``folder``."""
    readers = {
        "labels": lambda: read_label_image(one(folder, f"labels/{name}.ome.tif"), shape),
        "training": lambda: read_label_image(one(folder, f"labels/{name}.tif"), shape),
        "stardist": lambda: read_label_image(one(folder, f"masks/{name}.tif"), shape),
        "coco": lambda: read_coco(folder / "annotations.json", shape, name),
        "coco-polygons": lambda: read_coco(folder / "annotations.json", shape, name),
        "yolo-detect": lambda: read_yolo(one(folder, f"{name}.txt"), shape),
        "yolo-segment": lambda: read_yolo(one(folder, f"{name}.txt"), shape),
        "cellpose": lambda: read_seg(one(folder, f"{name}_seg.npy"), shape),
        "imagej": lambda: read_rois(folder / f"{name}_RoiSet.zip", shape),
        "qupath": lambda: read_geojson(folder / f"{name}.geojson", shape),
        "ome-zarr": lambda: read_ome_zarr(folder / f"{name}.ome.zarr", shape),
        "ome-zarr-0.4": lambda: read_ome_zarr(folder / f"{name}.ome.zarr", shape),
    }
    return readers[kind]()


def export(tmp_path, kind, *fields):
    export_fields(fields, ExportChoices((kind,), tmp_path, overwrite=True))
    return tmp_path / kind


KEEP_ALL = ["labels", "training", "coco", "coco-polygons", "cellpose", "imagej", "qupath", "ome-zarr", "ome-zarr-0.4"]
KEEP_PIXELS = [*KEEP_ALL, "stardist", "yolo-segment"]
TAKE_BOXES = ["labels", "training", "coco", "coco-polygons", "yolo-detect", "imagej", "qupath"]
KEEP_STACKS = ["labels", "stardist", "cellpose", "imagej", "qupath", "ome-zarr", "ome-zarr-0.4"]
IN_PLANES = ["training", "coco", "coco-polygons", "yolo-segment"]


def renumbered(labels):
    ids, dense = np.unique(np.append(labels, 0), return_inverse=True)
    assert ids[0] == 0
    return dense[:-1].reshape(labels.shape)


def check(kind, sent, got):
    if kind == "yolo-segment":  # cells in the same order, numbered anew
        np.testing.assert_array_equal(got.labels, renumbered(sent.labels))
        assert [cell.kind for cell in got.cells] == [cell.kind for cell in sent.cells]
        return
    np.testing.assert_array_equal(got.labels, sent.labels)
    assert got.labels.dtype == np.int32
    if kind in KEEP_ALL:
        assert got.cells == sent.cells
        assert set(got.classes) >= {cell.kind for cell in sent.cells}


@pytest.mark.parametrize("kind", KEEP_PIXELS)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_awkward_ones(tmp_path, kind, case):
    field = field_of(case())
    folder = export(tmp_path, kind, field, field_of(np.ones((4, 4)), "other")) if case is not CASES["nothing"] else None
    if folder is None:  # no cell at all: nobody has reviewed one, so the training set leaves the field out
        export_fields([field], ExportChoices((kind,), tmp_path, reviewed_only=frozenset()))
        folder = tmp_path / kind
    check(kind, field.cells, read(kind, folder, field.shape))


@pytest.mark.parametrize("kind", KEEP_PIXELS)
@given(labels=label_images)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_label_image(tmp_path, kind, labels):
    field = field_of(labels)
    export_fields([field], ExportChoices((kind,), tmp_path, overwrite=True, reviewed_only=frozenset()))
    check(kind, field.cells, read(kind, tmp_path / kind, field.shape))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["labels", "training", "stardist", "cellpose", "ome-zarr"])
def test_more_objects_than_16_bits_count(tmp_path, kind):
    """In formats that count objects in pixels."""
    field = field_of(many_objects())
    got = read(kind, export(tmp_path, kind, field), field.shape)
    np.testing.assert_array_equal(got.labels, field.cells.labels)
    assert len(got.cells) == 257 * 257


@pytest.mark.parametrize("kind", KEEP_ALL)
def test_ids_of_more_than_16_bits(tmp_path, kind):
    labels = single_pixels()
    labels[labels > 0] += 2**16 - 15
    field = field_of(labels)
    check(kind, field.cells, read(kind, export(tmp_path, kind, field), field.shape))


@pytest.mark.parametrize("kind", KEEP_STACKS)
def test_stacks_stay_whole(tmp_path, kind):
    field = field_of(stack())
    check(kind, field.cells, read(kind, export(tmp_path, kind, field), field.shape))


@pytest.mark.parametrize("kind", IN_PLANES)
def test_stacks_come_back_plane_by_plane(tmp_path, kind):
    field = field_of(stack())
    folder = export(tmp_path, kind, field)
    for plane in planes_of(field):
        check(kind, plane.cells, read(kind, folder, plane.shape, plane.name))
    assert [plane.name for plane in planes_of(field)][-1] == "field_z004"


@pytest.mark.parametrize("kind", TAKE_BOXES)
def test_boxes(tmp_path, kind):
    field = boxes_field()
    folder = export(tmp_path, kind, field)
    if kind in ("labels", "training"):
        from napari_cellvino.training.data.datasets import _read_boxes

        boxes = _read_boxes(folder / "boxes" / "boxes.csv")
        assert boxes.yxyx.tolist() == [list(cell.box) for cell in field.cells.cells]
        assert boxes.classes == tuple(cell.kind for cell in field.cells.cells)
        return
    got = read(kind, folder, field.shape, "boxes")
    assert got.labels is None
    assert [cell.box for cell in got.cells] == [cell.box for cell in field.cells.cells]
    assert [cell.kind for cell in got.cells] == [cell.kind for cell in field.cells.cells]
    if kind != "yolo-detect":
        assert got.cells == field.cells.cells


def test_yolo_boxes_of_outlines(tmp_path):
    field = field_of(CASES["touching, at the edge"]())
    got = read("yolo-detect", export(tmp_path, "yolo-detect", field), field.shape)
    assert [cell.box for cell in got.cells] == [cell.box for cell in field.cells.cells]


def test_rejected_cells_are_in_no_format(tmp_path):
    field = field_of(CASES["touching, at the edge"]())
    cells = tuple(replace(c, review="rejected") if c.id == 5 else c for c in field.cells.cells)
    field = replace(field, cells=replace(field.cells, cells=cells))
    for kind in KEEP_PIXELS:
        got = read(kind, export(tmp_path, kind, field), field.shape)
        assert not got.labels[field.cells.labels == 5].any()
        assert len(got.cells) == len(cells) - 1
