"""Loops that Numba compiles, where it is installed: the same bytes as NumPy gives, in less time.

Nobody waits for them: to import Numba takes half a second and to compile all of them some more, so a process begins
once it has passed so many pixels that it will be worth it. They are compiled by a process of its own, once for each
version of all that takes part, and this one then loads them on a thread; until that is done, and wherever it fails,
NumPy does the work. ``NUMBA_DISABLE_JIT=1`` leaves them out.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from types import SimpleNamespace
from typing import Any

from numpy.typing import NDArray

from napari_cellvino.core import kernels, measuring_kernels
from napari_cellvino.core.settings import cache_folder
from napari_cellvino.core.threads import begin

_logger = logging.getLogger(__name__)

WORTH_PX = 2**26  # passed before: by then compiled loops would have saved what it takes to load them
LONGEST_S = 600.0  # that compiling takes, on a busy computer
WAIT_S = 1.0
_DONE = "done"  # the file that says that all are compiled, and give what NumPy gives
_LOCK = "compiling"
_COMPILE = """
from napari_cellvino.core.compiled import compile_into
from napari_cellvino.quality.loops_check import check_loops
compile_into(check_loops)
"""


class _State:
    """What this process knows of its loops."""

    def __init__(self) -> None:
        self.loops: SimpleNamespace | None = None
        self.passed_px = 0
        self.begun = self.tried = False
        self.ended = False
        self.lock, self.loading = Lock(), Lock()

    def end(self) -> None:
        """Let what is loaded now be loaded, and nothing more: a compiler must not run on while the process ends."""
        with self.loading:
            self.ended = True


_state = _State()
atexit.register(_state.end)


def is_installed() -> bool:
    """Return whether there is a Numba that may be used."""
    return find_spec("numba") is not None and os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")


def compiled(*arrays: NDArray[Any]) -> Any:  # noqa: ANN401
    """Return the compiled loops by their names in `kernels` and `measuring_kernels`, or None as long as there are none.

    They take arrays of their types alone. None is returned, too, where one of ``arrays`` is of none of these: where its
    pixels do not lie side by side, are not to be written, or are of another computer's byte order.
    """
    takes = all(array.flags.carray and array.dtype.isnative for array in arrays)
    return _state.loops if takes else None


def use(loops: Any) -> None:  # noqa: ANN401
    """Use these compiled loops from now on, or NumPy (None)."""
    _state.loops = loops


def passed(pixels: int) -> None:
    """Note that so many pixels are decoded; once they are many, compiled loops are got ready on a thread."""
    if _state.begun:
        return
    _state.passed_px += pixels
    if _state.passed_px >= WORTH_PX:
        _state.begun = True
        begin(get_ready)


def get_ready() -> bool:
    """Compile the loops, unless that was done before, and load them; return whether they are used from now on.

    What fails is logged once, and NumPy goes on.
    """
    with _state.lock:
        if _state.tried:
            return _state.loops is not None
        _state.begun = _state.tried = True
        if not is_installed():
            return False
        try:
            folder = _folder()
            _compile_once(folder)
            with _state.loading:
                _state.loops = None if _state.ended else _loaded(folder)
        except Exception as error:  # whatever a compiler does, NumPy gives the same
            _logger.warning("Loops could not be compiled, and NumPy is used instead: %s", error)
    return _state.loops is not None


def _loaded(folder: Path) -> SimpleNamespace:
    """Return all loops, from a folder of Numba's cache where they are there, else compiled now and written into it."""
    import numba

    if numba.config.DISABLE_JIT:  # as a file of settings may say
        raise RuntimeError("Numba is told to compile nothing")
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(folder)
    try:
        return SimpleNamespace(
            **{
                name: numba.njit(list(signatures), cache=True, nogil=True)(loop)
                for name, (loop, signatures) in kernels.LOOPS.items()
            }
        )
    finally:
        numba.config.CACHE_DIR = before


def _folder() -> Path:
    """Return the folder of what is compiled of these very loops, by this Numba, for this processor."""
    import platform
    from importlib.metadata import version

    from llvmlite import binding

    parts = [
        *(Path(str(module.__file__)).read_text("utf-8") for module in (kernels, measuring_kernels)),
        *(version(name) for name in ("numba", "llvmlite", "numpy")),
        platform.python_version(),
        binding.get_host_cpu_name(),
        binding.get_host_cpu_features().flatten(),
    ]
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return cache_folder() / "loops" / key[:16]


def _compile_once(folder: Path) -> None:
    """Have all loops compiled into a folder, unless they are; where another process does so, wait for it."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / _LOCK
    while not (folder / _DONE).exists():
        try:
            lock.touch(exist_ok=False)
        except FileExistsError:
            with suppress(FileNotFoundError):
                if time.time() - lock.stat().st_mtime > LONGEST_S:  # it was killed
                    lock.unlink()
            time.sleep(WAIT_S)
            continue
        try:
            _compile_beside(folder)
        finally:
            lock.unlink(missing_ok=True)


def _compile_beside(folder: Path) -> None:
    """Compile all loops in another process, which would keep this one from working: Python's lock is held for it.

    It gives way to others, and is done some seconds later even if this one ends or is stopped.

    Raises
    ------
    RuntimeError
        If it fails.
    """
    import subprocess

    command = [sys.executable, "-P", "-c", _COMPILE, str(folder)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    quiet = 0x08004200 if os.name == "nt" else 0  # no console, below normal priority, no Ctrl+C
    done = subprocess.run(
        command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, creationflags=quiet,
        start_new_session=True, check=False,
    )  # fmt: skip
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise RuntimeError(said[-1] if said else f"the compiler ended with {done.returncode}")


def compile_into(check: Callable[[object], None]) -> None:
    """Compile all loops into the folder that the command line of this process names, and check them."""
    if hasattr(os, "nice"):
        os.nice(10)
    folder = Path(sys.argv[1])
    check(_loaded(folder))
    (folder / _DONE).touch()
    (folder / _LOCK).unlink(missing_ok=True)  # where the process that waits has ended
