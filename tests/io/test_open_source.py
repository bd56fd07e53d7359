import os
import subprocess
import sys

import numpy as np
import pytest
import tifffile

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.io import Position, image_suffixes, list_images, open_source

PIXELS = np.arange(600, dtype=np.uint16).reshape(20, 30)


def test_first_bytes_decide_not_the_suffix(tmp_path):
    path = tmp_path / "image.png"
    tifffile.imwrite(path.with_suffix(".tif"), PIXELS)
    path.with_suffix(".tif").rename(path)
    source = open_source(str(path))
    assert source.path == path
    assert source.positions == (Position(),)
    stack = source.read(source.positions[0])
    assert (stack.origin.path, stack.origin.name) == (str(path), "image")
    np.testing.assert_array_equal(stack.plane(), PIXELS)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"well,count\nA01,5\n", "ends like a TIFF file and does not begin like one"),
        (bytes(range(1, 200)), "ends like a TIFF file"),
        (b"PK\x03\x04 counts.xlsx", "is a zip archive or an office document"),
        (b"%PDF-1.7", "is a PDF"),
    ],
)
def test_what_is_no_image(tmp_path, content, words):
    path = tmp_path / "counts.tif"
    path.write_bytes(content)
    with pytest.raises(ImageReadError, match=f"counts.tif {words}"):
        open_source(path)


def test_no_such_file(tmp_path):
    with pytest.raises(ImageReadError, match=r"absent\.tif"):
        open_source(tmp_path / "absent.tif")


def test_a_folder(tmp_path):
    with pytest.raises(ImageReadError, match="folder"):
        open_source(tmp_path)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="this user may read everything")
def test_permission_denied(tmp_path):
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, PIXELS)
    path.chmod(0)
    with pytest.raises(ImageReadError, match="permission denied"):
        open_source(path)


def test_list_images_counts_as_people_do(tmp_path):
    for name in ("f10.tif", "F2.TIF", "f1.ome.tiff", "a.PNG", "b.jpeg", "notes.txt", ".hidden.tif", "z.btf"):
        (tmp_path / name).touch()
    (tmp_path / "folder.tif").mkdir()
    assert [p.name for p in list_images(tmp_path)] == ["a.PNG", "b.jpeg", "f1.ome.tiff", "F2.TIF", "f10.tif", "z.btf"]
    assert all(suffix.startswith(".") for suffix in image_suffixes())


def test_masks_named_by_what_they_show_are_no_images(tmp_path):
    for name in ("a.tif", "a_nuclei_mask.tif", "a_cell_labels.png", "a_pred.tif", "a_cells.tif", "b_nuclei_mask.tif"):
        (tmp_path / name).touch()
    assert [path.name for path in list_images(tmp_path)] == ["a.tif", "a_cells.tif", "b_nuclei_mask.tif"]


def test_list_images_of_no_folder(tmp_path):
    with pytest.raises(ImageReadError, match="there is no folder"):
        list_images(tmp_path / "absent")


def test_a_damaged_file_leaves_the_terminal_quiet(tmp_path):
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, np.zeros((5, 40, 40), np.uint16), metadata=None)
    path.write_bytes(path.read_bytes()[:3000])
    code = (
        "import sys\n"
        "from napari_cellvino.core.errors import CellvinoError\n"
        "from napari_cellvino.io import open_source\n"
        "try: open_source(sys.argv[1])\n"
        "except CellvinoError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert "cut short" in done.stdout
    assert done.stderr == ""


def test_a_folder_of_many_masks_is_listed_in_steps_of_its_files(monkeypatch):
    from napari_cellvino.io import mask_names

    steps, stem = [], mask_names._stem
    monkeypatch.setattr(mask_names, "_stem", lambda name: steps.append(name) or stem(name))
    names = frozenset(f"{n}{kind}.tif" for n in range(200) for kind in ("", "_mask"))
    masks = [name for name in names if mask_names.image_of_mask(name, names) is not None]
    assert sorted(masks) == sorted(f"{n}_mask.tif" for n in range(200))
    assert len(steps) <= 5 * len(names)
