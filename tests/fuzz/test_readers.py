"""Every reader of images and plates, on damaged files: the product's own errors, no hang, no memory beyond bounds."""

from __future__ import annotations

import re
import shutil
import zipfile

import numpy as np
import pytest
import tifffile
import zarr
from instrument_files import lsm, micromanager, stk
from PIL import Image

from napari_cellvino.io import open_source
from napari_cellvino.io.plates import open_plate
from tests.io.plates.test_indexed_plates import incell, scanr
from tests.io.test_instruments import czi, deltavision, imaris, lif
from tests.io.test_leica_and_old_nikon import lof, old_nd2
from tests.io.test_slides import FULL, ndpi, scn, svs
from tests.zarr_plates import image

from .mutants import MOST_MEMORY, check_only_own_errors, highest_memory, mutant, seeds

PER_KIND = 40
PIXELS = np.random.default_rng(5).integers(0, 4000, (3, 24, 32)).astype(np.uint16)
MOST_PLANES = 4


def tiff(**how):
    return lambda path: tifffile.imwrite(path, PIXELS, photometric="minisblack", **how)


def companion(path):
    tifffile.imwrite(path.with_name("a.ome.tif"), PIXELS, photometric="minisblack", ome=True)
    with tifffile.TiffFile(path.with_name("a.ome.tif")) as tif:
        said = '<TiffData IFD="0" PlaneCount="3"><UUID FileName="a.ome.tif">urn:uuid:1</UUID></TiffData>'
        path.write_text(re.sub("<TiffData[^>]*(/>|></TiffData>)", said, tif.ome_metadata))


def _micromanager(path):
    micromanager(path.parent, PIXELS[None, None, :, None].repeat(2, 3), ("Pos0",))
    path.with_name("a_1_MMStack_Pos0.ome.tif").rename(path)


SAMPLES = {
    "bare.tif": tiff(metadata=None),
    "imagej.tif": tiff(imagej=True, resolution=(2, 2), metadata={"unit": "um", "spacing": 2.0}),
    "a.ome.tif": tiff(ome=True, metadata={"axes": "ZYX", "PhysicalSizeX": 0.5}, compression="zlib"),
    "tiles.tif": tiff(compression="lzw", tile=(16, 16)),
    "big.tif": tiff(bigtiff=True, compression="zstd"),
    "a.png": lambda path: Image.fromarray(PIXELS[0]).save(path),
    "a.jpg": lambda path: Image.fromarray((PIXELS[0] // 16).astype(np.uint8)).save(path),
    "a.companion.ome": companion,
    "a.dv": lambda path: deltavision(path, PIXELS[None, None], 0),
    "a.ims": lambda path: imaris(path, PIXELS[None, None]),
    "a.lif": lambda path: lif(path, PIXELS[None], ("Green",)),
    "a.lof": lof,
    "a.czi": lambda path: czi(path, [(0, t, c, z) for t, c, z in np.ndindex(2, 2, 2)]),
    "a.lsm": lambda path: lsm(path, PIXELS[:, None].repeat(2, 1)),
    "a.stk": lambda path: stk(path, PIXELS),
    "a_MMStack.ome.tif": _micromanager,
    "old.nd2": lambda path: old_nd2(path, PIXELS[:, None]),
    "a.svs": svs,
    "a.scn": lambda path: scn(path, FULL),
    "a.ndpi": lambda path: ndpi(path, [(FULL, 20.0), (FULL[::4, ::4].copy(), 5.0)], 0.5),
}


def read_all(path):
    """Read some planes of each position of a file."""
    source = open_source(path)
    for position in source.positions[:MOST_PLANES]:
        stack = source.read(position)
        for z in range(min(stack.shape.z, MOST_PLANES)):
            assert stack.plane(z=z).shape == stack.shape[-2:]


@pytest.mark.parametrize("name", SAMPLES)
def test_mutants_of_images(tmp_path, name):
    sample = tmp_path / name
    SAMPLES[name](sample)
    read_all(sample)
    content, before = sample.read_bytes(), highest_memory()
    for seed in seeds(name, PER_KIND):
        sample.write_bytes(mutant(content, seed))
        check_only_own_errors(lambda: read_all(sample), f"{name}, seed {seed}")
    assert highest_memory() - before < MOST_MEMORY


@pytest.mark.parametrize("form", [2, 3])
def test_mutants_of_zarr_images(tmp_path, form):
    whole = tmp_path / "whole.zarr"
    root = zarr.open_group(whole, mode="w", zarr_format=form)
    said = image(PIXELS[None], "0.5" if form == 3 else "0.4")
    root.attrs.update({"ome": said} if form == 3 else said)
    root.create_array("0", data=PIXELS[None], chunks=(1, 1, 24, 32))
    read_all(whole)
    files = sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file())
    for seed in seeds(f"zarr {form}", PER_KIND):
        damaged = tmp_path / "a.zarr"
        shutil.copytree(whole, damaged)
        hit = damaged / files[seed % len(files)]
        hit.write_bytes(mutant(hit.read_bytes(), seed))
        check_only_own_errors(lambda path=damaged: read_all(path), f"zarr {form}, seed {seed}")
        shutil.rmtree(damaged)


SHARED = ["czi/nuc_small_new_red.czi", "nd2/pims_cluster.nd2", "oib/test.oib"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # libraries leave damaged files open
@pytest.mark.parametrize("name", SHARED)
def test_mutants_of_instruments_files(shared_data, tmp_path, name):
    with zipfile.ZipFile(shared_data / "instrument_files" / "instrument_files.zip") as archive:
        content = archive.read(name)
    damaged, before = tmp_path / name.replace("/", " "), highest_memory()
    for seed in seeds(name, PER_KIND // 4):
        damaged.write_bytes(mutant(content, seed))
        check_only_own_errors(lambda: read_all(damaged), f"{name}, seed {seed}")
    assert highest_memory() - before < MOST_MEMORY


INDEXES = {
    "imagexpress_exported/9987_Plate_3435": "*.[hH][tT][dD]",
    "operetta_harmony": "Images/Index.idx.xml",
    "yokogawa_cv8000/CV8000-Minimal-DataSet-2C-3W-4S-FP2-stack_20230918_135839": "MeasurementData.mlf",
}


@pytest.mark.parametrize("name", INDEXES)
def test_mutants_of_indexes_of_plates(hcs_folders, tmp_path, name):
    folder = tmp_path / "plate"
    shutil.copytree(hcs_folders / name, folder)
    check_index(next(folder.rglob(INDEXES[name])), name)


WRITTEN = {"*.xdce": incell, "*.xml": lambda folder: scanr(folder, (1, 25), 16, 24)}


@pytest.mark.parametrize("kind", WRITTEN)
def test_mutants_of_indexes_that_are_written_here(tmp_path, kind):
    WRITTEN[kind](tmp_path)
    check_index(next(tmp_path.glob(kind)), kind)


def check_index(index, name):
    """Open a plate by mutants of its index."""
    content = index.read_bytes()

    def read():
        source = open_plate(index)
        source.read(source.positions[0]).plane()

    read()
    for seed in seeds(name, PER_KIND // 2):
        index.write_bytes(mutant(content, seed))
        check_only_own_errors(read, f"{index.name}, seed {seed}")
