"""Find, outline, correct and count cells with OpenVINO, in napari and from the command line."""

import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any, cast

# OpenVINO and NNCF send an event to a web analytics service at every import, under an id that they keep in the home
# folder, unless they cannot import their package for it. Python runs this before any other module of ours, and so in
# every process that is ours; whoever imported OpenVINO before us has sent that event already.
cast("dict[str, Any]", sys.modules)["openvino_telemetry"] = None

try:
    __version__ = version("napari-cellvino")
except PackageNotFoundError:  # running from a source tree that was never installed
    __version__ = "0.0.0"
