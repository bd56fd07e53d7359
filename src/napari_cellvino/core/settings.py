"""Where a user's own files are, and the few settings that hold for every run."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from platformdirs import user_cache_path, user_config_path, user_data_path
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from napari_cellvino.core.errors import OptionError, OutputError

_APP = "napari-cellvino"
_VARIABLES = "CELLVINO_"


class Settings(BaseModel):
    """Settings of this user; ``model_folders`` are searched for model packages after the shipped and user folders.

    ``servers`` are the addresses of servers that pixels may go to, as ``grpc://host:9000``; ``server_fallback`` is the
    device of this computer that goes on where one does not answer, empty for none.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())

    model_folders: tuple[Path, ...] = ()
    device: str = "AUTO"
    servers: tuple[str, ...] = ()
    server_fallback: str = ""


class _Environment(BaseModel):
    """Folders and files that environment variables name.

    ``pydantic_settings`` does the same, and takes a sixth of the time that a command needs to start.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())

    models: Path | None = Field(default=None, validation_alias="CELLVINO_MODELS")
    cache: Path | None = Field(default=None, validation_alias="CELLVINO_CACHE")
    settings: Path | None = Field(default=None, validation_alias="CELLVINO_SETTINGS")
    model_key: SecretStr | None = Field(default=None, validation_alias="CELLVINO_MODEL_KEY")
    model_key_file: Path | None = Field(default=None, validation_alias="CELLVINO_MODEL_KEY_FILE")
    server_token: SecretStr = Field(default=SecretStr(""), validation_alias="CELLVINO_SERVER_TOKEN")
    server_ca: Path | None = Field(default=None, validation_alias="CELLVINO_SERVER_CA")
    server_cert: Path | None = Field(default=None, validation_alias="CELLVINO_SERVER_CERT")
    server_key: Path | None = Field(default=None, validation_alias="CELLVINO_SERVER_KEY")


def _environment() -> _Environment:
    """Return what the environment says; an empty variable counts as not set."""
    held = {name: value for name, value in os.environ.items() if name.startswith(_VARIABLES) and value}
    return _Environment.model_validate(held)


def user_model_folder() -> Path:
    """Return the folder for a user's own model packages; ``CELLVINO_MODELS`` overrides it."""
    return _environment().models or user_data_path(_APP, appauthor=False) / "models"


def cache_folder() -> Path:
    """Return the folder for compiled models; ``CELLVINO_CACHE`` overrides it."""
    return _environment().cache or user_cache_path(_APP, appauthor=False)


def settings_path() -> Path:
    """Return the settings file; ``CELLVINO_SETTINGS`` overrides it."""
    return _environment().settings or user_config_path(_APP, appauthor=False) / "settings.json"


def model_key_sources() -> tuple[str, Path | None]:
    """Return the key of encrypted models and the file of one, as ``CELLVINO_MODEL_KEY`` and ``…_FILE`` give them."""
    found = _environment()
    return (found.model_key.get_secret_value() if found.model_key else "", found.model_key_file)


@dataclass(frozen=True, slots=True)
class ServerAccess:
    """What servers are shown: a token, and files (PEM) of the authority they are checked by and of our certificate."""

    token: str = field(default="", repr=False)
    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


def server_access() -> ServerAccess:
    """Return what ``CELLVINO_SERVER_TOKEN``, ``…_CA``, ``…_CERT`` and ``…_KEY`` name."""
    found = _environment()
    return ServerAccess(found.server_token.get_secret_value(), found.server_ca, found.server_cert, found.server_key)


def load_settings() -> Settings:
    """Return the user's settings, or the defaults where there are none.

    Raises
    ------
    OptionError
        If the file is there but cannot be read or holds no settings.
    """
    path = settings_path()
    try:
        return Settings.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(": ".join(filter(None, (".".join(map(str, e["loc"])), e["msg"]))) for e in error.errors())
        raise OptionError(f"settings {path} cannot be used: {problems}; correct or delete the file") from error
    except OSError as error:
        raise OptionError(f"settings {path} cannot be used: {error}; correct or delete the file") from error


def save_settings(settings: Settings) -> None:
    """Write the settings file.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    path = settings_path()
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(settings.model_dump_json(indent=2), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise OutputError(f"settings {path} cannot be written: {error.strerror}") from error
