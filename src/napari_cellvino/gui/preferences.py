"""Settings as napari's preferences show them (napari 0.9 and newer); elsewhere the settings file alone holds."""

from __future__ import annotations

import os
from pathlib import Path

from napari_cellvino.settings import Settings, load_settings, save_settings


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
    try:
        from napari.settings import get_plugin_settings
    except ImportError:  # napari before 0.9 has no preferences of plugins
        return settings
    shown = getattr(get_plugin_settings("napari-cellvino"), "models", None)
    if shown is None:
        return settings
    folders = tuple(Path(text) for text in shown.folders.split(os.pathsep) if text.strip())
    wanted = Settings(model_folders=folders or settings.model_folders, device=shown.device.strip() or settings.device)
    if wanted != settings:
        save_settings(wanted)
    return wanted
