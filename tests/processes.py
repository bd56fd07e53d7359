"""Other processes that start in a moment: copies of one that has imported what they need.

They are what is killed, or reads and writes beside the tests. Where processes cannot be copied (Windows), they start
as any other.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

# Ours first: OpenVINO is silent then.
IMPORTED = [
    "napari_cellvino",
    "napari_cellvino.cli.run",
    "napari_cellvino.cli.watch",
    "napari_cellvino.engines.openvino",
    "napari_cellvino.results.store",
    "napari_cellvino.workflows.run_plate",
    "pandas",
    "pytest",
]


def start(work: Callable[..., object], *given: object) -> BaseProcess:
    """Start a process that calls a function of a module, and return it."""
    copied = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if copied else "spawn")
    if copied:
        context.set_forkserver_preload(IMPORTED)
    process = context.Process(target=work, args=given)
    process.start()
    return process


def end(process: BaseProcess) -> int:
    """Wait for the end of a process and return its exit code."""
    process.join()
    code = process.exitcode
    process.close()
    assert code is not None
    return code


def command(arguments: list[str], said: Path) -> None:
    """Run ``cellvino`` with arguments; what it says on standard error goes into a file."""
    from napari_cellvino.cli import main

    signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background of a shell ignores it
    with said.open("w", encoding="utf-8") as sys.stderr:
        sys.exit(main(arguments))
