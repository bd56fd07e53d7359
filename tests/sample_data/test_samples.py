"""The sample images are what their manifest says, and their script still makes them."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import ndimage as ndi

SAMPLES = Path(__file__).parents[2] / "sample_data"
SIZE_LIMIT = 5_000_000


def read_table(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


ROWS = read_table(SAMPLES / "manifest.csv")
WELLS = read_table(SAMPLES / "plate" / "plate.csv")
each_row = pytest.mark.parametrize("row", ROWS, ids=[row["truth"] for row in ROWS])


def spacing_of(path):
    """Return the spacing (um) a file states, in the order of its spatial axes."""
    with tifffile.TiffFile(path) as tif:
        if tif.ome_metadata:
            sizes = dict(re.findall(r'PhysicalSize([XYZ])="([\d.]+)"', tif.ome_metadata))
            return [float(sizes[axis]) for axis in "ZYX" if axis in sizes]
        assert tif.imagej_metadata["unit"] == "um"
        tags = tif.pages[0].tags
        in_plane = [tags[name].value[1] / tags[name].value[0] for name in ("YResolution", "XResolution")]
        return ([tif.imagej_metadata["spacing"]] if tif.series[0].ndim == 3 else []) + in_plane


@each_row
def test_image_is_as_listed(row):
    with tifffile.TiffFile(SAMPLES / row["file"]) as tif:
        series = tif.series[0]
        assert series.axes == row["axes"]
        assert "x".join(map(str, series.shape)) == row["shape"]
        assert str(series.dtype) == row["dtype"]
    assert spacing_of(SAMPLES / row["file"]) == pytest.approx([float(s) for s in row["spacing_um"].split("x")])


@each_row
def test_truth_fits_image(row):
    labels = tifffile.imread(SAMPLES / row["truth"])
    shape = tuple(int(n) for n in row["shape"].split("x"))
    assert labels.dtype == np.uint16
    assert labels.shape == shape[-labels.ndim :]
    assert spacing_of(SAMPLES / row["truth"]) == pytest.approx(
        [float(s) for s in row["spacing_um"].split("x")][-labels.ndim :]
    )


@each_row
def test_truth_is_numbered_densely_and_in_one_piece(row):
    labels = tifffile.imread(SAMPLES / row["truth"])
    assert np.array_equal(np.unique(labels), np.arange(int(row["n_objects"]) + 1))
    for number, box in enumerate(ndi.find_objects(labels), start=1):
        assert ndi.label(labels[box] == number)[1] == 1, f"object {number} is in pieces"
    if labels.ndim == 2:
        assert np.bincount(labels.ravel()).min() > 30


@pytest.mark.parametrize("row", [row for row in ROWS if row["axes"] != "YX"], ids=lambda row: row["truth"])
def test_every_fluorescent_object_is_brighter_than_background(row):
    image, labels = tifffile.imread(SAMPLES / row["file"]).astype(float), tifffile.imread(SAMPLES / row["truth"])
    seen = image[0] if row["axes"] == "CYX" else image.max(axis=0) if labels.ndim == 2 else image
    means = ndi.mean(seen, labels, np.arange(1, labels.max() + 1))
    assert means.min() > np.median(seen[labels == 0]) + 30


def test_phase_objects_are_darker_and_their_rims_brighter_than_background():
    image = tifffile.imread(SAMPLES / "phase_field.tif").astype(float)
    cells = tifffile.imread(SAMPLES / "phase_field_labels.tif") > 0
    halo = ndi.binary_dilation(cells, iterations=4) & ~ndi.binary_dilation(cells)
    background = np.median(image[~ndi.binary_dilation(cells, iterations=20)])
    assert np.median(image[cells]) < 0.95 * background
    assert background < 0.97 * np.median(image[halo])


def test_both_truths_of_the_stack_number_alike():
    seen = tifffile.imread(SAMPLES / "nuclei_stack_labels.tif")
    labels_zyx = tifffile.imread(SAMPLES / "nuclei_stack_labels_zyx.tif")
    numbers = np.arange(1, seen.max() + 1)
    shared = [(seen[(labels_zyx == number).any(axis=0)] == number).mean() for number in numbers]
    assert min(shared) > 0.5


@pytest.mark.parametrize("well", WELLS, ids=[well["well"] for well in WELLS])
def test_plate_table_counts_the_truth(well):
    labels = tifffile.imread(SAMPLES / "plate" / "labels" / f"{well['well']}_s1.tif")
    assert labels.max() == int(well["true_count"])


def test_reporter_leaves_the_nucleus_with_the_dose():
    def nuclear_ratio(well):
        gfp = tifffile.imread(SAMPLES / "plate" / f"{well}_s1.ome.tif")[1].astype(float) - 100
        nuclei = tifffile.imread(SAMPLES / "plate" / "labels" / f"{well}_s1.tif") > 0
        ring = ndi.binary_dilation(nuclei, iterations=5) & ~ndi.binary_dilation(nuclei, iterations=2)
        return np.median(gfp[nuclei]) / np.median(gfp[ring])

    ratios = {well["well"]: nuclear_ratio(well["well"]) for well in WELLS}
    for row in "AB":
        assert ratios[f"{row}01"] > 1.5 * ratios[f"{row}02"] > 1.5 * ratios[f"{row}03"]


def test_channels_are_named():
    with tifffile.TiffFile(SAMPLES / "plate" / "A01_s1.ome.tif") as tif:
        assert re.findall(r'<Channel [^>]*Name="(\w+)"', tif.ome_metadata) == ["DNA", "GFP"]
    with tifffile.TiffFile(SAMPLES / "nuclei_stack.ome.tif") as tif:
        assert re.findall(r'<Channel [^>]*Name="(\w+)"', tif.ome_metadata) == ["DNA"]


def test_everything_is_listed_and_small():
    images = {path.relative_to(SAMPLES).as_posix() for path in SAMPLES.rglob("*.tif")}
    assert images == {row[column] for row in ROWS for column in ("file", "truth")}
    files = [path for path in SAMPLES.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) < SIZE_LIMIT


def remake(out, *names):
    script = SAMPLES / "make_samples.py"
    subprocess.run([sys.executable, "-B", str(script), "--out", str(out), "--only", *names], check=True)


def test_script_remakes_a_well_byte_for_byte(tmp_path):
    remake(tmp_path, "plate/B03_s1")
    names = ("plate/B03_s1.ome.tif", "plate/labels/B03_s1.tif")
    for name in names:
        assert np.array_equal(tifffile.imread(tmp_path / name), tifffile.imread(SAMPLES / name)), name
        with tifffile.TiffFile(tmp_path / name) as made, tifffile.TiffFile(SAMPLES / name) as kept:
            assert made.pages[0].description == kept.pages[0].description
    if any((tmp_path / name).read_bytes() != (SAMPLES / name).read_bytes() for name in names):
        remake(tmp_path / "again", "plate/B03_s1")
        for name in names:
            assert (tmp_path / "again" / name).read_bytes() == (tmp_path / name).read_bytes(), name
        pytest.skip("same pixels and metadata, but this deflate library packs them into other bytes")
