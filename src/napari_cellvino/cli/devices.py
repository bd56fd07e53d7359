"""``cellvino devices``: what can run models here."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from napari_cellvino.inference.openvino import list_devices


def run(options: argparse.Namespace) -> int:
    """List the devices."""
    devices = list_devices()
    if options.json:
        print(json.dumps([asdict(device) for device in devices], indent=1))
        return 0
    for device in devices:
        able = f"  ({', '.join(device.capabilities)})" if device.capabilities else ""
        print(f"{device.name:6} {device.full_name}{able}")
    return 0
