"""Copies of images in their folder are told: each is counted again."""

import pytest

from napari_cellvino.io.folder_copies import describe_copies


@pytest.mark.parametrize(
    "name",
    ["a (1).ome.tif", "a - Copy.ome.tif", "a copy.ome.tif", "a copy 2.ome.tif", "Copy of a.ome.tif",
     "a - Kopie (2).ome.tif", "Copie de a.ome.tif", "A(1).OME.TIF", "a_copy.ome.tif"],
)  # fmt: skip
def test_a_copy_is_named(tmp_path, name):
    paths = [tmp_path / "a.ome.tif", tmp_path / name, tmp_path / "b.ome.tif"]
    for path in paths:
        path.write_bytes(b"the same")
    (said,) = describe_copies(paths)
    assert said.startswith(f"{name} is a copy of another image")


def test_files_that_are_only_called_so_are_none(tmp_path):
    names = ["a.tif", "a (1).tif", "b (1).tif", "copy.tif", "x_copy.tif", "photocopy.tif"]
    for number, name in enumerate(names):
        (tmp_path / name).write_bytes(bytes([number]) * 9)
    assert describe_copies([tmp_path / name for name in names]) == ()
    (tmp_path / "a (1).tif").write_bytes(bytes(9))
    assert len(describe_copies([tmp_path / name for name in names])) == 1
