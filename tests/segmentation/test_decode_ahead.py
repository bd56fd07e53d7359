"""Upper rows of a large image are decoded beside the network, only once they are there, to what all rows give."""

from __future__ import annotations

from threading import Event

import numpy as np
import pytest
import tifffile

from napari_cellvino.core import threads
from napari_cellvino.core.image import Plane
from napari_cellvino.core.progress import finish
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.engines.engine import Engine, EngineTileError
from napari_cellvino.engines.openvino import OpenVinoEngine
from napari_cellvino.model_package import find_package
from napari_cellvino.segmentation.decode_ahead import DecodingAhead
from napari_cellvino.segmentation.heads import bands, centre_offset, check_parameters
from napari_cellvino.segmentation.predict import decode, infer_maps

from .scenes import discs, grid, perfect_maps, raw_maps

SHAPE = (700, 120)
SPEC = find_package("nuclei").spec
VALUES = check_parameters(SPEC, {})


@pytest.fixture(autouse=True)
def several_threads_and_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bands, "BAND_PX", 1)
    monkeypatch.setattr(bands, "BAND_OVERLAP", 64)
    monkeypatch.setattr(threads, "_used", 2)


class FewTiles(Engine):
    """The real engine, which tells what it did, and runs no tiles larger than some."""

    def __init__(self, largest: int = 10_000) -> None:
        self.engine, self.largest, self.tiles = OpenVinoEngine(find_package("nuclei"), device="CPU"), largest, 0

    def load(self, tile):
        return self.engine.load(tile)

    def seconds(self, tile):
        return self.engine.seconds(tile)

    def infer(self, batch):
        self.tiles += 1
        if self.tiles > 1 and batch.shape[-1] > self.largest:
            raise EngineTileError("out of memory")
        return self.engine.infer(batch)


def same(one, other):
    np.testing.assert_array_equal(one.labels, other.labels)
    for name in ("id", "score", "box", "area_px", "centroid"):
        np.testing.assert_array_equal(getattr(one.objects, name), getattr(other.objects, name))


def test_rows_are_decoded_once_they_are_there_and_not_before(monkeypatch):
    whole = perfect_maps(discs(SHAPE, grid(SHAPE, 17, jitter=2, seed=1), 7))
    maps, there, begun = np.full_like(whole, np.nan), [], Event()
    decode_band = centre_offset._decode_band

    def seen(band, values):
        assert not np.isnan(band).any()
        there.append(int((~np.isnan(maps[0, :, 0])).sum()))
        begun.set()
        return decode_band(band, values)

    monkeypatch.setattr(centre_offset, "_decode_band", seen)
    ahead = DecodingAhead(SPEC, VALUES)
    with ahead.growing(maps) as reach:
        for rows in range(50, SHAPE[0] + 1, 50):
            maps[:, :rows] = whole[:, :rows]
            reach(rows)
            if rows == 400:
                assert begun.wait(20)
    found = ahead.result()
    assert there[0] <= 400  # beside the rest
    same(found, decode(raw_maps(whole), SPEC, VALUES))
    assert len(found.objects) > 100


def test_a_run_that_ends_early_leaves_nobody_waiting():
    ahead = DecodingAhead(SPEC, VALUES)

    def cancelled():
        with ahead.growing(np.zeros((3, *SHAPE), np.float16)) as reach:
            reach(100)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        cancelled()
    with pytest.raises(Exception, match=r"^$"):
        ahead._found.result(timeout=20)


def test_small_images_and_other_heads_are_decoded_afterwards(monkeypatch):
    ahead = DecodingAhead(find_package("cell-grid").spec, {})
    with ahead.growing(np.zeros((5, *SHAPE), np.float16)):
        pass
    assert ahead.result() is None
    monkeypatch.setattr(bands, "BAND_PX", 2**24)
    ahead = DecodingAhead(SPEC, VALUES)
    with ahead.growing(np.zeros((3, *SHAPE), np.float16)):
        pass
    assert ahead.result() is None


@pytest.mark.parametrize("largest", [10_000, 300], ids=["at once", "again with smaller tiles"])
def test_a_field_is_decoded_beside_its_network_as_afterwards(largest):
    pixels = np.tile(tifffile.imread(shipped_folder("sample_data") / "plate" / "A01_s1.ome.tif")[:1], (1, 5, 2))
    plane, engine, ahead = Plane(pixels, pixels), FewTiles(largest), DecodingAhead(SPEC, VALUES)
    raw = finish(infer_maps(plane, SPEC, engine, ahead=ahead))
    found = ahead.result()
    assert raw.tiles > 1
    same(found, decode(raw, SPEC, VALUES))
    assert len(found.objects) > 200


def test_a_plane_that_is_resized_is_decoded_afterwards():
    pixels = np.tile(tifffile.imread(shipped_folder("sample_data") / "plate" / "A01_s1.ome.tif")[:1], (1, 3, 1))
    ahead = DecodingAhead(SPEC, VALUES)
    finish(infer_maps(Plane(pixels, pixels), SPEC, FewTiles(), diameter_px=48, ahead=ahead))
    assert ahead.result() is None
