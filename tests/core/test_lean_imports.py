"""Parts of packages that are left out are there when somebody asks for them."""

from __future__ import annotations

import subprocess
import sys

from napari_cellvino.core.resources import shipped_folder

USED = """
import sys
from napari_cellvino.core.lean_imports import import_when_used
for name in ("numpy.f2py", "numpy.testing", "json.no_such_part"):
    try:
        import_when_used(name)
    except ModuleNotFoundError:
        print("missing", name)
import scipy.ndimage
assert "numpy.f2py.crackfortran" not in sys.modules and "unittest" not in sys.modules
import numpy as np
from numpy.testing import assert_array_equal
assert_array_equal(np.ones(2), np.ones(2))
assert np.f2py.crackfortran.__name__ == "numpy.f2py.crackfortran"
print("used")
"""

CONVERTED = """
import sys
from napari_cellvino.engines.provider import list_devices
print([device.name for device in list_devices()][0], "openvino.tools.ovc" in sys.modules)
import openvino as ov
print(len(ov.convert_model(sys.argv[1]).inputs), "openvino.tools.ovc" in sys.modules)
"""


def said(*words: str) -> list[str]:
    return subprocess.run(
        [sys.executable, "-c", *words], capture_output=True, text=True, check=True
    ).stdout.splitlines()


def test_what_scipy_leaves_out_is_imported_when_it_is_used():
    assert said(USED)[-1] == "used"


def test_openvino_has_its_converter_for_others():
    network = shipped_folder("models") / "spots" / "model.onnx"
    assert said(CONVERTED, str(network)) == ["AUTO False", "1 True"]
