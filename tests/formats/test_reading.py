"""Files of others: what is broken or dangerous is refused in words, what overlaps is said."""

import json
import pickle

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image
from roifile import ImagejRoi, roiread, roiwrite

from napari_cellvino.core.errors import CellvinoError, ImageReadError, ImageValueError
from napari_cellvino.formats.field import MisfitError, cell_from
from napari_cellvino.formats.matching import ImageQuery
from napari_cellvino.formats.reading import find_annotations, read_cells


class Evil:
    def __reduce__(self):
        return (print, ("code was run",))


@pytest.mark.parametrize(
    "content", [Evil(), {"masks": np.ones((3, 3), int), "x": Evil()}, np.float64], ids=["whole", "within", "type"]
)
def test_a_pickle_that_runs_code_is_refused(tmp_path, content):
    with (tmp_path / "a_seg.npy").open("wb") as file:
        np.save(file, np.array(content, dtype=object), allow_pickle=True)
    with pytest.raises(ImageReadError, match=r"wants to run|holds no masks"):
        read_cells(tmp_path / "a_seg.npy", (3, 3), "a")


def test_seg_files_as_cellpose_itself_writes_them(tmp_path):
    masks = np.array([[1, 1, 0], [0, 2, 2]], np.uint16)
    content = {
        "masks": masks, "outlines": masks, "chan_choose": [0, 0], "ismanual": np.zeros(2, bool), "filename": "a.tif",
        "flows": [np.zeros((1, 2, 3, 3), np.uint8), np.float32(3)], "diameter": np.float64(12.5),
    }  # fmt: skip
    np.save(tmp_path / "a_seg.npy", content)
    got = read_cells(tmp_path / "a_seg.npy", (2, 3), "a")
    np.testing.assert_array_equal(got.labels, masks)
    assert {cell.origin for cell in got.cells} == {"imported"}


BROKEN = {
    "a.tif": b"II*\0",
    "a.png": b"no picture",
    "a_seg.npy": b"\x93NUMPY\x01\x00broken",
    "a.zip": b"PK broken",
    "a.roi": b"short",
    "a.geojson": b'{"type": 7}',
    "a.json": b'{"images": [], "annotations": []}',
    "b.json": b"[",
    "a.txt": b"0 0.5 nonsense",
    "c.txt": b"0 0.5 0.5 0.5",
    "a.xyz": b"?",
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_named(tmp_path, name):
    (tmp_path / name).write_bytes(BROKEN[name])
    with pytest.raises(CellvinoError, match=name.replace(".", r"\.")):
        read_cells(tmp_path / name, (5, 5), "a")


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16])
def test_png_masks(tmp_path, dtype):
    labels = np.eye(5).astype(dtype)
    Image.fromarray(labels).save(tmp_path / "a.png")
    assert (read_cells(tmp_path / "a.png", (5, 5), "a").labels > 0).tolist() == (labels > 0).tolist()
    with pytest.raises(ImageValueError, match="but the image is"):
        read_cells(tmp_path / "a.png", (6, 5), "a")


