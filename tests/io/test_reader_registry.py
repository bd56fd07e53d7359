from importlib.metadata import EntryPoint

import numpy as np
import pytest
import tifffile

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.image import ArrayPlanes, Origin, Shape, Stack
from napari_cellvino.io import image_suffixes, list_images, open_source, registry
from napari_cellvino.io.reader import ImageReader, Signature, signatures
from napari_cellvino.io.scenes import Scene, SceneSource
from napari_cellvino.io.unread_formats import UNREAD_FORMATS


def open_made(path, head, overrides):
    pixels = np.full((1, 1, 1, 2, 3), head[4], np.uint8)
    scene = Scene(Shape(1, 1, 1, 2, 3), np.dtype(np.uint8), ArrayPlanes(pixels))
    return SceneSource(path, (scene,), overrides)


MADE = ImageReader("Made up", (".made",), open_made, signatures(b"MADE"))
not_a_reader = 5


@pytest.fixture
def added(monkeypatch):
    """Add readers as other packages do, by entry points."""

    def add(*values):
        points = [EntryPoint(f"r{n}", value, registry.ENTRY_POINTS) for n, value in enumerate(values)]
        monkeypatch.setattr(registry, "entry_points", lambda group: points if group == registry.ENTRY_POINTS else [])
        clear()

    def clear():
        for cached in (registry.readers, registry.image_suffixes):
            cached.cache_clear()

    yield add
    monkeypatch.undo()
    clear()


def test_a_reader_of_another_package_is_used_everywhere(tmp_path, added):
    (tmp_path / "a.made").write_bytes(b"MADE\x07")
    (tmp_path / "b.txt").write_bytes(b"MADE\x09")
    assert ".made" not in image_suffixes()
    added(f"{__name__}:MADE")
    assert ".made" in image_suffixes()
    assert [p.name for p in list_images(tmp_path)] == ["a.made"]
    assert open_source(tmp_path / "a.made").read().plane().max() == 7
    assert open_source(tmp_path / "b.txt").read().plane().max() == 9  # first bytes decide, not the suffix


def test_a_broken_reader_of_another_package_stops_nothing(added, caplog):
    added("no_such_package:reader", f"{__name__}:not_a_reader", f"{__name__}:MADE")
    assert registry.readers()[0] == MADE
    assert len(caplog.records) == 2


def test_every_reader_is_told_by_a_sign_or_a_suffix():
    for reader in registry.readers():
        assert reader.name
        assert all(s.startswith(".") and s == s.lower() for s in reader.suffixes), reader.name
        assert reader.suffixes or reader.signatures or reader.folder, reader.name


def test_every_format_that_is_not_read_is_named(tmp_path):
    for unread in UNREAD_FORMATS:
        for signature in unread.signatures or (Signature(b"\x01\x02"),):
            path = tmp_path / f"x{unread.suffixes[0]}"
            path.write_bytes(bytes(signature.offset) + signature.data + bytes(600))
            with pytest.raises(ImageReadError) as caught:
                open_source(path)
            assert unread.name in str(caught.value)
            assert unread.remedy in str(caught.value)


@pytest.mark.parametrize("name", ["a.nef", "a.DNG", "a.mrxs"])
def test_the_preview_that_a_raw_picture_or_a_slide_begins_with_is_not_read(tmp_path, name):
    tifffile.imwrite(tmp_path / name, np.ones((64, 64), np.uint16))
    with pytest.raises(ImageReadError, match="is not read here"):
        open_source(tmp_path / name)


def test_a_file_that_only_ends_like_a_format_is_told_so(tmp_path):
    path = tmp_path / "a.png"
    path.write_text("no picture")
    with pytest.raises(ImageReadError, match=r"a.png.*PNG"):
        open_source(path)


def test_origin_of_a_scene(tmp_path):
    shape = Shape(1, 1, 1, 2, 3)
    scenes = tuple(Scene(shape, np.dtype(np.uint8), ArrayPlanes(np.zeros(shape)), name=n) for n in ("a", "b"))
    source = SceneSource(tmp_path / "x.made", scenes, overrides=registry.MetadataOverrides())
    stack = source.read(source.positions[1])
    assert isinstance(stack, Stack)
    assert stack.origin == Origin(str(tmp_path / "x.made"), "b")


@pytest.mark.parametrize("name", [".zarray", ".zgroup", "zarr.json"])
def test_zarr_without_a_description_says_what_is_missing(tmp_path, name):
    folder = tmp_path / "a.zarr"
    folder.mkdir()
    (folder / name).write_text("{}")
    with pytest.raises(ImageReadError, match="without the description of OME-Zarr"):
        open_source(folder)
