"""Masks as other programs leave them: what the numbers mean, which shapes are cells, whose image they are."""

import csv
import gzip
import json
import pathlib
import struct
import zipfile

import numpy as np
import pytest
import tifffile
from PIL import Image
from roifile import ROI_SUBTYPE, ROI_TYPE, ImagejRoi

from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.formats.field import MisfitError
from napari_cellvino.formats.matching import ImageQuery, choose_file
from napari_cellvino.formats.reading import find_annotations, holds_one_image, read_cells

SHAPE = (60, 80)
CORNERS = [(5, 5), (5, 30), (5, 60), (35, 10), (35, 50)]


def squares(size=8):
    """Five squares, numbered."""
    labels = np.zeros(SHAPE, np.uint16)
    for number, (y, x) in enumerate(CORNERS, 1):
        labels[y : y + size, x : x + size] = number
    return labels


def read(path, shape=SHAPE, wanted="a"):
    return read_cells(path, shape, wanted)


def tif(path, pixels, **more):
    tifffile.imwrite(path, pixels, **more)
    return path


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


# -- what numbers mean


@pytest.mark.parametrize("value", [1, 255, 65535])
def test_binary_masks_are_connected_parts(tmp_path, value):
    mask = ((squares() > 0) * value).astype(np.uint16)
    got = read(tif(tmp_path / "a_masks.tif", mask))
    assert len(got.cells) == 5
    assert all("binary" in notice for notice in got.notices)
    assert len(got.notices) == 1
    Image.fromarray((mask > 0).astype(np.uint8) * 255).convert("RGB").save(tmp_path / "a.png")
    assert len(read(tmp_path / "a.png").cells) == 5


def test_one_cell_with_its_number_is_no_binary_mask(tmp_path):
    one = np.where(squares() == 3, 3, 0).astype(np.uint16)
    got = read(tif(tmp_path / "a.tif", one))
    assert ([cell.id for cell in got.cells], got.notices) == ([3], ())


def test_cells_that_touch_in_a_binary_mask_are_one_and_that_is_said(tmp_path):
    mask = np.zeros(SHAPE, np.uint8)
    mask[10:20, 10:30] = 255
    got = read(tif(tmp_path / "a.tif", mask))
    assert len(got.cells) == 1
    assert "touch" in got.notices[0]


@pytest.mark.parametrize("classes", [(1, 2) * 3, (1, 2, 1, 2), (2, 2, 1, 2)])
def test_classes_instead_of_cells(tmp_path, classes):
    labels = np.zeros((60, 80), np.uint8)
    for number, value in enumerate(classes):
        labels[10:16, 4 + 12 * number : 10 + 12 * number] = value
    got = read(tif(tmp_path / "a.tif", labels))
    assert sorted(cell.kind for cell in got.cells) == sorted(f"class {value}" for value in classes)
    assert "classes" in got.notices[0]