def test_objects_under_others_are_counted(tmp_path):
    square = [[[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]]
    part = [[[1, 1], [3, 1], [3, 3], [1, 3], [1, 1]]]
    far = [[[90, 90], [95, 90], [95, 95], [90, 90]]]
    features = [
        {
            "type": "Feature",
            "properties": {"classification": {"name": "glia"}},
            "geometry": {"type": kind, "coordinates": c},
        }
        for kind, c in (("Polygon", square), ("Polygon", part), ("Polygon", far), ("Point", [1, 1]))
    ]
    (tmp_path / "a.geojson").write_text(json.dumps(features))
    got = read_cells(tmp_path / "a.geojson", (6, 6), "a")
    assert (got.labels == 1).sum() == 16
    assert [cell.kind for cell in got.cells] == ["glia"]
    assert any(notice.startswith("2 object(s)") for notice in got.notices)
    assert any(notice.startswith("1 point(s)") for notice in got.notices)


@pytest.mark.parametrize(
    "name",
    [
        "x.tif",
        "x_masks.tif",
        "x_cp_masks.png",
        "x_seg.npy",
        "x_RoiSet.zip",
        "x.geojson",
        "x.ome.zarr",
        "x-label.ome.tif",
    ],
)
def test_annotations_are_found_by_the_name_of_the_image(tmp_path, name):
    for file in (name, "y.tif", ".x.tif", "xx_masks.tif"):
        (tmp_path / file).touch()
    assert find_annotations(tmp_path, "x").name == name


@pytest.mark.parametrize(
    "name", ["x_Cells.tiff", "x_stardist_labels.tif", "x_masks_cp.png", "x_LblImg.tif", "x-labeled.tif", "x__mask.tif"]
)
def test_names_that_go_on_with_words_for_masks_are_found_where_nothing_else_is(tmp_path, name):
    (tmp_path / name).touch()
    assert find_annotations(tmp_path, "x").name == name
    (tmp_path / "x_masks.tif").touch()
    assert find_annotations(tmp_path, "x").name == "x_masks.tif"


def test_masks_of_another_image_are_not_taken_and_the_names_that_are_wanted_are_told(tmp_path):
    for name in ("x_cells_labels.tif", "x_1_masks.tif", "x_dapi_masks.tif"):
        (tmp_path / name).touch()
    assert find_annotations(tmp_path, "x").name == "x_cells_labels.tif"
    query = ImageQuery("x", several=True, others=frozenset({"x_cells", "x_1"}))
    with pytest.raises(ImageReadError, match=r"but x_1_masks.tif, .*; masks of it are called x.tif, x_masks.tif, "):
        find_annotations(tmp_path, query)


@pytest.mark.parametrize("version", [2, 3])
def test_labels_lie_in_the_ome_zarr_of_their_image(tmp_path, version):
    image = tmp_path / "x.zarr"
    group = zarr.open_group(image, mode="w", zarr_format=version)
    labels = np.zeros((8, 9), np.uint16)
    labels[1:4, 1:4], labels[5:7, 4:8] = 1, 2
    query = ImageQuery("x", str(image))
    with pytest.raises(ImageReadError, match="has no labels, it is an image alone"):
        read_cells(find_annotations(image, query), labels.shape, query)
    axes = [{"name": name, "type": "space"} for name in "yx"]
    scales = [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1.0, 1.0]}]}]
    for place, array in ((group, labels * 100), (group.create_group("labels").create_group("cells"), labels)):
        place.create_array("0", data=array)
        place.attrs["multiscales"] = [{"axes": axes, "datasets": scales, "version": "0.4"}]
    group["labels"].attrs["labels"] = ["cells"]
    for masks in (image, tmp_path):
        assert find_annotations(masks, query) == image
    for masks in (image, image / "labels" / "cells"):
        np.testing.assert_array_equal(read_cells(masks, labels.shape, query).labels, labels)


def test_masks_beside_their_images(tmp_path):
    for file in ("x.tif", "x_masks.tif"):
        tifffile.imwrite(tmp_path / file, np.ones((3, 3), np.uint8))
    assert find_annotations(tmp_path, "x").name == "x_masks.tif"
    with pytest.raises(ImageReadError, match="image z"):
        find_annotations(tmp_path, "z")
    with pytest.raises(ImageReadError, match="there is nothing at"):
        find_annotations(tmp_path / "absent", "x")


def test_pickles_are_not_trusted_by_protocol(tmp_path):
    (tmp_path / "a_seg.npy").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ImageReadError):
        read_cells(tmp_path / "a_seg.npy", (3, 3), "a")


# -- stacks


def square(z=None, t=0, **more):
    ring = [[1, 1], [3, 1], [3, 3], [1, 3], [1, 1]]
    plane = {} if z is None else {"plane": {"c": -1, "z": z, "t": t}}
    return {"type": "Feature", "properties": more, "geometry": {"type": "Polygon", "coordinates": [ring], **plane}}


