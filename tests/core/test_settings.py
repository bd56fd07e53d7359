from __future__ import annotations

from pathlib import Path

import pytest

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.settings import Settings, load_settings, save_settings, settings_path


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
    with pytest.raises(OptionError, match=r"settings\.json cannot be used.*mend or delete"):
        load_settings()
