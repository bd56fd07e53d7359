"""A plane costs about a plane: bytes that this process asked of the system are counted, not seconds."""

import struct
import sys
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from instrument_files import imaris, lif

from napari_cellvino.io import open_source

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="counts bytes read with /proc and needs sparse files")
SIDE = 1024
PLANE = SIDE * SIDE * 2  # bytes


def bytes_read():
    words = Path("/proc/self/io").read_text().split()
    return int(words[words.index("rchar:") + 1])


def sparse(path, planes, **how):
    """Write a stack of zeros that takes no disk, with the number of planes in one corner of the last."""
    pixels = tifffile.memmap(path, shape=(planes, SIDE, SIDE), dtype=np.uint16, **how)
    pixels[-1, 0, 0] = planes
    pixels._mmap.close()
    return path


@on_linux
@pytest.mark.parametrize("how", [{"imagej": True}, {"bigtiff": True}, {"bigtiff": True, "metadata": None}])
def test_one_plane_of_a_gigabyte_reads_one_plane(tmp_path, how):
    path = sparse(tmp_path / "big.tif", 512, **how)
    before = bytes_read()
    stack = open_source(path).read()
    opened = bytes_read() - before
    plane = stack.plane(t=stack.shape.t - 1, c=stack.shape.c - 1, z=stack.shape.z - 1)
    assert plane[0, 0] == 512
    assert opened < 0.3 * PLANE
    assert bytes_read() - before - opened < 1.05 * PLANE


@on_linux
def test_imagej_beyond_four_gigabytes(tmp_path):
    with warnings.catch_warnings(action="ignore"):  # that only the first page is listed, as ImageJ itself does
        path = sparse(tmp_path / "big.tif", 2200, imagej=True)
    stack = open_source(path).read()
    assert stack.shape.z * stack.shape.t * stack.shape.c == 2200
    last = {"t": stack.shape.t - 1, "c": stack.shape.c - 1, "z": stack.shape.z - 1}
    assert stack.plane(**last)[0, 0] == 2200


@on_linux
def test_one_plane_of_a_compressed_stack_reads_its_page(tmp_path):
    path = tmp_path / "stack.tif"
    pixels = np.random.default_rng(2).integers(0, 255, (64, 256, 256)).astype(np.uint8)
    tifffile.imwrite(path, pixels, compression="zlib", metadata=None)
    stack = open_source(path).read()
    stack.plane()  # the decoder is imported on the way
    before = bytes_read()
    plane = stack.plane(z=40)
    assert bytes_read() - before < 1.5 * path.stat().st_size / 64
    np.testing.assert_array_equal(plane, pixels[40])


@on_linux
def test_three_colours_of_a_page_read_it_once(tmp_path):
    path = tmp_path / "colour.tif"
    pixels = np.random.default_rng(2).integers(0, 255, (512, 512, 3)).astype(np.uint8)
    for compression in (None, "zlib"):
        tifffile.imwrite(path, pixels, photometric="rgb", compression=compression)
        stack = open_source(path).read()
        before = bytes_read()
        np.testing.assert_array_equal(np.stack([stack.plane(c=c) for c in range(3)], axis=-1), pixels)
        assert bytes_read() - before < 1.1 * pixels.nbytes


@pytest.mark.parametrize("how", [{}, {"compression": "zlib"}, {"compression": "zlib", "tile": (64, 64)}])
def test_threads_may_share_a_stack(tmp_path, how):
    pixels = np.random.default_rng(2).integers(0, 255, (6, 128, 128)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "stack.tif", pixels, **how)
    stack = open_source(tmp_path / "stack.tif").read()
    wanted = [n % 6 for n in range(120)]
    with ThreadPoolExecutor(6) as pool:
        planes = list(pool.map(lambda z: stack.plane(z=z), wanted))
    np.testing.assert_array_equal(planes, pixels[wanted])


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_threads_may_share_the_colours_of_pages(tmp_path, compression):
    pixels = np.random.default_rng(2).integers(0, 255, (3, 64, 64, 3)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "stack.tif", pixels, photometric="rgb", compression=compression)
    stack = open_source(tmp_path / "stack.tif").read()
    wanted = [(n % 3, n * 7 % 3) for n in range(120)]
    with ThreadPoolExecutor(6) as pool:
        planes = list(pool.map(lambda zc: stack.plane(z=zc[0], c=zc[1]), wanted))
    np.testing.assert_array_equal(planes, [pixels[z, :, :, c] for z, c in wanted])


def test_threads_may_share_the_positions_of_a_file(tmp_path):
    fields = np.random.default_rng(2).integers(0, 255, (2, 8, 64, 64)).astype(np.uint8)
    with tifffile.TiffWriter(tmp_path / "fields.ome.tif", ome=True) as writer:
        for pixels in fields:
            writer.write(pixels, compression="zlib", metadata={"axes": "ZYX"})
    source = open_source(tmp_path / "fields.ome.tif")
    stacks = [source.read(position) for position in source.positions]
    wanted = [(n % 2, n * 3 % 8) for n in range(400)]
    with ThreadPoolExecutor(6) as pool:
        planes = list(pool.map(lambda nz: stacks[nz[0]].plane(z=nz[1]), wanted))
    np.testing.assert_array_equal(planes, [fields[n, z] for n, z in wanted])