def write_geojson(path, *features):
    path.write_text(json.dumps(features))
    return path


def write_rois(path, *positions, **more):
    rois = []
    for number, z in enumerate(positions):
        roi = ImagejRoi.frompoints([[1, 1], [3, 1], [3, 3], [1, 3]], name=str(number))
        for field, value in {"z_position": z, **more}.items():
            setattr(roi, field, value)
        rois.append(roi)
    roiwrite(path, rois, mode="w")
    return path


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
def test_label_stacks_of_others(tmp_path, dtype):
    labels = np.zeros((3, 6, 5), dtype)
    labels[:, 1:4, 1:3], labels[2, 5, 4] = 3, 9
    tifffile.imwrite(tmp_path / "a.tif", labels, photometric="minisblack", imagej=dtype != np.int32)
    np.save(tmp_path / "a_seg.npy", {"masks": labels}, allow_pickle=True)
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    group.attrs["image-label"], group.attrs["multiscales"] = {}, [{"datasets": [{"path": "0"}]}]
    group.create_array("0", shape=(1, 1, 3, 6, 5), dtype=labels.dtype)[...] = labels[None, None]
    for name in ("a.tif", "a_seg.npy", "a.zarr"):
        got = read_cells(tmp_path / name, (3, 6, 5), "a")
        np.testing.assert_array_equal(got.labels, labels)
        assert [(cell.id, cell.box) for cell in got.cells] == [(3, (1, 1, 4, 3)), (9, (5, 4, 6, 5))]
        with pytest.raises(MisfitError) as raised:
            read_cells(tmp_path / name, (6, 5), "a")
        assert raised.value.found[-3:] == (3, 6, 5)


def test_planes_that_were_written_one_by_one_are_a_stack(tmp_path):
    labels = np.arange(3 * 20, dtype=np.uint16).reshape(3, 4, 5)
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        for plane in labels:
            tiff.write(plane)
    np.testing.assert_array_equal(read_cells(tmp_path / "a.tif", (3, 4, 5), "a").labels, labels)
    with tifffile.TiffWriter(tmp_path / "sites.ome.tif") as tiff:
        for plane in labels:
            tiff.write(plane, metadata={"axes": "YX"})
    with pytest.raises(ImageValueError, match="holds 3 images"):
        read_cells(tmp_path / "sites.ome.tif", (4, 5), "a")


def test_one_of_several_labels_is_said(tmp_path):
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    for number, name in enumerate(("nuclei", "cells"), 1):
        labels = group.create_group(f"labels/{name}")
        labels.attrs["image-label"], labels.attrs["multiscales"] = {}, [{"datasets": [{"path": "0"}]}]
        labels.create_array("0", shape=(4, 5), dtype="i4")[:2] = number
    group["labels"].attrs["labels"] = ["nuclei", "cells"]
    got = read_cells(tmp_path / "a.zarr", (4, 5), "a")
    assert (got.labels[:2] == 1).all()
    assert got.notices == ("nuclei was taken of its labels, not cells; name labels/cells to take that",)
    named = find_annotations(tmp_path / "a.zarr" / "labels" / "cells", "a")
    assert (read_cells(named, (4, 5), "a").labels[:2] == 2).all()


