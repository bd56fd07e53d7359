"""Folders of one mask per cell, as the Data Science Bowl 2018 writes them, from the command line to the cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_cellvino.core.errors import CellvinoError, ImageReadError, ImageValueError
from napari_cellvino.formats.matching import ImageQuery
from napari_cellvino.formats.reading import find_annotations, read_cells

SHAPE = (40, 50)


def put(path: Path, *, rows: slice, columns: slice, value: int = 255) -> None:
    """Write a mask with one cell."""
    mask = np.zeros(SHAPE, np.uint8)
    mask[rows, columns] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path)


@pytest.mark.parametrize("named", ["", "0a1b/masks"])
def test_one_mask_per_cell_is_read_as_its_cells(tmp_path: Path, named: str) -> None:
    """Touching cells stay two, and the pixels in both masks, which are told, go to the first."""
    image = tmp_path / "0a1b" / "images" / "0a1b.png"
    put(image, rows=slice(0, 1), columns=slice(0, 1))
    put(tmp_path / "0a1b" / "masks" / "cc.png", rows=slice(5, 15), columns=slice(5, 15))
    put(tmp_path / "0a1b" / "masks" / "dd.png", rows=slice(5, 15), columns=slice(14, 25), value=1)
    put(tmp_path / "0a1b" / "masks" / "ee.png", rows=slice(0, 0), columns=slice(0, 0))
    wanted = ImageQuery("0a1b", str(image))
    cells = read_cells(find_annotations(tmp_path / named, wanted), SHAPE, wanted)
    assert [cell.box for cell in cells.cells] == [(5, 5, 15, 15), (5, 15, 15, 25)]
    assert cells.labels is not None
    assert np.bincount(cells.labels.ravel())[1:].tolist() == [100, 100]
    told = " ".join(cells.notices)
    assert "one mask per cell (3 files)" in told
    assert "10 pixels lie in several" in told
    assert "1 of its masks" in told


def test_a_folder_per_image_holds_its_masks(tmp_path: Path) -> None:
    for name, number in (("a", 2), ("b", 1)):
        for n in range(number):
            put(tmp_path / name / f"{n}.png", rows=slice(5 + 10 * n, 12 + 10 * n), columns=slice(5, 15))
    for name, number in (("a", 2), ("b", 1)):
        assert len(read_cells(find_annotations(tmp_path, name), SHAPE, name).cells) == number


def test_what_is_no_mask_of_one_cell_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "a" / "0.png", rows=slice(5, 9), columns=slice(5, 15))
    mask = np.zeros(SHAPE, np.uint8)
    mask[3:5], mask[9:12] = 1, 2
    Image.fromarray(mask).save(tmp_path / "a" / "1.png")
    with pytest.raises(ImageValueError, match=r"has the values 0, 1, 2, and .* one mask per cell"):
        read_cells(find_annotations(tmp_path, "a"), SHAPE, "a")
    with pytest.raises(CellvinoError, match="masks of shape"):
        read_cells(tmp_path / "a", (40, 51), "a")
    (tmp_path / "none").mkdir()
    with pytest.raises(ImageReadError, match="is a folder"):
        read_cells(tmp_path / "none", SHAPE, "a")


def test_a_label_image_of_the_name_is_not_taken_for_one_cell(tmp_path: Path) -> None:
    put(tmp_path / "a" / "masks" / "a.png", rows=slice(5, 9), columns=slice(5, 15))
    assert find_annotations(tmp_path, "a").name == "a.png"
    assert find_annotations(tmp_path / "a" / "masks", "a").name == "a.png"
