"""Labels, axes and scale survive, in the same bytes each time, and other programs can read them."""

import time

import numpy as np
import pytest
import tifffile

from napari_cellvino.core.errors import ImageReadError, ImageValueError
from napari_cellvino.core.image import Spacing
from napari_cellvino.io.label_tiff import read_labels, write_labels
from napari_cellvino.storage import large_arrays


def labels_of(shape, high, dtype=np.int64):
    labels = np.random.default_rng(0).integers(0, high + 1, shape).astype(dtype)
    labels.flat[-1] = high
    return labels


@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (3, 40, 30), (5, 1, 4)])
@pytest.mark.parametrize(("high", "stored"), [(0, "u2"), (65535, "u2"), (65536, "u4"), (4294967295, "u4")])
def test_round_trip(tmp_path, shape, high, stored):
    labels = labels_of(shape, high)
    spacing = Spacing(2.5, 0.325, 0.65)
    write_labels(tmp_path / "a.ome.tif", labels, spacing)
    read, scale = read_labels(tmp_path / "a.ome.tif")
    np.testing.assert_array_equal(read, labels)
    assert read.dtype == stored
    assert scale == Spacing(2.5 if len(shape) == 3 else None, 0.325, 0.65)


def test_same_bytes_each_time(tmp_path):
    labels = labels_of((3, 40, 30), 70_000)
    for name in ("a.ome.tif", "b.ome.tif"):
        write_labels(tmp_path / name, labels, Spacing(1, 0.5, 0.5))
        time.sleep(1.1)
    assert (tmp_path / "a.ome.tif").read_bytes() == (tmp_path / "b.ome.tif").read_bytes()


@pytest.mark.parametrize("shape", [(40, 30), (3, 40, 30), (3, 140_000)])
def test_bytes_are_those_that_tifffile_writes_of_the_whole(tmp_path, monkeypatch, shape):
    """Large images are converted and compressed strip by strip: in many bands here."""
    labels = labels_of(shape, 9, np.int32)
    monkeypatch.setattr(large_arrays, "BAND_BYTES", 500)
    write_labels(tmp_path / "a.ome.tif", labels, Spacing(1, 0.5, 0.5))
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tiff:
        uuid = tiff.ome_metadata.split('UUID="urn:uuid:')[1][:36]
    sizes = {f"PhysicalSize{axis}": size for axis, size in (("X", 0.5), ("Y", 0.5), ("Z", 1))[: len(shape)]}
    units = {f"{name}Unit": "µm" for name in sizes}
    said = {"axes": "ZYX"[-len(shape) :], "Creator": "napari-cellvino", "UUID": uuid, **sizes, **units}
    how = {"ome": True, "photometric": "minisblack", "compression": "zlib", "software": "napari-cellvino"}
    scale = {"resolution": (20_000, 20_000), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(tmp_path / "b.ome.tif", labels.astype(np.uint16), metadata=said, **how, **scale)
    assert (tmp_path / "a.ome.tif").read_bytes() == (tmp_path / "b.ome.tif").read_bytes()


def test_other_content_has_another_identifier(tmp_path):
    for name, high in (("a", 3), ("b", 4)):
        write_labels(tmp_path / name, labels_of((4, 4), high), Spacing())
    xml = [tifffile.TiffFile(tmp_path / name) for name in "ab"]
    with xml[0] as a, xml[1] as b:
        assert a.ome_metadata.split("UUID=")[1][:50] != b.ome_metadata.split("UUID=")[1][:50]


def test_what_other_readers_see(tmp_path):
    write_labels(tmp_path / "a.ome.tif", labels_of((3, 40, 30), 9), Spacing(2, 0.5, 0.25))
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tiff:
        series = tiff.series[0]
        assert (series.axes, series.shape, tiff.is_ome) == ("ZYX", (3, 40, 30), True)
        page = tiff.pages.first
        assert page.compression == tifffile.COMPRESSION.ADOBE_DEFLATE
        assert page.get_resolution("MICROMETER") == pytest.approx((4, 2))
        assert 'PhysicalSizeX="0.25"' in tiff.ome_metadata


def test_unknown_scale_stays_unknown(tmp_path):
    write_labels(tmp_path / "a.tif", labels_of((4, 4), 3), Spacing())
    assert read_labels(tmp_path / "a.tif")[1] == Spacing()


def test_reads_labels_of_other_programs(tmp_path):
    labels = labels_of((6, 5), 200, np.uint8)
    tifffile.imwrite(tmp_path / "plain.tif", labels)
    tifffile.imwrite(
        tmp_path / "nm.ome.tif", labels, metadata={"axes": "YX", "PhysicalSizeX": 250.0, "PhysicalSizeXUnit": "nm"}
    )
    read, scale = read_labels(tmp_path / "plain.tif")
    np.testing.assert_array_equal(read, labels)
    assert scale == Spacing()
    assert read_labels(tmp_path / "nm.ome.tif")[1] == Spacing(None, None, 0.25)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.full((2, 2), -1), "label -1"),
        (np.full((2, 2), 2**32), "label 4294967296"),
        (np.zeros((2, 2)), "whole numbers"),
        (np.zeros((2, 2, 2, 2), int), "neither"),
        (np.zeros((0, 2), int), "neither"),
    ],
)
def test_what_is_no_label_image(tmp_path, labels, words):
    with pytest.raises(ImageValueError, match=words):
        write_labels(tmp_path / "a.tif", labels, Spacing())
    assert not (tmp_path / "a.tif").exists()


@pytest.mark.parametrize("kept", [4, 8, 20, 300, 0.5])
def test_broken_file(tmp_path, kept):
    target = tmp_path / "a.tif"
    write_labels(target, labels_of((300, 200), 9), Spacing())
    content = target.read_bytes()
    target.write_bytes(content[: kept if kept > 1 else int(kept * len(content))])
    with pytest.raises(ImageReadError, match=r"a\.tif cannot be read"):
        read_labels(target)


def test_absent_file(tmp_path):
    with pytest.raises(ImageReadError, match="there is no file"):
        read_labels(tmp_path / "absent.tif")
