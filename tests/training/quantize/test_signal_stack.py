"""A signal that comes after NNCF's cores are gone is handled, and kills nobody."""

from __future__ import annotations

import subprocess
import sys

import pytest

BODY = """
import signal, sys
import openvino as ov
from napari_cellvino.engines.openvino import openvino_core
from napari_cellvino.training.quantize.signal_stack import preserve_signal_stack

heard = []
signal.signal(signal.SIGUSR1, lambda number, frame: heard.append(number))
openvino_core().available_devices
with preserve_signal_stack():
    cores = [ov.Core(), ov.Core()]
    for core in cores:
        core.get_property("CPU", "FULL_DEVICE_NAME")
    del core
    while cores:
        cores.pop(0)
signal.raise_signal(signal.SIGUSR1)
sys.exit(heard != [signal.SIGUSR1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="OpenVINO sets the stack up on Linux only")
def test_signals_are_handled_after_cores_that_came_and_went():
    assert subprocess.run([sys.executable, "-c", BODY], timeout=120, check=False).returncode == 0
