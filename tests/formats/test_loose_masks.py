"""Masks as other programs and people leave them: read as meant, or refused with what is wrong."""

import gzip
import json
import os

import numpy as np
import pytest
import tifffile
from scipy.ndimage import zoom
from skimage.segmentation import find_boundaries

from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.formats.matching import of_same_cellpose_run
from napari_cellvino.formats.reading import find_annotations, holds_one_image, read_cells
from napari_cellvino.io.folder_listing import SkipReason, scan_folder
from napari_cellvino.io.registry import open_source


def squares():
    return [(5, 6), (20, 30), (33, 8)]


def square(y, x):
    return [[x, y], [x + 8, y], [x + 8, y + 7], [x, y + 7]]


def coco_of(**changes):
    note = {"category_id": "1", "iscrowd": 0}
    notes = [
        {"id": n, "image_id": 1, "segmentation": [np.ravel(square(y, x)).tolist()], **note}
        for n, (y, x) in enumerate(squares())
    ]
    image = {"id": 1, "file_name": "a.tif", "height": 48, "width": 64}
    return {"images": [image], "annotations": notes, "categories": [{"id": 1, "name": "round"}]} | changes


def test_numbers_in_coco_may_be_text_and_an_image_twice(tmp_path):
    held = coco_of()
    held["images"] *= 2
    for note in held["annotations"]:
        note["image_id"] = "1"
    (tmp_path / "c.json").write_text(json.dumps(held))
    cells = read_cells(tmp_path / "c.json", (48, 64), "a").cells
    assert [cell.kind for cell in cells] == ["round"] * 3
    for note in held["annotations"]:
        note["image_id"] = 7
    (tmp_path / "c.json").write_text(json.dumps(held))
    with pytest.raises(ImageValueError, match="no annotation of the image a, and 3 of images that it does not list"):
        read_cells(tmp_path / "c.json", (48, 64), "a")


def test_a_packed_file_of_several_images_is_one_of_several(tmp_path):
    (tmp_path / "c.json.gz").write_bytes(gzip.compress(json.dumps(coco_of()).encode()))
    assert not holds_one_image(tmp_path / "c.json.gz")


def test_lines_that_go_round_a_cell_are_outlines_and_others_are_told(tmp_path):
    closed = [
        {"label": "c", "points": [*square(y, x), square(y, x)[0]], "shape_type": "linestrip"} for y, x in squares()
    ]
    (tmp_path / "a.json").write_text(json.dumps({"shapes": closed}))
    assert len(read_cells(tmp_path / "a.json", (48, 64), "a").cells) == 3
    (tmp_path / "a.json").write_text(json.dumps({"shapes": [s | {"points": s["points"][:3]} for s in closed]}))
    with pytest.raises(ImageValueError, match=r"3 shape\(s\) of the type linestrip are no areas"):
        read_cells(tmp_path / "a.json", (48, 64), "a")
    lines = [
        {
            "shape_attributes": {"name": "polyline", "all_points_x": xs, "all_points_y": ys},
            "region_attributes": {},
        }
        for xs, ys in (zip(*square(y, x), strict=True) for y, x in squares())
    ]
    (tmp_path / "v.json").write_text(json.dumps({"a.tif9": {"filename": "a.tif", "size": 9, "regions": lines}}))
    found = read_cells(tmp_path / "v.json", (48, 64), "a")
    assert len(found.cells) == 3
    assert found.notices == ("3 polyline(s) are open: taken as outlines that close by themselves",)


