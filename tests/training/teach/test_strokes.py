"""Stroke files: which image they belong to, what they must look like, and what they say pixel by pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cellvino.core.errors import TrainingDataError
from napari_cellvino.training.teach.painted import check_painted, painted, typical_diameter
from napari_cellvino.training.teach.strokes import Strokes, match_stroke_files, read_strokes, write_strokes
from napari_cellvino.training.teach.taught_graph import BACKGROUND, BETWEEN, CELL

IMAGES = [Path("one.ome.tif"), Path("two.tif")]
SHAPE = (1, 8, 9)


def save(folder: Path, name: str, pixels: np.ndarray) -> None:
    folder.mkdir(exist_ok=True)
    tifffile.imwrite(folder / name, pixels)


def test_files_belong_to_the_image_of_their_stem(tmp_path: Path) -> None:
    save(tmp_path, "one.tif", np.ones((8, 9), np.uint8))
    save(tmp_path, "two_cells.tif", np.ones((8, 9), np.uint16))
    one, two = match_stroke_files(IMAGES, tmp_path)
    assert (one.image, one.cells) == (IMAGES[0], None)
    assert (two.kinds, two.cells) == (None, tmp_path / "two_cells.tif")
    assert read_strokes(one, SHAPE).kinds.sum() == 72


def test_strokes_without_an_image_are_a_fault(tmp_path: Path) -> None:
    save(tmp_path, "three.tif", np.ones((8, 9), np.uint8))
    with pytest.raises(TrainingDataError, match="three"):
        match_stroke_files(IMAGES, tmp_path)


@pytest.mark.parametrize("made", [False, True])
def test_a_folder_without_strokes_is_a_fault(tmp_path: Path, made: bool) -> None:
    folder = tmp_path / "strokes"
    if made:
        folder.mkdir()
    with pytest.raises(TrainingDataError, match="strokes"):
        match_stroke_files(IMAGES, folder)


@pytest.mark.parametrize(
    "pixels", [np.ones((8, 10), np.uint8), np.ones((2, 8, 9), np.uint8), np.full((8, 9), 300, np.uint16)]
)
def test_strokes_off_the_image_or_of_no_kind_are_a_fault(tmp_path: Path, pixels: np.ndarray) -> None:
    save(tmp_path, "one.tif", pixels)
    with pytest.raises(TrainingDataError):
        read_strokes(match_stroke_files(IMAGES, tmp_path)[0], SHAPE)


def test_written_strokes_are_read_again(tmp_path: Path) -> None:
    strokes = Strokes(np.arange(72, dtype=np.uint8).reshape(8, 9) % 5, np.eye(8, 9, dtype=np.int32))
    write_strokes(tmp_path, "one", strokes)
    found = read_strokes(match_stroke_files(IMAGES, tmp_path)[0], SHAPE)
    np.testing.assert_array_equal(found.kinds, strokes.kinds)
    np.testing.assert_array_equal(found.cells, strokes.cells)


def test_each_line_is_a_stroke_with_its_kind_and_class() -> None:
    kinds = np.zeros((9, 12), np.uint8)
    kinds[1, 1:4], kinds[3, 1:4], kinds[5, 1:4], kinds[7, 1:4], kinds[7, 6:9] = 1, 2, 3, 5, 5
    found = painted(Strokes(kinds))
    assert [found.count(kind) for kind in (CELL, BACKGROUND, BETWEEN)] == [3, 1, 1]
    assert sorted(set(found.classes[found.kinds == CELL].tolist())) == [-1, 1]
    assert Strokes(kinds).classes == 2


def test_outlined_cells_say_their_insides_and_where_they_touch() -> None:
    cells = np.zeros((20, 30), np.int32)
    cells[4:16, 3:13], cells[4:16, 13:25], cells[18, 28] = 1, 2, 3
    found = painted(Strokes(np.zeros(cells.shape, np.uint8), cells))
    inside, touching = found.yx[found.kinds == CELL], found.yx[found.kinds == BETWEEN]
    assert set(np.unique(cells[tuple(inside.T)])) == {1, 2}
    assert not ({3, 12, 13, 24} & set(inside[:, 1].tolist()))
    assert set(touching[:, 1].tolist()) == {12, 13}
    assert typical_diameter([cells]) == pytest.approx(np.sqrt(4 / np.pi * 120))
    with pytest.raises(TrainingDataError, match="background"):
        check_painted(found)


@pytest.mark.parametrize("value", [0, 1, 2, 3, 4])
def test_one_kind_alone_teaches_nothing(value: int) -> None:
    with pytest.raises(TrainingDataError):
        check_painted(painted(Strokes(np.full((4, 4), value, np.uint8))))