def test_masks_turned_inside_out_are_refused(tmp_path):
    with pytest.raises(ImageValueError, match="inside out"):
        read(tif(tmp_path / "a.tif", ((squares() == 0) * 255).astype(np.uint8)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_whole_numbers_of_any_type(tmp_path, dtype):
    labels = squares()
    np.testing.assert_array_equal(read(tif(tmp_path / "a.tif", labels.astype(dtype))).labels, labels)
    np.save(tmp_path / "a.npy", labels.astype(dtype))
    np.testing.assert_array_equal(read(tmp_path / "a.npy").labels, labels)


def test_a_last_axis_of_one_as_networks_give_it_is_passed_over(tmp_path):
    labels = squares()
    np.testing.assert_array_equal(read(tif(tmp_path / "a.tif", labels[..., None].astype(np.uint16))).labels, labels)
    np.save(tmp_path / "a.npy", labels[..., None])
    np.testing.assert_array_equal(read(tmp_path / "a.npy").labels, labels)


@pytest.mark.parametrize("odd", [0.5, np.nan, np.inf, 1e12])
def test_fractions_are_no_labels(tmp_path, odd):
    labels = squares().astype(np.float32)
    labels[7, 7] = odd
    with pytest.raises(ImageValueError, match=r"a\.tif"):
        read(tif(tmp_path / "a.tif", labels))


@pytest.mark.parametrize("ground", [1, -1, 9])
def test_a_background_that_is_not_0(tmp_path, ground):
    labels = squares().astype(np.int16)
    shifted = np.where(labels == 0, ground, labels + (ground == 1))
    got = read(tif(tmp_path / "a.tif", shifted.astype(np.int16)))
    assert len(got.cells) == 5
    assert "background" in got.notices[0]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pixels_to_ignore_are_no_cell(tmp_path, dtype):
    labels = squares().astype(dtype)
    labels[:, -3:] = np.iinfo(dtype).max
    got = read(tif(tmp_path / "a.tif", labels))
    assert len(got.cells) == 5
    assert "ignore" in got.notices[0]
    every = np.arange(1, 256, dtype=np.uint8).repeat(2)[None].repeat(2, 0)  # 255 cells in turn
    got = read(tif(tmp_path / "b.tif", every), every.shape, "b")
    assert len(got.cells) == 255
    assert "all 255 numbers that 8 bits can hold are in use" in got.notices[0]  # a 256th would be 0


def test_one_number_on_cells_far_apart_is_said(tmp_path):
    labels = squares()
    labels[labels == 5] = 1
    got = read(tif(tmp_path / "a.tif", labels))
    assert len(got.cells) == 4
    assert "apart (id 1)" in got.notices[0]


def test_colours_are_no_numbers(tmp_path):
    colours = np.random.default_rng(0).integers(1, 255, (6, 3)).astype(np.uint8)
    colours[0] = 0
    with pytest.raises(ImageValueError, match="colours"):
        read(tif(tmp_path / "a.tif", colours[squares()], photometric="rgb"))


def test_packed_and_numpy_archives(tmp_path):
    tif(tmp_path / "a.tif", squares())
    (tmp_path / "a_masks.tif.gz").write_bytes(gzip.compress((tmp_path / "a.tif").read_bytes()))
    np.savez_compressed(tmp_path / "a_segm.npz", arr_0=squares())
    for name in ("a_masks.tif.gz", "a_segm.npz"):
        np.testing.assert_array_equal(read(tmp_path / name).labels, squares())
    with pytest.raises(MisfitError, match=r"a_masks\.tif\.gz holds"):
        read(tmp_path / "a_masks.tif.gz", (60, 81))


@pytest.mark.parametrize("kind", [pathlib.PurePosixPath, pathlib.PosixPath, pathlib.PureWindowsPath])
def test_paths_in_seg_files(tmp_path, kind):
    np.save(tmp_path / "a_seg.npy", {"masks": squares(), "filename": kind("/data/a.tif")})
    assert len(read(tmp_path / "a_seg.npy").cells) == 5


@pytest.mark.parametrize("name", ["a.jpg", "a.mat", "a.h5", "a.xml"])
def test_what_is_refused_by_name(tmp_path, name):
    with pytest.raises(ImageReadError, match="is an? |is XML"):
        read(write(tmp_path / name, "?"))


def test_shapes_of_napari_are_named_with_what_to_do(tmp_path):
    text = "index,shape-type,vertex-index,axis-0,axis-1\n0,polygon,0,2.0,3.0\n"
    with pytest.raises(ImageReadError, match="Shapes of napari; make labels of them there"):
        read(write(tmp_path / "a.csv", text))


# -- shapes


def polygon(x, y, size):
    return [[x, y], [x + size, y], [x + size, y + size], [x, y + size]]


def feature(ring, kind, **more):
    geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    return {"type": "Feature", "geometry": geometry, "properties": {"objectType": kind, **more}}


@pytest.mark.parametrize("first", [True, False])
def test_regions_round_cells_are_no_cells(tmp_path, first):
    cells = [feature(polygon(x, y, 8), "cell") for y, x in CORNERS]
    region = feature(polygon(0, 0, 60), "annotation")
    got = read(write(tmp_path / "a.geojson", [region, *cells] if first else [*cells, region]))
    assert len(got.cells) == 5
    assert "regions" in got.notices[0]
    drawn = [feature(polygon(x, y, 8), "annotation") for y, x in CORNERS]
    assert len(read(write(tmp_path / "a.geojson", drawn)).cells) == 5


def test_outlines_in_um_are_questioned_and_read(tmp_path):
    """QuPath and other programs can write µm; drawn as px, areas would be a tenth of what they are."""
    drawn = [feature([[x * 0.3, y * 0.3] for x, y in polygon(x, y, 8)], "annotation") for y, x in CORNERS]
    file = write(tmp_path / "a.geojson", drawn)
    assert "upper left" in read(file).notices[0]
    got = read(file, wanted=ImageQuery("a", unit_px=(1 / 0.3, 1 / 0.3)))
    assert (len(got.cells), np.count_nonzero(got.labels), got.notices) == (5, 5 * 64, ())
    tif(tmp_path / "a.tif", squares())
    with pytest.raises(ImageReadError, match="is no GeoJSON"):
        read(tmp_path / "a.tif", wanted=ImageQuery("a", unit_px=(2, 2)))


def test_cells_of_several_pieces_that_were_imported_before_stay_whole(tmp_path):
    """What this program exports tells which pieces are one cell, wherever that came from."""
    rings = [[[*ring, ring[0]]] for ring in (polygon(x, y, 8) for y, x in CORNERS)]
    whole = {"type": "MultiPolygon", "coordinates": rings}
    kept = {"metadata": {"object": "3", "origin": "imported"}}
    assert (
        len(read(write(tmp_path / "a.geojson", [{"type": "Feature", "geometry": whole, "properties": kept}])).cells)
        == 1
    )


def test_a_region_without_cells_is_questioned(tmp_path):
    got = read(write(tmp_path / "a.geojson", [feature(polygon(0, 0, 60), "annotation")]))
    assert "object 1 covers 75%" in got.notices[0]


@pytest.mark.parametrize(("several", "cells", "said"), [(5, 5, "the pieces are the cells"), (2, 4, "1 of 4 objects")])
def test_objects_of_many_pieces_are_taken_apart_and_those_of_some_are_told(tmp_path, several, cells, said):
    """QuPath's pixel classifier makes one object of all cells, unless it is told to split it."""
    rings = [[[*ring, ring[0]]] for ring in (polygon(x, y, 8) for y, x in CORNERS)]
    joined = {"type": "MultiPolygon", "coordinates": rings[:several]}
    alone = [{"type": "Polygon", "coordinates": ring} for ring in rings[several:]]
    features = [{"type": "Feature", "geometry": shape, "properties": {}} for shape in (joined, *alone)]
    got = read(write(tmp_path / "a.geojson", features))
    assert (len(got.cells), np.count_nonzero(got.labels)) == (cells, 5 * 64)
    assert said in got.notices[0]


def test_empty_geometries_are_counted(tmp_path):
    features = [feature(polygon(5, 5, 8), "detection"), {"type": "Feature", "geometry": None, "properties": {}}]
    features.append({"type": "Feature", "geometry": {"type": "Polygon", "coordinates": []}, "properties": None})
    got = read(write(tmp_path / "a.geojson", {"type": "FeatureCollection", "features": features}))
    assert len(got.cells) == 1
    assert got.notices[0].startswith("2 object(s) have no outline")


def test_masks_of_another_image_lie_nowhere(tmp_path):
    far = [feature(polygon(900, 900, 8), "cell")]
    with pytest.raises(ImageValueError, match="none of the 1"):
        read(write(tmp_path / "a.geojson", far))
    with pytest.raises(ImageValueError, match="none of the 1"):
        read(write(tmp_path / "a.json", coco_of({"bbox": [900, 900, 5, 5]})))


AREAS = {  # of ROIs in a box of 20 x 10 px at x 10, y 10, as ImageJ fills them
    "oval": ({"roitype": ROI_TYPE.OVAL}, 157, 5),
    "rect": ({"roitype": ROI_TYPE.RECT}, 200, 0),
    "round": ({"roitype": ROI_TYPE.RECT, "rounded_rect_arc_size": 10}, 178, 6),
}


@pytest.mark.parametrize("kind", AREAS)
def test_kinds_of_rois(tmp_path, kind):
    said, area, about = AREAS[kind]
    (tmp_path / "a.roi").write_bytes(ImagejRoi(left=10, top=10, right=30, bottom=20, **said).tobytes())
    assert abs(int((read(tmp_path / "a.roi").labels > 0).sum()) - area) <= about


@pytest.mark.parametrize(("subtype", "width", "area"), [("ELLIPSE", 0.5, 157), ("ROTATED_RECT", 10.0, 200)])
def test_turned_rois_that_have_an_axis_alone(tmp_path, subtype, width, area):
    roi = ImagejRoi(roitype=ROI_TYPE.FREEHAND, subtype=ROI_SUBTYPE[subtype], left=10, top=10, right=40, bottom=40)
    roi.x1, roi.y1, roi.x2, roi.y2 = 20, 20, 20 + 20 * 0.8, 20 + 20 * 0.6
    content = bytearray(roi.tobytes())
    content[18:34], content[52:56] = struct.pack(">4f", roi.x1, roi.y1, roi.x2, roi.y2), struct.pack(">f", width)
    (tmp_path / "a.roi").write_bytes(content)
    assert abs(int((read(tmp_path / "a.roi").labels > 0).sum()) - area) <= 8


def test_zips_of_macos_and_of_other_things(tmp_path):
    roi = ImagejRoi.frompoints(polygon(5, 5, 8)).tobytes()
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, content in {"set/1.roi": roi, "__MACOSX/set/._1.roi": b"\0\5\26\7", "set/.DS_Store": b"x"}.items():
            archive.writestr(name, content)
    assert len(read(tmp_path / "a.zip").cells) == 1
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("masks.tif", b"II")
    with pytest.raises(ImageReadError, match=r"masks\.tif; unpack it"):
        read(tmp_path / "b.zip")


def test_rois_without_points_are_counted(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("1.roi", ImagejRoi.frompoints(polygon(5, 5, 8)).tobytes())
        archive.writestr("2.roi", ImagejRoi(roitype=ROI_TYPE.POLYGON).tobytes())
    got = read(tmp_path / "a.zip")
    assert len(got.cells) == 1
    assert "no points" in got.notices[0]


def test_outlines_of_cellpose_hold_their_own_pixels(tmp_path):
    write(tmp_path / "a_cp_outlines.txt", "5,5,6,5,7,5,7,6,7,7,6,7,5,7,5,6\n20,9,23,9,23,12,20,12\n")
    got = read(tmp_path / "a_cp_outlines.txt")
    assert [int((got.labels == n).sum()) for n in (1, 2)] == [9, 16]
    with pytest.raises(ImageValueError, match="beyond the image"):
        read(tmp_path / "a_cp_outlines.txt", (10, 10))


# -- YOLO


def test_yolo_with_confidences(tmp_path):
    write(tmp_path / "a.txt", "0 0.5 0.5 0.1 0.1 0.87\n")
    (cell,) = read(tmp_path / "a.txt").cells
    assert (cell.score, cell.kind, cell.box) == (0.87, "class 0", (27, 36, 33, 44))
    write(tmp_path / "a.txt", "1 0.1 0.1 0.2 0.1 0.2 0.2 0.1 0.2 0.5\n0 0.5 0.5 0.1 0.1 0.87 12\n")
    got = read(tmp_path / "a.txt")
    assert [cell.score for cell in got.cells] == [0.5, 0.87]
    assert "rectangle" in got.notices[0]


@pytest.mark.parametrize("content", ["", "7", "names: [a\n", "names: 3\n", b"names: [\xe9]\n"[:8].decode("latin-1")])
def test_a_poor_data_yaml_costs_the_names_alone(tmp_path, content):
    write(tmp_path / "a.txt", "0 0.5 0.5 0.1 0.1\n1 0.2 0.2 0.1 0.1\n")
    (tmp_path / "data.yaml").write_bytes(content.encode("latin-1"))
    got = read(tmp_path / "a.txt")
    assert [cell.kind for cell in got.cells] == ["class 0", "class 1"]
    assert any("data.yaml" in notice for notice in got.notices)
    write(tmp_path / "classes.txt", "living\ndead\n")
    assert [cell.kind for cell in read(tmp_path / "a.txt").cells] == ["living", "dead"]


def test_yaml_that_grows_is_not_read(tmp_path):
    write(tmp_path / "a.txt", "0 0.5 0.5 0.1 0.1\n")
    levels = "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdef", "bcdefg", strict=True))
    write(tmp_path / "data.yaml", f"a: &a [x, x]\n{levels}names: [*g, *g]\n")
    assert "repeats" in read(tmp_path / "a.txt").notices[0]


@pytest.mark.parametrize("line", ["0 40 30 8 8", "0 nan 0.5 0.1 0.1", "x 0.5 0.5 0.1 0.1", "0 0.5 0.5 0.1 0"])
def test_yolo_that_is_none(tmp_path, line):
    with pytest.raises(ImageReadError, match=r"a\.txt cannot be read as YOLO labels, line 2"):
        read(write(tmp_path / "a.txt", f"0 0.5 0.5 0.1 0.1\n{line}\n"))


# -- JSON


def coco_of(*notes, images=None, **more):
    image = {"id": 0, "file_name": "a.tif", "height": SHAPE[0], "width": SHAPE[1]}
    listed = [{"id": n, "image_id": 0, "category_id": 0, "iscrowd": 0, **note} for n, note in enumerate(notes)]
    return {"images": images or [image], "annotations": listed, "categories": [{"id": 0, "name": "cell"}], **more}


def test_coco_with_what_is_missing(tmp_path):
    square = {"segmentation": [[5, 5, 13, 5, 13, 13, 5, 13]]}
    for content in (
        coco_of(square, categories=[]),
        coco_of(square, images=[{"id": 0, "file_name": "a.tif"}]),
        coco_of({**square, "category_id": 4}),
        coco_of({"segmentation": square["segmentation"][0]}),
        [{"image_id": 3, "category_id": 1, "score": 0.5, **square}],
    ):
        got = read(write(tmp_path / "a.json", content))
        assert int((got.labels == 1).sum()) == 64


def test_coco_parts_are_added_up(tmp_path):
    parts = [[5, 5, 13, 5, 13, 13, 5, 13], [9, 5, 17, 5, 17, 13, 9, 13]]
    got = read(write(tmp_path / "a.json", coco_of({"segmentation": parts})))
    assert int((got.labels == 1).sum()) == 12 * 8


def test_coco_of_mixed_forms(tmp_path):
    run = {"size": list(SHAPE), "counts": [65, 5, 55, 5, 4670]}
    crowd = {"segmentation": run, "iscrowd": 1}
    notes = [{"segmentation": run}, {"bbox": [30, 30, 6, 4]}, crowd, {}]
    got = read(write(tmp_path / "a.json", coco_of(*notes)))
    assert [int((got.labels == cell.id).sum()) for cell in got.cells] == [10, 24]
    assert [word for word in ("crowds", "neither", "rectangles") if any(word in n for n in got.notices)] == [
        "crowds", "neither", "rectangles",
    ]  # fmt: skip


def test_coco_boxes_that_cvat_turned(tmp_path):
    turned = {"bbox": [20, 30, 12, 4], "attributes": {"occluded": False, "rotation": 90.0}}
    got = read(write(tmp_path / "a.json", coco_of(turned, {"bbox": [2, 2, 6, 4], "attributes": {"rotation": 0.0}})))
    assert [int((got.labels == cell.id).sum()) for cell in got.cells] == [48, 24]
    rows, columns = np.nonzero(got.labels == 1)
    assert (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1) == (26, 38, 24, 28)


@pytest.mark.parametrize(
    ("note", "said"),
    [({"bbox": [1, 2, 3]}, r"this one has 3 number\(s\)"), ({"segmentation": [[1, 1, 9, 1, 9]]}, "come in pairs")],
)
def test_coco_with_numbers_too_few(tmp_path, note, said):
    with pytest.raises(ImageReadError, match=f"annotation 0: .*{said}"):
        read(write(tmp_path / "a.json", coco_of(note)))


def two_wells(*names, sizes=(SHAPE, SHAPE)):
    images = [
        {"id": n, "file_name": name, "height": size[0], "width": size[1]}
        for n, (name, size) in enumerate(zip(names, sizes, strict=True))
    ]
    notes = [{"image_id": n, "bbox": [5 * n, 5 + 10 * row, 5, 5]} for n in range(2) for row in range(n + 1)]
    return coco_of(*notes, images=images)


def test_masks_go_to_the_image_whose_path_fits(tmp_path):
    path = write(tmp_path / "c.json", two_wells("A01/f1.tif", "B02\\f1.tif"))
    for well, count in (("A01", 1), ("B02", 2)):
        assert len(read(path, wanted=ImageQuery("f1", f"/data/{well}/f1.tif")).cells) == count
    with pytest.raises(ImageValueError, match="ambiguous"):
        read(path, wanted=ImageQuery("f1", "/data/C03/f1.tif"))
    with pytest.raises(ImageValueError, match="has no image f2"):
        read(path, wanted=ImageQuery("f2", "/data/A01/f2.tif"))


def test_names_that_a_server_wrote_as_addresses_are_understood(tmp_path):
    path = write(tmp_path / "c.json", two_wells("day%201/a%20b%23.tif", "a%20b.tif"))
    assert len(read(path, wanted=ImageQuery("a b#", "/data/a b#.tif")).cells) == 1
    assert len(read(path, wanted=ImageQuery("a%20b", "/data/a%20b.tif")).cells) == 2


def test_outlines_that_are_an_overlay_of_imagej_are_not_0_cells(tmp_path):
    blank, outline = np.zeros(SHAPE, np.uint8), ImagejRoi.frompoints([[5, 5], [20, 5], [20, 20]]).tobytes()
    for overlays in ([outline], [outline, outline]):
        tifffile.imwrite(tmp_path / "a.tif", blank, imagej=True, metadata={"Overlays": overlays})
        with pytest.raises(ImageValueError, match=f"no labels in its pixels, and {len(overlays)} outline"):
            read(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "a.tif", blank, imagej=True)
    assert read(tmp_path / "a.tif").cells == ()
    picture = np.random.default_rng(0).integers(100, 140, SHAPE).astype(np.uint16)  # they drew on the image itself
    tifffile.imwrite(tmp_path / "a.tif", picture, imagej=True, metadata={"Overlays": [outline]})
    with pytest.raises(ImageValueError, match="no labels in its pixels, and 1 outline"):
        read(tmp_path / "a.tif")


def test_pictures_of_a_set_for_yolo_are_no_masks(tmp_path):
    files = [tmp_path / part / "train" / name for part, name in (("images", "a.png"), ("labels", "a.txt"))]
    assert choose_file(tmp_path, files, ImageQuery("a", "/data/a.tif")) == files[1]
    with pytest.raises(ImageReadError, match="name the file itself"):
        choose_file(tmp_path, [files[0], tmp_path / "labels" / "val" / "a.txt"], ImageQuery("a", "/data/a.tif"))


def test_sizes_decide_where_paths_do_not(tmp_path):
    path = write(tmp_path / "c.json", two_wells("f1.tif", "f1.tif", sizes=(SHAPE, (10, 10))))
    assert len(read(path, wanted=ImageQuery("f1", "/data/f1.tif")).cells) == 1


def test_an_entry_is_not_taken_for_two_images(tmp_path):
    path = write(tmp_path / "c.json", two_wells("f1.tif", "g.tif"))
    one, other = "/data/A01/f1.tif", "/data/B02/f1.tif"
    for own, rival in ((one, other), (other, one)):
        with pytest.raises(ImageValueError, match="ambiguous"):
            read(path, wanted=ImageQuery("f1", own, (rival,), several=True))


def test_files_of_one_name_in_folders(tmp_path):
    for well in ("A01", "B02"):
        (tmp_path / "masks" / well).mkdir(parents=True)
        (tmp_path / "masks" / well / "f1_masks.tif").touch()
    one, other = "/data/A01/f1.tif", "/data/B02/f1.tif"
    assert find_annotations(tmp_path / "masks", ImageQuery("f1", one, (other,))).parent.name == "A01"
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "f1_masks.tif").touch()
    with pytest.raises(ImageValueError, match="ambiguous"):
        find_annotations(tmp_path / "flat", ImageQuery("f1", one, (other,)))


