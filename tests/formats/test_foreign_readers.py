"""The programs that the files are for read them, and see the same pixels."""

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import shapely
import tifffile
import yaml
from hypothesis import HealthCheck, given, settings
from PIL import Image, ImageDraw
from pycocotools.coco import COCO
from roifile import roiread
from scipy.ndimage import binary_dilation

from napari_cellvino.formats.export import ExportChoices, export_fields
from napari_cellvino.formats.imagej_rois import read_rois
from napari_cellvino.training.data.datasets import read_set

from .cases import CASES, boxes_field, field_of, label_images, many_objects, stack
from .test_round_trips import one

# pycocotools 2.0.11 was compiled before numpy 2 gave __array__ a copy keyword.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

AWKWARD = pytest.mark.parametrize("case", [c for n, c in CASES.items() if n != "nothing"], ids=lambda c: c.__name__)


def export(tmp_path, kind, *fields):
    export_fields(fields, ExportChoices((kind,), tmp_path, overwrite=True, reviewed_only=frozenset()))
    return tmp_path / kind


def coco_labels(folder):
    """Labels as pycocotools decodes them, and the file itself."""
    coco = COCO(folder / "annotations.json")
    (image,) = coco.loadImgs(coco.getImgIds())
    labels = np.zeros((image["height"], image["width"]), np.int32)
    for note in coco.loadAnns(coco.getAnnIds(imgIds=[image["id"]])):
        mask = coco.annToMask(note).astype(bool)
        assert not labels[mask].any(), "objects overlap"
        assert note["area"] == mask.sum()
        labels[mask] = note["object"]
    return labels, coco


@AWKWARD
def test_pycocotools_decodes_run_lengths(tmp_path, case):
    field = field_of(case())
    labels, coco = coco_labels(export(tmp_path, "coco", field))
    np.testing.assert_array_equal(labels, field.cells.labels)
    kinds = {c["id"]: c["name"] for c in coco.loadCats(coco.getCatIds())}
    assert {n["object"]: kinds[n["category_id"]] for n in coco.anns.values()} == {
        c.id: c.kind for c in field.cells.cells
    }


@given(label_images)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pycocotools_decodes_any_run_lengths(tmp_path, labels):
    found, _ = coco_labels(export(tmp_path, "coco", field_of(labels)))
    np.testing.assert_array_equal(found, labels)


def test_pycocotools_fills_polygons_to_the_pixel(tmp_path):
    field = field_of(CASES["touching, at the edge"]())
    folder = export(tmp_path, "coco-polygons", field)
    labels, coco = coco_labels(folder)
    np.testing.assert_array_equal(labels, field.cells.labels)
    assert all(isinstance(note["segmentation"], list) for note in coco.anns.values())
    _, coco = coco_labels(export(tmp_path, "coco-polygons", field_of(CASES["ring with island"]())))
    assert {note["object"]: type(note["segmentation"]) for note in coco.anns.values()} == {7: dict, 3: list}


def test_compressed_run_lengths_of_pycocotools_come_in(tmp_path):
    from pycocotools import mask as masks

    from napari_cellvino.formats.coco import read_coco

    labels = np.kron(CASES["ring with island"](), np.ones((9, 7), int))
    notes = []
    for number, id_ in enumerate((3, 7), 1):
        rle = masks.encode(np.asfortranarray((labels == id_).astype(np.uint8)))
        form = {"size": rle["size"], "counts": rle["counts"].decode()}
        notes.append({"id": number, "image_id": 1, "category_id": 1, "segmentation": form, "bbox": [0, 0, 1, 1]})
    image = {"id": 1, "file_name": "a/b.png", "height": labels.shape[0], "width": labels.shape[1]}
    content = {"images": [image], "annotations": notes, "categories": [{"id": 1, "name": "glia"}]}
    (tmp_path / "theirs.json").write_text(json.dumps(content))
    got = read_coco(tmp_path / "theirs.json", labels.shape, "b")
    np.testing.assert_array_equal(got.labels, np.select([labels == 3, labels == 7], [1, 2]))
    assert {cell.kind for cell in got.cells} == {"glia"}


