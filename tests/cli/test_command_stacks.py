"""``cellvino run --z …`` on a small stack, and ``cellvino evaluate`` on what it wrote."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import tifffile

SPACING = {"PhysicalSizeX": 0.325, "PhysicalSizeY": 0.325, "PhysicalSizeZ": 1.0}


@pytest.fixture(scope="module")
def folder(samples, tmp_path_factory):
    """A corner of the sample stack, 2 time points, with its truth."""
    folder = tmp_path_factory.mktemp("stacks")
    pixels = tifffile.imread(samples / "nuclei_stack.ome.tif")[:, :160, :160]
    truth = tifffile.imread(samples / "nuclei_stack_labels_zyx.tif")[:, :160, :160]
    tifffile.imwrite(
        folder / "stack.ome.tif", np.stack([pixels, pixels[:, ::-1]]), metadata={"axes": "TZYX", **SPACING}
    )
    (folder / "truth").mkdir()
    tifffile.imwrite(folder / "truth" / "stack.tif", truth)
    return folder


@pytest.fixture(scope="module")
def joined(cellvino, folder):
    called = cellvino("run", folder / "stack.ome.tif", "--z", "3d", "--out", folder / "out")
    assert called.code == 0, called.err
    return folder / "out" / "stack"


def test_a_joined_stack_has_labels_tables_and_a_picture(joined):
    with tifffile.TiffFile(joined / "labels.tif") as tiff:
        labels, ome = tiff.asarray(), tiff.ome_metadata
    assert labels.shape == (13, 160, 160)
    assert 'PhysicalSizeZ="1.0"' in ome
    table = pd.read_csv(joined / "objects.csv")
    assert sorted(set(np.unique(labels)) - {0}) == table["id"].tolist()
    np.testing.assert_array_equal(np.bincount(labels.ravel())[1:], table["volume_px"])
    np.testing.assert_allclose(table["volume_um3"], table["volume_px"] * 0.325**2, rtol=1e-5)
    row = pd.read_csv(joined.parent / "counts.csv").iloc[0]
    assert row["count"] == len(table) > 3
    assert row["density_per_mm3"] == pytest.approx(len(table) / (13 * 160**2 * 0.325**2) * 1e9, rel=1e-4)
    content = json.loads((joined / "annotation.json").read_text())
    assert content["provenance"]["plane"] == "Channel 1, 13 planes joined in 3D, time point 1 of 2"
    assert set(content["provenance"]["recipe"]["parameters"]) >= {"z_overlap", "z_cut", "z_planes", "z_smallest"}
    assert all(len(entry["box"]) == 6 for entry in content["objects"])
    assert (joined / "qc.png").stat().st_size > 10_000


def test_3d_labels_are_scored(cellvino, folder, joined):
    out = folder / "trimmed"
    called = cellvino("run", folder / "stack.ome.tif", "--z", "3d", "--set", "z_trim=0.75", "--out", out)
    assert called.code == 0, called.err
    called = cellvino("evaluate", out, folder / "truth", "--json")
    assert called.code == 0, called.err
    assert called.json["predicted"] > 3
    assert called.json["f1_50"] > 0.5  # the sample is a widefield stack: see its README


def test_a_recipe_repeats_it_and_another_way_along_z_drops_the_joining(cellvino, folder, joined):
    recipe = joined.parent / "recipe.yaml"
    again = cellvino("run", folder / "stack.ome.tif", "--recipe", recipe, "--out", folder / "again")
    assert again.code == 0, again.err
    assert (folder / "again" / "stack" / "labels.tif").read_bytes() == (joined / "labels.tif").read_bytes()
    for z in ("mean", "focus"):
        flat = cellvino("run", folder / "stack.ome.tif", "--recipe", recipe, "--z", z, "--out", folder / z)
        assert flat.code == 0, flat.err
        assert tifffile.imread(folder / z / "stack" / "labels.tif").shape == (160, 160)


def test_what_cannot_be_joined_is_an_error(cellvino, folder, samples):
    plane = samples / "plate" / "A01_s1.ome.tif"
    called = cellvino("run", plane, "--z", "3d", "--out", folder / "flat")
    assert called.code == 1
    assert "A01_s1" in called.err
    called = cellvino("run", folder / "stack.ome.tif", "--set", "z_cut=0.5", "--out", folder / "unknown")
    assert called.code == 2
    assert "z_cut" in called.err
