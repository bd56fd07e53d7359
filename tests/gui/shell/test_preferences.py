"""What is set in napari's preferences holds for the window, and through the settings file for the command line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import napari
import pytest
from napari.settings import get_plugin_settings

from napari_cellvino.core.settings import Settings, load_settings, save_settings
from napari_cellvino.gui.shell.preferences import take_preferences


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, viewer: napari.Viewer) -> Iterator[object]:
    monkeypatch.setenv("CELLVINO_SETTINGS", str(tmp_path / "settings.json"))
    models = get_plugin_settings("napari-cellvino").models
    yield models
    models.device = models.folders = ""


def test_preferences_reach_the_settings_file(shown: object, tmp_path: Path) -> None:
    shown.device = "CPU"  # type: ignore[attr-defined]
    shown.folders = os.pathsep.join((str(tmp_path / "a"), str(tmp_path / "b")))  # type: ignore[attr-defined]
    wanted = Settings(model_folders=(tmp_path / "a", tmp_path / "b"), device="CPU")
    assert take_preferences() == wanted
    assert load_settings() == wanted


def test_empty_preferences_leave_the_settings_file_alone(shown: object, tmp_path: Path) -> None:
    mine = Settings(model_folders=(tmp_path,), device="HETERO:CPU")
    save_settings(mine)
    assert take_preferences() == mine
    assert load_settings() == mine