@AWKWARD
def test_imagej_rois_enclose_the_pixels(tmp_path, case):
    """ImageJ keeps a pixel whose centre is inside; shapely decides that here, on what roifile reads."""
    field = field_of(case())
    path = export(tmp_path, "imagej", field) / "field_RoiSet.zip"
    labels = field.cells.labels
    for roi in roiread(path):
        shape = shapely.Polygon()
        for ring in roi.coordinates(multi=True):
            shape = shape.symmetric_difference(shapely.Polygon(ring))
        mask = labels == int(roi.name)
        y, x = np.nonzero(np.ones_like(mask))
        inside = shapely.contains_xy(shape, x + 0.5, y + 0.5).reshape(mask.shape)
        np.testing.assert_array_equal(inside, mask)
        rows, columns = np.nonzero(mask)
        assert (roi.top, roi.left) == (rows.min(), columns.min())
        assert (roi.bottom, roi.right) == (rows.max() + 1, columns.max() + 1)


def test_imagej_rois_of_stacks_know_their_plane(tmp_path):
    path = export(tmp_path, "imagej", field_of(stack())) / "field_RoiSet.zip"
    planes = {(roi.name.split("-")[0], roi.z_position, roi.position) for roi in roiread(path)}
    assert {("5", 2, 2), ("5", 3, 3), ("9", 4, 4), ("1", 1, 1)} <= planes
    assert len(planes) == 7
    with zipfile.ZipFile(path) as archive:
        assert len(set(archive.namelist())) == 7


def test_rois_that_others_drew(tmp_path):
    from roifile import ROI_TYPE, ImagejRoi, roiwrite

    square = ImagejRoi(roitype=ROI_TYPE.RECT, top=1, left=2, bottom=4, right=6)
    oval = ImagejRoi(roitype=ROI_TYPE.OVAL, top=10, left=10, bottom=20, right=20)
    point = ImagejRoi.frompoints(np.array([[3.5, 3.5]]))
    point.roitype = ROI_TYPE.POINT
    roiwrite(tmp_path / "a.zip", [square, oval, point], name=["a", "b", "c"])
    got = read_rois(tmp_path / "a.zip", (30, 30))
    assert (got.labels == 1).sum() == 12
    assert abs((got.labels == 2).sum() - np.pi * 25) < 6
    assert "1 line(s), point(s)" in got.notices[0]


@AWKWARD
def test_geojson_is_valid_and_exact(tmp_path, case):
    field = field_of(case())
    content = json.loads((export(tmp_path, "qupath", field) / "field.geojson").read_text(encoding="utf-8"))
    labels = field.cells.labels
    assert content["type"] == "FeatureCollection"
    assert len(content["features"]) == len(field.cells.cells)
    for feature, cell in zip(content["features"], field.cells.cells, strict=True):
        shape = shapely.from_geojson(json.dumps(feature["geometry"]))
        mask = labels == cell.id
        assert shape.is_valid
        assert shape.area == mask.sum()
        y, x = np.nonzero(mask)
        assert shapely.contains_xy(shape, x + 0.5, y + 0.5).all()
        said = feature["properties"]
        assert said["objectType"] == "detection"
        assert said["classification"]["name"] == cell.kind
        assert said["measurements"]["area_px"] == mask.sum()
        assert said["measurements"]["score"] == cell.score


def test_geojson_of_a_cell_that_a_person_added_has_no_score(tmp_path):
    field = boxes_field()
    cells = (replace(field.cells.cells[0], score=float("nan")), *field.cells.cells[1:])
    field = replace(field, cells=replace(field.cells, cells=cells))
    content = json.loads((export(tmp_path, "qupath", field) / "boxes.geojson").read_text(encoding="utf-8"))
    assert ["score" in feature["properties"]["measurements"] for feature in content["features"]] == [False, True, True]


def ultralytics_rules(folder):
    """What ultralytics checks of a set before it trains; returns the rows of every picture."""
    data = yaml.safe_load((folder / "data.yaml").read_text(encoding="utf-8"))
    assert sorted(data["names"]) == list(range(len(data["names"])))
    found = {}
    for key in ("train", "val"):
        assert (folder / data[key]).is_dir()
        for picture in (folder / data[key]).iterdir():
            with Image.open(picture) as opened:
                assert opened.mode in ("L", "RGB")
                size = opened.size
            text = (folder / data[key].replace("images", "labels") / f"{picture.stem}.txt").read_text()
            rows = [line.split() for line in text.splitlines()]
            values = [np.array(row[1:], float) for row in rows]
            assert all((v >= 0).all() and (v <= 1).all() for v in values)
            assert all(0 <= int(row[0]) < len(data["names"]) for row in rows)
            assert len({tuple(row) for row in rows}) == len(rows), "duplicates"
            found[picture.stem] = (size, [(int(r[0]), v) for r, v in zip(rows, values, strict=True)])
    return data, found


