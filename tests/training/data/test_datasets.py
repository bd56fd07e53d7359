from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cellvino.core.errors import TrainingDataError
from napari_cellvino.training.data.datasets import read_packed_set


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


def test_no_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match=r"no manifest\.csv"):
        list(read_packed_set(tmp_path, "train"))


def test_the_public_splits_are_those_of_the_card(shared_data: Path) -> None:
    sizes = {
        name: [len(list(read_packed_set(shared_data / name, split, keep=keep))) for split in ("train", "val")]
        for name, keep in (("dsb2018", lambda row: row["type"] == "fluorescence"), ("bbbc039", lambda row: True))
    }
    assert sizes == {"dsb2018": [421, 60], "bbbc039": [64, 36]}
