from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.settings import (
    Settings,
    cache_folder,
    load_settings,
    save_settings,
    settings_path,
    user_model_folder,
)


@pytest.fixture(autouse=True)
def _own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLVINO_SETTINGS", str(tmp_path / "deep" / "settings.json"))


def test_settings_read_back() -> None:
    assert load_settings() == Settings()
    changed = Settings(model_folders=(Path("models of mine"),), device="GPU")
    save_settings(changed)
    assert load_settings() == changed


def test_broken_settings_are_named() -> None:
    save_settings(Settings())
    settings_path().write_text("{")
    with pytest.raises(OptionError, match=r"settings\.json"):
        load_settings()


@pytest.mark.parametrize(
    ("variable", "folder_of"),
    [("CELLVINO_MODELS", user_model_folder), ("CELLVINO_CACHE", cache_folder), ("CELLVINO_SETTINGS", settings_path)],
)
def test_places_follow_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, folder_of: Callable[[], Path]
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "ä b"))
    assert folder_of() == tmp_path / "ä b"
    monkeypatch.setenv(variable, "")
    usual = folder_of()
    monkeypatch.delenv(variable)
    assert folder_of() == usual
    assert usual.is_absolute()
    assert "napari-cellvino" in usual.parts


def test_settings_are_values_and_take_nothing_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLVINO_DEVICE", "GPU")
    monkeypatch.setenv("DEVICE", "GPU")
    assert Settings().device == load_settings().device == "AUTO"
