"""``cellvino devices``: what can run models here."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from napari_cellvino.engines.openvino import list_devices
from napari_cellvino.storage.json_text import json_text


def run(options: argparse.Namespace) -> int:
    """List the devices."""
    devices = list_devices()
    if options.json:
        print(json_text([asdict(device) for device in devices]), end="")
        return 0
    for device in devices:
        able = f"  ({', '.join(device.capabilities)})" if device.capabilities else ""
        print(f"{device.name:6} {device.full_name}{able}")
    return 0
