"""Settings as napari's preferences show them, from the manifest's ``configurations``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from napari.settings import get_plugin_settings

from napari_cellvino.core.settings import Settings, load_settings, save_settings


def take_preferences() -> Settings:
    """Return the user's settings after writing what napari's preferences say to the settings file, for all to see.

    Raises
    ------
    OptionError
        If the settings file cannot be understood.
    OutputError
        If it cannot be written.
    """
    settings = load_settings()
    shown = _shown()
    if shown is None:
        return settings
    folders = tuple(Path(text) for text in shown.folders.split(os.pathsep) if text.strip())
    chosen = {"model_folders": folders or settings.model_folders, "device": shown.device.strip() or settings.device}
    wanted = settings.model_copy(update=chosen)
    if wanted != settings:
        save_settings(wanted)
    return wanted


def looks_unasked() -> bool:
    """Return whether models may look at the first image of a kind before anybody asks them."""
    shown = _shown()
    return shown is None or bool(shown.first_sight)


def _shown() -> Any:  # noqa: ANN401 (napari makes its class from the manifest)
    return getattr(get_plugin_settings("napari-cellvino"), "models", None)
