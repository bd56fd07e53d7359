"""Files of others: what is broken or dangerous is refused in words, what overlaps is said."""

import json
import pickle

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_cellvino.errors import CellvinoError, ImageReadError, ImageValueError
from napari_cellvino.export.reading import find_annotations, read_cells


class Evil:
    def __reduce__(self):
        return (print, ("code was run",))


@pytest.mark.parametrize("content", [Evil(), {"masks": np.ones((3, 3), int), "x": Evil()}, np.float64], ids=str)
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


def test_masks_beside_their_images(tmp_path):
    for file in ("x.tif", "x_masks.tif"):
        tifffile.imwrite(tmp_path / file, np.ones((3, 3), np.uint8))
    assert find_annotations(tmp_path, "x").name == "x_masks.tif"
    with pytest.raises(ImageReadError, match="holds nothing for the image z"):
        find_annotations(tmp_path, "z")
    with pytest.raises(ImageReadError, match="there is nothing at"):
        find_annotations(tmp_path / "absent", "x")


def test_pickles_are_not_trusted_by_protocol(tmp_path):
    (tmp_path / "a_seg.npy").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ImageReadError):
        read_cells(tmp_path / "a_seg.npy", (3, 3), "a")
