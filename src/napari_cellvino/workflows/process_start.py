"""How the processes of a run start: where the system can, as copies of one that has imported what they need.

That one takes about as long to import it as a command line does, so that it may be started first, beside it.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.context import BaseContext

from napari_cellvino.core.lean_imports import import_when_used

IMPORTED = (
    "napari_cellvino.workflows.run_field",
    "napari_cellvino.engines.openvino",
    "pandas",
    *("scipy.fft", "scipy.ndimage", "scipy.spatial", "scipy.special"),  # else each process does, at its first field
)
_UNUSED = ("numpy.f2py", "numpy.testing")
_PRELOADED = "napari_cellvino.workflows.process_imports"
_BLAS = "OPENBLAS_NUM_THREADS"
_GARBAGE_AFTER = 50_000  # objects, those of a field: by default garbage is sought 40 times in each


def process_context() -> BaseContext:
    """Return how processes start."""
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload([_PRELOADED])
    return context


def start_ahead() -> None:
    """Start the process that others are copies of, where there is such a one; it ends with this one."""
    if process_context().get_start_method() != "forkserver":
        return
    from multiprocessing.forkserver import ensure_running

    ensure_running()


def import_needed() -> None:
    """Import what processes need; garbage is never sought in it, nor where this one ends: it takes a tenth as long."""
    from napari_cellvino.engines.provider import load_openvino

    with not_collecting():
        leave_out()
        load_openvino()
        for name in IMPORTED:
            with suppress(ImportError):  # told where it is needed
                import_module(name)
    gc.freeze()


def leave_out() -> None:
    """Have SciPy, imported later, leave parts of NumPy that only tests and builds use: a fifth of the time it takes."""
    for name in _UNUSED:
        import_when_used(name)


@contextmanager
def not_collecting() -> Iterator[None]:
    """Look for no garbage while modules are imported: there is none, and looking takes a tenth of the time."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def collect_seldom() -> None:
    """Look for garbage seldom, and never in what was imported: that takes as long as a third of a field."""
    gc.freeze()
    gc.set_threshold(_GARBAGE_AFTER)


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """Do as `collect_seldom`, for a while."""
    before = gc.get_threshold()
    collect_seldom()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


def one_thread_for_products() -> None:
    """Have matrix products done in one thread in this process and those it starts, before NumPy is imported.

    Those of a run are small, and made on several threads as it is: others of NumPy's own only wait, on cores that are
    needed.
    """
    os.environ.setdefault(_BLAS, "1")
