"""Find, outline, correct and count cells with OpenVINO, in napari and from the command line."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("napari-cellvino")
except PackageNotFoundError:  # running from a source tree that was never installed
    __version__ = "0.0.0"
