"""``cellvino run``, begun: what its processes need is imported in one of them while this one imports its own.

Nothing is imported here that takes time.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from napari_cellvino.core.memory import keep_memory
from napari_cellvino.workflows.process_start import leave_out, not_collecting, one_thread_for_products, start_ahead

WORTH = 24  # files, from which two processes are


def run(options: argparse.Namespace) -> int:
    """Run all inputs; 0 when every field was done, else 1."""
    one_thread_for_products()
    if is_worth(options):
        start_ahead()
    keep_memory()
    with not_collecting():
        leave_out()
        from napari_cellvino.cli.run import run as run_inputs

    return run_inputs(options)


def is_worth(options: argparse.Namespace) -> bool:
    """Return whether a run will most likely have several processes, by the number of its files.

    Where there are results already, most may be done.
    """
    if options.cluster or options.track or options.workers == 1 or (options.out.exists() and not options.overwrite):
        return False
    on_processor = (options.device or "AUTO").upper() in ("AUTO", "CPU")
    return on_processor and (options.workers is not None or _files(options.inputs) >= WORTH)


def _files(inputs: Iterable[Path]) -> int:
    """Return how many files right in the inputs there are, up to `WORTH` of each."""
    found = 0
    for path in inputs:
        try:
            with os.scandir(path) as entries:
                found += sum(1 for _ in islice(entries, WORTH))
        except OSError:  # a file, or nothing
            found += 1
    return found