def test_an_image_is_not_its_own_mask(tmp_path):
    image = tif(tmp_path / "a.tif", squares())
    with pytest.raises(ImageReadError, match="is the image itself"):
        find_annotations(image, ImageQuery("a", str(image)))
    with pytest.raises(ImageReadError, match="holds nothing"):
        find_annotations(tmp_path, ImageQuery("a", str(image)))


LABELME = [
    ({"points": polygon(5, 5, 8), "shape_type": "polygon"}, 64),
    ({"points": [[13, 13], [5, 5]], "shape_type": "rectangle"}, None),
    ({"points": [[20, 20], [20, 25]], "shape_type": "circle"}, 79),
]


def test_labelme(tmp_path):
    size = {"imageHeight": SHAPE[0], "imageWidth": SHAPE[1]}
    for shape, area in LABELME:
        got = read(write(tmp_path / "a.json", {"shapes": [{"label": "glia", **shape}], **size}))
        assert [cell.kind for cell in got.cells] == ["glia"]
        if area is None:
            assert got.cells[0].box == (5, 5, 13, 13)
        else:
            assert abs(int((got.labels > 0).sum()) - area) <= 4
    parts = [{"label": "x", "group_id": 3, "points": polygon(x, 5, 8)} for x in (5, 40)]
    got = read(
        write(tmp_path / "a.json", {"shapes": [*parts, {"label": "y", "points": [[1, 1]], "shape_type": "point"}]})
    )
    assert (len(got.cells), int((got.labels == 1).sum())) == (1, 128)
    assert "point" in got.notices[0]
    with pytest.raises(MisfitError):
        read(write(tmp_path / "a.json", {"shapes": parts, "imageHeight": 10, "imageWidth": 10}))


