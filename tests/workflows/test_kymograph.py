"""Kymographs along a cell that goes and turns, and along a line that stays."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cellvino import kymograph
from napari_cellvino.cli import main
from napari_cellvino.core.errors import OptionError


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rod of 41 px that goes down and turns by a quarter in six frames; one end of it is bright."""
    root = tmp_path_factory.mktemp("kymograph")
    y, x = np.mgrid[:100, :100]
    images, masks = [], []
    for t in range(6):
        along, across = (np.cos(n + t * np.pi / 10) for n in (0.0, np.pi / 2))
        u = (x - 50) * along - (y - 40 - 4 * t) * across
        v = (x - 50) * across + (y - 40 - 4 * t) * along
        rod = (np.abs(u) <= 20) & (np.abs(v) <= 5)
        masks.append(rod.astype(np.uint16))
        images.append((100 + 100 * rod + 800 * (rod & (u > 10))).astype(np.uint16))
    for name, frames in (("film", images), ("masks", masks)):
        (root / name).mkdir()
        for t, frame in enumerate(frames):
            tifffile.imwrite(root / name / f"t{t}.tif", frame)
    words = ["track", str(root / "film"), "--masks", str(root / "masks"), "--out", str(root) + "/out"]
    assert main([*words, "--pixel-size", "0.5"]) == 0
    return root


def test_the_line_goes_and_turns_with_the_cell(tracked: Path) -> None:
    made = kymograph(tracked / "out" / "film", track=1, out=tracked / "k.png")
    bright, middle = made.values > 700, made.values.shape[1] // 2
    assert made.values.shape == (6, 2 * round(1.2 * 41 / 2) + 1)
    ends = {int(np.flatnonzero(row).mean()) - middle for row in bright}
    assert ends in ({15}, {14, 15}, {15, 16}, {-15}, {-14, -15}, {-15, -16})  # always the same end of the cell
    np.testing.assert_allclose(bright.sum(axis=1), 10, atol=1)
    np.testing.assert_array_equal(tifffile.imread(tracked / "k.tif"), made.values)
    assert made.scale.spacing.x == 0.5  # as the film was tracked with, which its files do not say
    assert (tracked / "k.png").stat().st_size > 5_000


def test_a_line_that_stays(tracked: Path, tmp_path: Path) -> None:
    words = [
        "kymograph",
        str(tracked / "film"),
        "--line",
        "0,50,99,50",
        "--width",
        "1",
        "--out",
        str(tmp_path / "k.png"),
    ]
    assert main(words) == 0
    values = tifffile.imread(tmp_path / "k.tif")
    assert values.shape == (6, 100)
    np.testing.assert_array_equal(values[2], tifffile.imread(tracked / "film" / "t2.tif")[:, 50])


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({}, "name one of them"),
        ({"track": 7}, "no track 7"),
        ({"track": 1, "channel": 2}, "none of number 2"),
        ({"line": [(3.0, 3.0)]}, "no kymograph"),
    ],
)
def test_what_is_not_possible_is_said(tracked: Path, choices: dict[str, object], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        kymograph(tracked / "out" / "film", **choices)
