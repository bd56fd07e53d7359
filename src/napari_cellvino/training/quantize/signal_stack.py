"""The stack on which this thread handles signals, put back after code that leaves it dangling.

NNCF makes OpenVINO cores of its own; see `napari_cellvino.engines.openvino.openvino_core` for what comes of it.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class _Stack(ctypes.Structure):
    _fields_ = (("pointer", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


@contextmanager
def preserve_signal_stack() -> Iterator[None]:
    """Put this thread's signal stack back at the end (``sigaltstack``); only on Linux does OpenVINO touch it."""
    if sys.platform != "linux":
        yield
        return
    libc, before = ctypes.CDLL(None), _Stack()
    libc.sigaltstack(None, ctypes.byref(before))
    try:
        yield
    finally:
        libc.sigaltstack(ctypes.byref(before), None)
