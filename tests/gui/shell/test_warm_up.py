"""What is loaded once the window stands is what napari then uses."""

from __future__ import annotations

import subprocess
import sys

CHECK = """
import sys
import pint
from napari_cellvino.gui.shell import warm_up
assert not warm_up.is_done()
registry = warm_up.prepare()
assert {"pandas", "openvino", "matplotlib.figure"} <= set(sys.modules) and not warm_up.is_done()
warm_up.use_registry(registry)
assert warm_up.is_done() and pint.get_application_registry().get() is registry
warm_up.use_registry(pint.UnitRegistry())
assert pint.get_application_registry().get() is registry
assert warm_up.prepare() is None
"""


def test_a_registry_of_units_is_made_once() -> None:
    subprocess.run([sys.executable, "-c", CHECK], check=True)  # a process in which nobody needed units yet