def test_geometries_without_features_are_read_and_none_are_no_cells(tmp_path):
    rings = [{"type": "Polygon", "coordinates": [[*square(y, x), square(y, x)[0]]]} for y, x in squares()]
    (tmp_path / "a.geojson").write_text(json.dumps({"type": "GeometryCollection", "geometries": rings}))
    assert len(read_cells(tmp_path / "a.geojson", (48, 64), "a").cells) == 3
    (tmp_path / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": []}))
    assert read_cells(tmp_path / "a.geojson", (48, 64), "a").cells == ()


def test_of_files_of_one_name_size_decides_and_of_cellpose_the_one_that_tells_most(tmp_path):
    labels = np.zeros((48, 64), np.uint16)
    labels[5:12, 6:14] = 1
    for name, part in (("s", labels), ("t", labels[:20])):
        (tmp_path / "size" / name).mkdir(parents=True)
        tifffile.imwrite(tmp_path / "size" / name / "a.tif", part)
    found = find_annotations(tmp_path / "size", "a", lambda file: tifffile.imread(file).shape == (48, 64))
    assert found.parent.name == "s"
    folder = tmp_path / "cellpose"
    (folder / "__MACOSX").mkdir(parents=True)
    for name in ("a_seg.npy", "a_cp_masks.png", "a_cp_outlines.txt", "a_flows.tif", "__MACOSX/a_seg.npy"):
        (folder / name).touch()
    assert find_annotations(folder, "a").name == "a_seg.npy"
    assert of_same_cellpose_run(folder / "a_seg.npy") == ["a_cp_masks.png", "a_cp_outlines.txt"]


def test_a_mask_inside_out_with_cells_at_the_edge_is_refused(tmp_path):
    mask = np.full((48, 64), 255, np.uint8)
    for y, x in [*squares(), (41, 50), (0, 50)]:
        mask[y : y + 7, x : x + 8] = 0
    tifffile.imwrite(tmp_path / "a.tif", mask)
    with pytest.raises(ImageValueError, match="turned inside out"):
        read_cells(tmp_path / "a.tif", (48, 64), "a")


def ringed() -> np.ndarray:
    """Three cells of 1 with a border of 2."""
    mask = np.zeros((48, 64), np.uint8)
    for y, x in squares():
        mask[y : y + 7, x : x + 8] = 2
        mask[y + 1 : y + 6, x + 1 : x + 7] = 1
    return mask


def smooth_picture() -> np.ndarray:
    y, x = np.mgrid[:48, :64]
    return (60 + 50 * np.sin(y / 3) * np.sin(x / 3)).astype(np.uint8)


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (ringed(), "a cell and its border"),
        ((ringed() == 2) * 255, "goes round 3 areas"),
        (smooth_picture(), "grey values"),
        (np.random.default_rng(0).integers(200, 400, (48, 64)), "grey values"),
    ],
)
def test_masks_whose_parts_are_no_cells_are_refused(tmp_path, mask, said):
    tifffile.imwrite(tmp_path / "a.tif", mask.astype(np.uint16))
    with pytest.raises(ImageValueError, match=said):
        read_cells(tmp_path / "a.tif", (48, 64), "a")


def grid(side=16, count=6):
    y, x = np.mgrid[: side * count, : side * count]
    labels = 1 + y // side * count + x // side
    return np.where((np.hypot(y % side - side / 2, x % side - side / 2) < 6), labels, 0)


def test_numbered_outlines_and_labels_that_were_interpolated_are_refused(tmp_path):
    labels = grid()
    rings = labels * find_boundaries(labels, mode="inner")
    smooth = np.rint(zoom(zoom(labels.astype(float), 0.5, order=1), 2, order=1))
    for numbers, said in ((rings, "36 of 36 numbers go round"), (smooth, "with interpolation")):
        tifffile.imwrite(tmp_path / "a.tif", numbers.astype(np.uint16))
        with pytest.raises(ImageValueError, match=said):
            read_cells(tmp_path / "a.tif", labels.shape, "a")


def test_specks_and_a_cell_as_large_as_the_image_are_questioned(tmp_path):
    labels = grid()
    labels[::16, ::8] = 100 + np.arange(72).reshape(6, 12)
    for numbers in (labels, (labels > 0) * 255):
        tifffile.imwrite(tmp_path / "a.tif", numbers.astype(np.uint16))
        notices = read_cells(tmp_path / "a.tif", labels.shape, "a").notices
        assert any("72 of 108 objects in a.tif have 4 pixels or fewer" in n for n in notices)
    tifffile.imwrite(tmp_path / "a.tif", np.ones(labels.shape, np.uint16))
    assert "the object 1 covers 100%" in read_cells(tmp_path / "a.tif", labels.shape, "a").notices[0]


def test_labels_that_jpeg_changed_are_refused_and_cells_on_every_fifth_plane_are_not(tmp_path):
    y, x = np.mgrid[:128, :128]
    labels = np.where((y % 16 > 4) & (x % 16 > 4), 3 * (y // 16 * 8 + x // 16 + 1), 0).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", labels, compression="jpeg")
    with pytest.raises(ImageValueError, match="as JPEG"):
        read_cells(tmp_path / "a.tif", (128, 128), "a")
    sparse = np.zeros((16, 128, 128), np.uint8)
    sparse[::5] = labels
    tifffile.imwrite(tmp_path / "b.tif", sparse)
    assert len(read_cells(tmp_path / "b.tif", sparse.shape, "b").cells) == 64


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a_masks.tif")
    with pytest.raises(ImageReadError, match="pipe"):
        read_cells(tmp_path / "a_masks.tif", (48, 64), "a")
    with pytest.raises(ImageReadError, match="pipe"):
        open_source(tmp_path / "a_masks.tif")
    os.rename(tmp_path / "a_masks.tif", tmp_path / "b.tif")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "c.tif").touch()
    found = scan_folder(tmp_path)
    assert ([why for _, why in found.skipped], found.folders) == ([SkipReason.OTHER], ("more",))
