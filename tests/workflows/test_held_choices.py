"""A channel, plane or time point that no image of a folder or plate has is told once, before anything is run."""

import numpy as np
import pytest
import tifffile

from napari_cellvino import run_folder, run_plate
from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.core.recipe import make_recipe
from napari_cellvino.io import open_source
from napari_cellvino.workflows.held_choices import check_some_hold


def write(path, *channels, planes=1):
    pixels = np.random.default_rng(0).integers(100, 200, (planes, len(channels), 32, 32)).astype(np.uint16)
    tifffile.imwrite(path, pixels, ome=True, metadata={"axes": "ZCYX", "Channel": {"Name": list(channels)}})
    return open_source(path).read()


def recipe(**choices):
    return make_recipe(choices, source="the test")


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"channel": "Tubulin"}, "a has no channel 'Tubulin'; it holds 1 DNA, 2 Actin"),
        ({"channel": "3"}, "a has no channel '3'"),
        ({"z": "plane:9"}, "a has no plane 9"),
        ({"frame": 4}, "a has no time point 4"),
        ({"frame": 0}, "--frame all has no effect"),
        ({"spots": "stack", "spot_channel": "RNA"}, "a has no channel 'RNA'"),
    ],
)
def test_what_holds_in_none_is_told_with_the_first_reason(tmp_path, choices, said):
    stacks = [write(tmp_path / f"{name}.ome.tif", "DNA", "Actin", planes=2) for name in "ab"]
    with pytest.raises(ImageValueError, match=f"none of the 2 images of x can be run as asked: .*{said}"):
        check_some_hold(stacks, recipe(**choices), "x")


def test_what_holds_in_one_is_left_to_the_others_and_no_more_are_opened(tmp_path):
    other, fits = write(tmp_path / "a.ome.tif", "RNA", "Actin"), write(tmp_path / "b.ome.tif", "DNA", "Actin")

    def opened():
        yield other
        yield ImageReadError("damaged")
        yield fits
        raise AssertionError("one more was opened")

    check_some_hold(opened(), recipe(channel="DNA"), "x")
    check_some_hold([other], recipe(channel="DNA"), "x")  # a single one fails by its name
    check_some_hold([ImageReadError("damaged")] * 2, recipe(channel="DNA"), "x")
    check_some_hold([ImageValueError("complex")] * 2, recipe(channel="DNA"), "x")  # not for what was asked


def test_a_folder_and_a_plate_are_refused_before_they_run(tmp_path):
    folder, plate = tmp_path / "folder", tmp_path / "plate"
    for place in (folder, plate):
        place.mkdir()
    for well in ("A01", "B02", "C03"):
        write(folder / f"{well}.ome.tif", "DNA", "Actin")
        for channel in ("DAPI", "GFP"):
            tifffile.imwrite(plate / f"{well}_s1_{channel}.tif", np.full((32, 32), 9, np.uint16))
    with pytest.raises(ImageValueError, match="none of the 3 images of folder"):
        run_folder(folder, tmp_path / "out", channel="Tubulin")
    with pytest.raises(ImageValueError, match="none of the 3 images of folder.*does not lie in it"):
        run_folder(folder, tmp_path / "out", region="0:90,0:90")
    with pytest.raises(ImageValueError, match="none of the 3 images of plate.*it holds 1 DAPI, 2 GFP"):
        run_plate(plate, tmp_path / "out", channel="Actin", pattern="{well}_s{field}_{channel}.tif")
    assert not (tmp_path / "out" / "counts.csv").exists()