VIA = {
    "polygon": {"name": "polygon", "all_points_x": [5, 13, 13, 5], "all_points_y": [5, 5, 13, 13]},
    "rect": {"name": "rect", "x": 30, "y": 5, "width": 6, "height": 4},
    "circle": {"name": "circle", "cx": 60, "cy": 40, "r": 5},
}


def test_via_of_every_version(tmp_path):
    regions = [{"shape_attributes": form, "region_attributes": {"Type": "glia"}} for form in VIA.values()]
    image = {"filename": "b/a.tif", "size": 1, "regions": regions}
    first = {"a.tif1": {**image, "regions": {str(n): one for n, one in enumerate(regions)}}}
    xy = [[7, 5, 5, 13, 5, 13, 13, 5, 13], [2, 30, 5, 6, 4], [3, 60, 40, 5]]
    third = {
        "file": {"1": {"fname": "a.tif"}}, "view": {"1": {"fid_list": ["1"]}},
        "metadata": {str(n): {"vid": "1", "xy": one, "av": {"1": "glia"}} for n, one in enumerate(xy)},
    }  # fmt: skip
    with (tmp_path / "a.csv").open("w", newline="") as handle:
        table = csv.writer(handle)
        table.writerow(["filename", "file_size", "region_shape_attributes", "region_attributes"])
        table.writerows(["a.tif", 1, json.dumps(form), '{"Type": "glia"}'] for form in VIA.values())
    for content in (first, {"_via_img_metadata": {"x": image}}, {"x": image}, third, None):
        path = tmp_path / "a.csv" if content is None else write(tmp_path / "a.json", content)
        got = read(path)
        areas = [int((got.labels == cell.id).sum()) for cell in got.cells]
        assert areas[:2] == [64, 24]
        assert abs(areas[2] - 79) <= 4
        assert {cell.kind for cell in got.cells} == {"glia"}
        assert not holds_one_image(path)