def test_yolo_segments_drawn_again_by_pillow(tmp_path):
    """Pillow draws the outline too, as OpenCV does: the loss is at most the pixels right beside an object."""
    labels = np.kron(CASES["touching, at the edge"](), np.ones((4, 4), int))
    field = field_of(labels)
    data, found = ultralytics_rules(export(tmp_path, "yolo-segment", field))
    size, rows = found["field"]
    for cell, (kind, values) in zip(field.cells.cells, rows, strict=True):
        assert data["names"][kind] == cell.kind
        canvas = Image.new("1", size)
        ImageDraw.Draw(canvas).polygon([tuple(p) for p in values.reshape(-1, 2) * size], fill=1)
        mask, drawn = labels == cell.id, np.array(canvas)
        assert (drawn | ~mask).all()
        assert not (drawn & ~binary_dilation(mask, np.ones((3, 3)))).any()


def test_yolo_boxes(tmp_path):
    field = boxes_field()
    _, found = ultralytics_rules(export(tmp_path, "yolo-detect", field))
    size, rows = found["boxes"]
    for cell, (_, (x, y, width, height)) in zip(field.cells.cells, rows, strict=True):
        corners = np.array([y - height / 2, x - width / 2, y + height / 2, x + width / 2]) * (*size[::-1], *size[::-1])
        np.testing.assert_allclose(corners, cell.box, atol=1e-4)


def test_label_tiff_as_tifffile_reads_it(tmp_path):
    field = field_of(many_objects())
    folder = export(tmp_path, "labels", field)
    with tifffile.TiffFile(folder / "images" / "field.ome.tif") as file:
        assert file.series[0].axes == "CYX"
        np.testing.assert_array_equal(file.asarray(), field.pixels)
        assert file.asarray().dtype == field.pixels.dtype
        assert 'Name="GFP"' in file.ome_metadata
        assert 'PhysicalSizeX="0.25"' in file.ome_metadata
    with tifffile.TiffFile(folder / "labels" / "field.ome.tif") as file:
        np.testing.assert_array_equal(file.asarray(), field.cells.labels)
        assert 'PhysicalSizeX="0.25"' in file.ome_metadata


def test_training_set_is_read_by_the_training_code(tmp_path):
    fields = [field_of(CASES["touching, at the edge"](), f"f{n}", group=f"well {n // 2}") for n in range(12)]
    folder = export(tmp_path, "training", *fields)
    whole = {f.id: f for f in read_set(folder)}
    assert len(whole) == 12
    np.testing.assert_array_equal(whole["f3"].image, fields[3].pixels[1])
    np.testing.assert_array_equal(whole["f3"].labels, fields[3].cells.labels)
    splits = [{f.id for f in read_set(folder, split)} for split in ("train", "val")]
    assert splits[0] | splits[1] == set(whole)
    for n in range(0, 12, 2):
        assert any({f"f{n}", f"f{n + 1}"} <= split for split in splits), "a well lies in two splits"
    assert [f.id for f in read_set(folder, keep=lambda row: row["group"] == "well 2")] == ["f4", "f5"]


def test_training_set_of_boxes(tmp_path):
    (field,) = read_set(export(tmp_path, "training", boxes_field()))
    assert field.boxes.yxyx.tolist() == [list(cell.box) for cell in boxes_field().cells.cells]


def test_colours_stay_colours(tmp_path):
    pixels = np.random.default_rng(1).integers(0, 255, (3, 20, 30)).astype(np.uint8)
    cells = field_of(np.ones((20, 30))).cells
    from napari_cellvino.formats.field import ExportField

    field = ExportField("rgb", pixels, cells, channels=("r", "g", "b"), rgb=True, seen=None)
    (read,) = read_set(export(tmp_path, "training", field))
    np.testing.assert_array_equal(read.image, np.moveaxis(pixels, 0, -1))
    with Image.open(one(export(tmp_path, "coco", field), "rgb.png")) as picture:
        np.testing.assert_array_equal(np.array(picture), np.moveaxis(pixels, 0, -1))


def test_stardist_folders(tmp_path):
    folder = export(tmp_path, "stardist", *(field_of(CASES["ring with island"](), f"f{n}") for n in range(9)))
    for side in ("train", "test"):
        images, masks = ({p.name for p in (folder / side / kind).iterdir()} for kind in ("images", "masks"))
        assert images == masks != set()
    mask = tifffile.imread(folder / "train" / "masks" / "f0.tif")
    assert mask.dtype.kind == "u"
    np.testing.assert_array_equal(mask, CASES["ring with island"]())
    compile((folder / "train_stardist.py").read_text(encoding="utf-8"), "train_stardist.py", "exec")