@on_linux
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_no_file_stays_open(tmp_path, compression):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, np.zeros((5, 64, 64), np.uint16), compression=compression)

    def held():
        return [fd for fd in Path("/proc/self/fd").iterdir() if fd.exists() and fd.resolve() == path]

    stack = open_source(path).read()
    assert not held()
    stack.plane()
    assert not held()
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(OSError, match=r"cut short|damaged"):
        [stack.plane(t=t, c=c, z=z) for t, c, z in np.ndindex(*stack.shape[:3])]
    assert not held()


@on_linux
def test_a_czi_opens_by_its_directory_and_a_plane_costs_a_plane(tmp_path):
    czi = pytest.importorskip("pylibCZIrw.czi")
    path, nbytes = tmp_path / "a.czi", 2 * 512 * 512
    with czi.create_czi(str(path)) as file:
        for z in range(40):
            file.write(data=np.full((512, 512, 1), z + 1, np.uint16), plane={"Z": z, "C": 0, "T": 0})
    before = bytes_read()
    stack = open_source(path).read()
    assert bytes_read() - before < 0.005 * 40 * nbytes
    before = bytes_read()
    assert stack.plane(z=30).max() == 31
    assert bytes_read() - before < 1.05 * nbytes


@on_linux
def test_a_czi_of_five_gigabytes_opens_by_its_directory(tmp_path):
    czi = pytest.importorskip("pylibCZIrw.czi")
    with czi.create_czi(str(tmp_path / "small.czi")) as file:
        for z in range(3):
            file.write(data=np.full((64, 64, 1), z + 1, np.uint16), plane={"Z": z, "C": 0, "T": 0})
    small, far = bytearray((tmp_path / "small.czi").read_bytes()), 5 * 2**30
    moved = b""
    for place in (84, 92):  # in the header: where the directory and the metadata lie
        begin = struct.unpack_from("<Q", small, place)[0]
        struct.pack_into("<Q", small, place, far + len(moved))
        moved += small[begin : begin + 32 + struct.unpack_from("<Q", small, begin + 16)[0]]
    with (tmp_path / "a.czi").open("wb") as file:
        file.write(small)
        file.seek(far)
        file.write(moved)
    before = bytes_read()
    stack = open_source(tmp_path / "a.czi").read()
    assert (stack.shape.z, bytes_read() - before < 2 * len(small)) == (3, True)
    before = bytes_read()
    assert stack.plane(z=2).max() == 3
    assert bytes_read() - before < 2 * 64 * 64 * 2


def written_lif(path, pixels):
    lif(path, pixels, ("Green", "Blue"))


def written_zarr(path, pixels):
    group = zarr.open_group(path, mode="w", zarr_format=2)
    group.create_array("0", data=pixels, chunks=(1, 1, *pixels.shape[2:]), compressors=None)
    axes = [{"name": "c", "type": "channel"}, *({"name": a, "type": "space"} for a in "zyx")]
    datasets = [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1.0] * 4}]}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]


def written_ims(path, pixels):
    imaris(path, pixels[None], chunks=(1, *pixels.shape[2:]))


def written_ome_tiff(path, pixels):
    tifffile.imwrite(path, pixels, ome=True, metadata={"axes": "CZYX"})


@on_linux
@pytest.mark.parametrize(
    ("name", "write"),
    [("a.lif", written_lif), ("a.zarr", written_zarr), ("a.ims", written_ims), ("a.ome.tif", written_ome_tiff)],
)
def test_opening_reads_metadata_and_a_plane_costs_a_plane(tmp_path, name, write):
    pixels = np.random.default_rng(3).integers(0, 9999, (2, 20, 256, 256)).astype(np.uint16)
    write(tmp_path / name, pixels)
    open_source(tmp_path / name).read().plane()  # what is imported on the way is read once
    nbytes, before = pixels[0, 0].nbytes, bytes_read()
    stack = open_source(tmp_path / name).read()
    assert bytes_read() - before < 0.5 * nbytes
    before = bytes_read()
    plane = stack.plane(c=1, z=17)
    assert bytes_read() - before < 1.3 * nbytes
    np.testing.assert_array_equal(plane, pixels[1, 17])


@on_linux
def test_an_nd2_of_five_gigabytes_opens_by_its_directory(shared_data, tmp_path):
    with zipfile.ZipFile(shared_data / "instrument_files" / "instrument_files.zip") as archive:
        small = archive.read("nd2/pims_cluster.nd2")
    directory, far = struct.unpack("<Q", small[-8:])[0], 5 * 2**30
    with (tmp_path / "a.nd2").open("wb") as file:  # a hole between the planes and the directory at the end
        file.write(small[:directory])
        file.seek(far)
        file.write(small[directory:-8] + struct.pack("<Q", far))
    before = bytes_read()
    stack = open_source(tmp_path / "a.nd2").read()
    assert tuple(stack.shape) == (3, 2, 10, 31, 38)
    assert bytes_read() - before < len(small)
    before = bytes_read()
    assert stack.plane(t=2, c=1, z=9).shape == (31, 38)
    assert bytes_read() - before < 0.2 * len(small)