def test_label_studio(tmp_path):
    whole = {"original_width": SHAPE[1], "original_height": SHAPE[0]}
    x, y = 100 / SHAPE[1], 100 / SHAPE[0]
    corners = [[a * x, b * y] for a, b in polygon(5, 5, 8)]
    results = [
        {"type": "polygonlabels", "value": {"points": corners, "polygonlabels": ["glia"]}, **whole},
        {"type": "rectanglelabels", "value": {"x": 30 * x, "y": 5 * y, "width": 6 * x, "height": 4 * y}, **whole},
        {"type": "choices", "value": {"choices": ["good"]}},
    ]
    task = {"id": 1, "data": {"image": "/data/upload/1/1a2b3c4d-a.tif"}, "annotations": [{"result": results}]}
    got = read(write(tmp_path / "a.json", [task, {**task, "data": {"image": "x/1a2b3c4d-b.tif"}}]))
    assert [int((got.labels == cell.id).sum()) for cell in got.cells] == [64, 24]
    assert [cell.kind for cell in got.cells] == ["glia", "cell"]
    with pytest.raises(ImageReadError, match="no annotation"):
        read(write(tmp_path / "a.json", [{**task, "annotations": [], "predictions": [{}]}]))


def test_json_of_no_kind_is_named(tmp_path):
    with pytest.raises(ImageReadError, match="labelme, VIA and Label Studio"):
        read(write(tmp_path / "a.json", {"nodes": []}))
