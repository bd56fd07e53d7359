from __future__ import annotations

from pathlib import Path

import napari
import numpy as np
import pytest
from npe2 import PluginManifest
from pytestqt.qtbot import QtBot

import napari_cellvino
from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.gui.shell import samples

MANIFEST = Path(napari_cellvino.__file__).with_name("napari.yaml")


def test_everything_named_can_be_imported() -> None:
    manifest = PluginManifest.from_file(MANIFEST)
    manifest.validate_imports()
    commands = {command.id for command in manifest.contributions.commands or ()}
    used = {item.command for item in manifest.contributions.widgets or ()}
    used |= {item.command for item in manifest.contributions.sample_data or ()}
    assert commands == used


def test_menus_are_napari_s() -> None:
    from napari._app_model.constants import MenuId

    known = {menu.value for menu in MenuId.contributables()}
    assert set(PluginManifest.from_file(MANIFEST).contributions.menus) <= known


@pytest.mark.parametrize("key", ["nuclei_stack", "plate_well", "treated_well", "phase_field"])
def test_shipped_samples_open_from_the_menu(viewer: napari.Viewer, qtbot: QtBot, key: str) -> None:
    layers = viewer.open_sample("napari-cellvino", key)
    assert layers
    assert all(isinstance(layer, napari.layers.Image) for layer in layers)
    assert float(np.asarray(layers[0].data).max()) > 0


def test_sample_without_network_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    import skimage.data

    def offline() -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(skimage.data, "cells3d", offline)
    with pytest.raises(ImageReadError, match="connect to the internet"):
        samples.cells3d()


def test_sample_without_pooch_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    import skimage.data

    def lacking() -> None:
        raise ModuleNotFoundError("No module named 'pooch'")

    monkeypatch.setattr(skimage.data, "human_mitosis", lacking)
    with pytest.raises(ImageReadError, match="pip install pooch"):
        samples.human_mitosis()
