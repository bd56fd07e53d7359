"""Sentences that name an option of the command line, with what has that place in the window instead.

Readers, models and runs say what to do as the command line takes it, and results on disk keep what was said. So the
window turns options into controls where text is shown, and not at each of the places where a sentence is made.
"""

from __future__ import annotations

import re

CONTROLS = {
    "acquisition": "Acquisition on the Plate tab",
    "axes": "Dimensions under Correct… in tab 1",
    "cell-channel": "Whole cells under More in tab 2",
    "channel": "Channel in tab 1, or on the Plate tab",
    "device": "Device in tab 2",
    "diameter": "Cell diameter under More in tab 2",
    "engine": "Device in tab 2",
    "frame": "Time point in tab 1",
    "keep-doubles": "Doubled images on the Plate tab",
    "layout": "Contents of wells on the Plate tab",
    "level": "Level in tab 1",
    "outline": "Outlines in tab 2",
    "outlines-in": "'GeoJSON in µm' as the kind of file, under Masks from a file…",
    "overwrite": "Replace",
    "pixel-size": "Correct… in tab 1",
    "plate": "Plate… in tab 1",
    "region": "Region under Correct… in tab 1",
    "whole-cells": "Whole cells under More in tab 2",
    "z": "Stack in tab 1",
}
"""Where the window has what an option says."""

COMMAND_LINE_ONLY = frozenset(
    (
        *("all-fields", "base", "cluster", "config", "decimal-comma", "encoding", "epochs", "json", "key-file", "map"),
        *("mask", "model-results", "name", "only", "out", "pattern", "pipeline", "port", "progress", "rest", "seed"),
        *("interval", "spot-channel", "train"),
    )
)
"""Other options that rooms below name: the window has nothing for them, or is never told. `--pattern`: see below."""

_SETTINGS = {
    "signal_test is 0": "'No cells in noise' in tab 2 is off",
    "signal_test 0 counts them": "'No cells in noise' in tab 2 switched off counts them",
}

_OPTION = r"(?<![^\s(\"'])--(?P<option>[a-z][a-z-]*)"
_TAKES_ANOTHER = re.compile(_OPTION + r"(?: [A-Z])? takes another")
_TAKES_VALUE = re.compile(_OPTION + r" (?P<value>[a-z]+) (?=takes|counts|has)")
_PATTERN = re.compile(r"(?<!\S)--pattern (?P<value>'[^']*')")
_WITH_VALUE = re.compile(_OPTION + r"(?: (?:N|Y0:Y1,X0:X1|FILE\.csv|[A-Z]*YX))?(?![\w-])(?! \(command line\))")


def window_text(text: str) -> str:
    """Return a text with the names of controls in the places of options; one that has them stays as it is."""
    for setting, words in _SETTINGS.items():
        text = text.replace(setting, words)
    if "--" not in text:
        return text
    text = _PATTERN.sub(r"the pattern \g<value> on the Plate tab", text)
    text = _TAKES_ANOTHER.sub(lambda found: f"choose another: {_control(found)}", text)
    text = _TAKES_VALUE.sub(lambda found: f"{found['value'].capitalize()} of {_control(found)} ", text)
    return _WITH_VALUE.sub(_control, text)


def _control(found: re.Match[str]) -> str:
    option = found["option"]
    return CONTROLS.get(option) or f"--{option} (command line)"
