"""What other packages read, where they are installed: plugins of bioio and of napari, which are said by name."""

import sys
from types import ModuleType, SimpleNamespace

import npe2
import numpy as np
import pytest

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.image import Spacing
from napari_cellvino.io import open_source
from napari_cellvino.io.instrument import MissingLibraryError

PIXELS = np.arange(2 * 3 * 32 * 40, dtype=np.uint16).reshape(2, 3, 32, 40)


@pytest.fixture
def image(tmp_path):
    """A file of an instrument that nothing here knows."""
    path = tmp_path / "field 1.xyz"
    path.write_bytes(b"XYZ1" + bytes(600))
    return path


@pytest.fixture
def plugin():
    """A napari plugin that gives the layers it is told to."""
    manager, layers = npe2.PluginManager.instance(), []
    contributions = {
        "commands": [{"id": "napari-xyz.read", "title": "Read XYZ"}],
        "readers": [{"command": "napari-xyz.read", "filename_patterns": ["*.xyz"]}],
    }
    manager.register(npe2.PluginManifest(name="napari-xyz", contributions=contributions))
    manager.commands.register("napari-xyz.read", lambda path: lambda _: layers)
    yield layers
    manager.unregister("napari-xyz")


def test_a_layer_of_a_plugin(image, plugin):
    named = {"axis_labels": ("z", "y", "x"), "scale": (2, 0.5, 0.5), "units": ("µm",) * 3, "channel_axis": 0}
    plugin.append((PIXELS, named | {"name": ["DAPI", "GFP"]}, "image"))
    plugin.append((PIXELS[0] > 5, {"name": "cells"}, "labels"))
    stack = open_source(image).read()
    assert (tuple(stack.shape), stack.channels) == ((1, 2, 3, 32, 40), ("DAPI", "GFP"))
    assert stack.spacing == Spacing(2.0, 0.5, 0.5)
    np.testing.assert_array_equal(stack.plane(c=1, z=2), PIXELS[1, 2])
    assert "napari-xyz" in stack.warnings[0]


def test_layers_of_one_size_are_channels(image, plugin):
    plugin += [(PIXELS[n, 0], {"name": name}) for n, name in enumerate(("DAPI", "GFP"))]
    stack = open_source(image).read()
    assert (stack.shape.c, stack.channels) == (2, ("DAPI", "GFP"))
    np.testing.assert_array_equal(stack.plane(c=1), PIXELS[1, 0])


def test_what_a_layer_does_not_say_is_not_guessed(image, plugin):
    plugin.append((PIXELS[0], {"scale": (1, 0.5, 0.5)}))
    stack = open_source(image).read()
    assert (stack.shape.z, stack.spacing) == (3, Spacing())
    assert any("0.5 has no unit" in said for said in stack.warnings)
    assert any("3 pages" in said for said in stack.warnings)
    assert open_source(image, axes="TYX").read().shape.t == 3


def test_a_plugin_that_fails_is_no_answer(image, plugin):
    plugin.append((None,))
    with pytest.raises(ImageReadError, match="no image of a kind"):
        open_source(image)


class FakeImage:
    """An image of bioio with two scenes."""

    scenes = ("A", "B")
    dims = SimpleNamespace(order="TCZYX", T=1, C=2, Z=3, Y=32, X=40)
    dtype = np.dtype(np.uint16)
    physical_pixel_sizes = SimpleNamespace(Z=2.0, Y=0.5, X=0.5)
    channel_names = ("DAPI", "GFP")

    def __init__(self, path):
        self.scene, self.reader = "A", type("Reader", (), {"__module__": "bioio_xyz.reader"})()

    def set_scene(self, name):
        self.scene = name

    def get_image_dask_data(self, axes, T, C, Z):  # noqa: N803
        pixels = PIXELS[C, Z] + (self.scene == "B")
        return SimpleNamespace(compute=lambda: pixels)


def test_bioio_reads_what_it_has_a_plugin_for(image, monkeypatch):
    module = ModuleType("bioio")
    module.BioImage = FakeImage
    monkeypatch.setitem(sys.modules, "bioio", module)
    source = open_source(image)
    assert [position.name for position in source.positions] == ["A", "B"]
    stack = source.read(source.positions[1])
    assert (tuple(stack.shape), stack.spacing) == ((1, 2, 3, 32, 40), Spacing(2.0, 0.5, 0.5))
    assert stack.channels == ("DAPI", "GFP")
    assert "bioio-xyz" in stack.warnings[0]
    np.testing.assert_array_equal(stack.plane(c=1, z=2), PIXELS[1, 2] + 1)


def test_bioio_reads_what_our_own_library_is_missing_for(tmp_path, monkeypatch):
    path, module = tmp_path / "a.czi", ModuleType("bioio")
    path.write_bytes(b"ZISRAWFILE" + bytes(600))
    monkeypatch.setitem(sys.modules, "pylibCZIrw.czi", None)
    with pytest.raises(MissingLibraryError):
        open_source(path)
    module.BioImage = FakeImage
    monkeypatch.setitem(sys.modules, "bioio", module)
    assert open_source(path).read().channels == ("DAPI", "GFP")


def test_of_a_vsi_only_what_reads_its_image_is_asked(tmp_path, monkeypatch):
    class FakeVsi(FakeImage):
        def __init__(self, path):
            super().__init__(path)
            self.reader = type("Reader", (), {"__module__": "bioio_vsi.reader"})()

    path, module = tmp_path / "a.vsi", ModuleType("bioio")
    path.write_bytes(b"II*\0" + bytes(600))
    monkeypatch.setitem(sys.modules, "bioio", module)
    module.BioImage = FakeImage  # of another plugin, which would read the overview
    with pytest.raises(ImageReadError, match="no more than an overview"):
        open_source(path)
    module.BioImage = FakeVsi
    assert open_source(path).read().shape.z == 3