@pytest.mark.parametrize("name", ["a.png", "a.txt", "a.json"])
def test_formats_without_z_say_so(tmp_path, name):
    Image.fromarray(np.eye(5, dtype=np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("0 0.5 0.5 0.5 0.5")
    (tmp_path / "a.json").write_text('{"images": [], "annotations": []}')
    with pytest.raises(ImageValueError, match=r"holds one plane, but.*plane:K.*OME-Zarr"):
        read_cells(tmp_path / name, (3, 5, 5), "a")


def test_areas_of_a_stack_lie_on_their_planes(tmp_path):
    known = {"metadata": {"object": "7"}}
    for path in (
        write_geojson(tmp_path / "a.geojson", square(1, **known), square(2, **known), square(None, **known)),
        write_rois(tmp_path / "a.zip", 2, 3, 1, props="object: 7\nclass: cell\n"),
    ):
        got = read_cells(path, (3, 5, 5), "a")
        assert [cell.id for cell in got.cells] == [7]
        assert (got.labels[:, 1:3, 1:3] == 7).all()
        assert got.notices == ()


@pytest.mark.parametrize("kind", ["roi", "geojson"])
def test_areas_that_name_no_cell_are_cells_of_one_plane(tmp_path, kind):
    path = (
        write_rois(tmp_path / "a.zip", 1, 3)
        if kind == "roi"
        else write_geojson(tmp_path / "a.geojson", square(0), square(2))
    )
    got = read_cells(path, (3, 5, 5), "a")
    assert [np.unique(plane).tolist() for plane in got.labels] == [[0, 1], [0], [0, 2]]
    assert got.notices == ("2 area(s) do not say which cell they belong to: each is a cell of its own plane",)


@pytest.mark.parametrize("kind", ["roi", "geojson"])
def test_areas_on_other_planes_than_the_image_has(tmp_path, kind):
    def write(*planes):
        if kind == "roi":
            return write_rois(tmp_path / "a.zip", *(0 if z is None else z + 1 for z in planes))
        return write_geojson(tmp_path / "a.geojson", *map(square, planes))

    for planes, shape, found in (((0, 4), (3, 5, 5), 5), ((0, 2), (5, 5), 3)):
        with pytest.raises(MisfitError) as raised:
            read_cells(write(*planes), shape, "a")
        assert raised.value.found == (found, 5, 5)
    with pytest.raises(MisfitError) as raised:
        read_cells(write(None, None), (3, 5, 5), "a")
    assert raised.value.found == (5, 5)
    assert len(read_cells(write(4, 4), (5, 5), "a").cells) == 1  # all on one plane, one over the other
    if kind == "roi":
        with pytest.raises(ImageValueError, match="1 of 2"):
            read_cells(write(None, 1), (3, 5, 5), "a")


def test_areas_of_several_times_are_not_mixed(tmp_path):
    rois = write_rois(tmp_path / "a.zip", 1, t_position=1)
    later = write_rois(tmp_path / "b.zip", 1, t_position=4, name="later")
    assert len(read_cells(rois, (5, 5), "a").cells) == 1
    roiwrite(tmp_path / "both.zip", [roiread(path)[0] for path in (rois, later)], mode="w")
    both = write_geojson(tmp_path / "both.geojson", square(0, 0), square(0, 3))
    for path in (tmp_path / "both.zip", both):
        with pytest.raises(ImageValueError, match="time points 1 to 4"):
            read_cells(path, (5, 5), "a")


def test_numbers_that_no_label_can_have(tmp_path):
    for value, dtype in ((-1, np.int16), (2**31, np.uint32)):
        np.save(tmp_path / "a_seg.npy", {"masks": np.full((4, 4), value, dtype)}, allow_pickle=True)
        with pytest.raises(ImageValueError, match=f"label {value}.* 1"):
            read_cells(tmp_path / "a_seg.npy", (4, 4), "a")


def test_names_with_signs_that_no_file_may_have(tmp_path):
    (tmp_path / "plate pos_3 t2_masks.tif").touch()
    assert find_annotations(tmp_path, "plate pos:3 t2").name == "plate pos_3 t2_masks.tif"


@pytest.mark.parametrize("name", ["review", "origin"])
def test_a_word_that_does_not_exist_is_refused_with_those_that_do(name: str) -> None:
    assert getattr(cell_from(1, "cell", {name: "Edited"}), name) == "edited"
    with pytest.raises(ImageValueError, match=f"object 1 has the {name} 'maybe'; known are .*edited"):
        cell_from(1, "cell", {name: "maybe"})
