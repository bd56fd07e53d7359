from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_cellvino.core.errors import TrainingDataError
from napari_cellvino.training.data.datasets import read_packed_set, read_set


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    (tmp_path / "manifest.csv").write_text("id,split,type\na,train,x\nb,val,x\nc,train,y\nelsewhere,train,x\n")
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for number, name in enumerate("abc"):
            for kind in ("images", "labels"):
                file = io.BytesIO()
                tifffile.imwrite(file, np.full((4, 5), number, np.uint16))
                archive.writestr(f"{kind}/{name}.tif", file.getvalue())
    return tmp_path


def test_a_split_is_read_from_the_archives(packed: Path) -> None:
    fields = list(read_packed_set(packed, "train"))
    assert [f.id for f in fields] == ["a", "c"]
    assert fields[1].image.max() == 2
    assert fields[0].source == packed.name
    assert [f.id for f in read_packed_set(packed, "train", keep=lambda row: row["type"] == "y")] == ["c"]


def test_pictures_in_jpeg_have_their_boxes_in_a_table_of_the_archive(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("id,split\na,train\n")
    file = io.BytesIO()
    Image.new("RGB", (5, 4), (200, 10, 10)).save(file, "JPEG")
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("images/a.jpg", file.getvalue())
        archive.writestr("boxes.csv", "image,label,y0,x0,y1,x1\na,RBC,0,1,2,4\na,WBC,3,3,3,4\na,WBC,1,1,3,4\n")
    (field,) = read_set(tmp_path, "train")
    assert field.image.shape == (4, 5, 3)
    assert field.true_boxes().classes == ("RBC", "WBC")  # the box of no height is none
    np.testing.assert_array_equal(field.true_boxes().yxyx, [[0, 1, 2, 4], [1, 1, 3, 4]])


def test_no_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match=r"no manifest\.csv"):
        list(read_packed_set(tmp_path, "train"))


def test_the_public_splits_are_those_of_the_card(shared_data: Path) -> None:
    sizes = {
        name: [len(list(read_packed_set(shared_data / name, split, keep=keep))) for split in ("train", "val")]
        for name, keep in (("dsb2018", lambda row: row["type"] == "fluorescence"), ("bbbc039", lambda row: True))
    }
    assert sizes == {"dsb2018": [421, 60], "bbbc039": [64, 36]}


# -- the truth of a set is checked as masks that are imported are


def write_set(folder: Path, labels: np.ndarray) -> Path:
    for kind, pixels in (("images", np.zeros((40, 60), np.uint16)), ("labels", labels)):
        (folder / kind).mkdir(exist_ok=True)
        for name in "ab":
            tifffile.imwrite(folder / kind / f"{name}.tif", pixels)
    return folder


def cells() -> np.ndarray:
    labels = np.zeros((40, 60), np.uint16)
    labels[4:10, 4:10], labels[4:10, 30:40], labels[20:30, 12:20] = 1, 2, 3
    return labels


@pytest.mark.parametrize("value", [1, 255])
def test_binary_masks_are_no_truth(tmp_path: Path, value: int) -> None:
    folder = write_set(tmp_path, ((cells() > 0) * value).astype(np.uint8))
    with pytest.raises(TrainingDataError, match=r"binary mask.*3 connected parts.*cellvino import"):
        read_set(folder)


def test_a_background_that_is_not_0_is_no_truth(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match=r"the value 1.*background"):
        read_set(write_set(tmp_path, cells() + 1))


def test_fractions_are_no_truth_and_whole_floats_are(tmp_path: Path) -> None:
    (field, _) = read_set(write_set(tmp_path, cells().astype(np.float32)))
    np.testing.assert_array_equal(field.true_labels(), cells())
    with pytest.raises(TrainingDataError, match="whole numbers"):
        read_set(write_set(tmp_path, cells() / 2))


def test_a_field_with_one_cell_is_truth(tmp_path: Path) -> None:
    (field, _) = read_set(write_set(tmp_path, np.where(cells() == 3, 3, 0).astype(np.uint16)))
    assert np.unique(field.true_labels()).tolist() == [0, 3]


def test_boxes_that_hold_nothing_are_no_truth(tmp_path: Path) -> None:
    folder = write_set(tmp_path, cells())
    (folder / "boxes").mkdir()
    (folder / "boxes" / "a.csv").write_text("class,y0,x0,y1,x1\ncell,4,4,4,9\n")
    with pytest.raises(TrainingDataError, match="holds nothing"):
        read_set(folder)
