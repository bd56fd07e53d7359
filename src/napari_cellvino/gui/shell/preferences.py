"""Settings as napari's preferences show them, from the manifest's ``configurations``."""

from __future__ import annotations

import os
from pathlib import Path

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
    shown = getattr(get_plugin_settings("napari-cellvino"), "models", None)
    if shown is None:
        return settings
    folders = tuple(Path(text) for text in shown.folders.split(os.pathsep) if text.strip())
    chosen = {"model_folders": folders or settings.model_folders, "device": shown.device.strip() or settings.device}
    wanted = settings.model_copy(update=chosen)
    if wanted != settings:
        save_settings(wanted)
    return wanted
