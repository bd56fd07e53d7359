"""Where a user's own things live, and the few settings that hold for every run."""

from __future__ import annotations

import json
import os
from pathlib import Path

from platformdirs import user_cache_path, user_config_path, user_data_path
from pydantic import BaseModel, ConfigDict, ValidationError

from napari_cellvino.core.errors import OptionError, OutputError

_APP = "napari-cellvino"


class Settings(BaseModel):
    """Settings of this user; ``model_folders`` are searched for model packages after the shipped and user folders."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())

    model_folders: tuple[Path, ...] = ()
    device: str = "AUTO"


def user_model_folder() -> Path:
    """Return the folder for a user's own model packages; ``CELLVINO_MODELS`` overrides it."""
    chosen = os.environ.get("CELLVINO_MODELS")
    return Path(chosen) if chosen else user_data_path(_APP, appauthor=False) / "models"


def cache_folder() -> Path:
    """Return the folder for compiled models; ``CELLVINO_CACHE`` overrides it."""
    chosen = os.environ.get("CELLVINO_CACHE")
    return Path(chosen) if chosen else user_cache_path(_APP, appauthor=False)


def settings_path() -> Path:
    """Return the settings file; ``CELLVINO_SETTINGS`` overrides it."""
    chosen = os.environ.get("CELLVINO_SETTINGS")
    return Path(chosen) if chosen else user_config_path(_APP, appauthor=False) / "settings.json"


def load_settings() -> Settings:
    """Return the user's settings, or the defaults where there are none.

    Raises
    ------
    OptionError
        If the file is there but cannot be understood.
    """
    path = settings_path()
    try:
        return Settings.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Settings()
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise OptionError(f"settings {path} cannot be used: {faults}; mend or delete the file") from error
    except (OSError, ValueError) as error:
        raise OptionError(f"settings {path} cannot be used: {error}; mend or delete the file") from error


def save_settings(settings: Settings) -> None:
    """Write the settings file.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    path = settings_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".part").write_text(settings.model_dump_json(indent=2), encoding="utf-8")
        path.with_suffix(".part").replace(path)
    except OSError as error:
        raise OutputError(f"settings {path} cannot be written: {error.strerror}") from error
