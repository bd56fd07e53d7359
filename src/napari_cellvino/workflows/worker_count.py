"""How many processes a run is worth: as many as there are cores, fields and memory for."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from napari_cellvino.engines.provider import has_only_processor
from napari_cellvino.engines.remote.address import is_address
from napari_cellvino.segmentation.pipeline import Pipeline

FIELDS_EACH = 12  # from which a process saves more time than its start takes
PROCESS_BYTES = 450_000_000  # of a process with its libraries and a field of a megapixel, beside the network's
MEMORY_SHARE = 0.6  # of the memory that is free now


@dataclass(frozen=True, slots=True)
class Resources:
    """What a computer has to give: cores that this process may use, and free memory in bytes."""

    cores: int
    free_bytes: int

    @classmethod
    def here(cls) -> Resources:
        """Return what is free on this computer now."""
        return cls(usable_cores(), psutil.virtual_memory().available)


def usable_cores() -> int:
    """Return the cores that this process may use; what a container or a job scheduler takes away does not count."""
    affinity: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def choose_workers(wanted: int | None, fields: int, pipeline: Pipeline, has: Resources) -> int:
    """Return how many processes run so many fields; 1 is this process alone, with threads that measure and write.

    ``wanted`` is what the user asks for, None leaves it to what there is. Memory limits both: no more processes are
    begun than the free memory holds. Networks on a server, or on another device than the processor, have one process.
    """
    if is_address(pipeline.recipe.device):  # processes of their own may send no pixels anywhere
        return 1
    most = max(1, int(has.free_bytes * MEMORY_SHARE) // bytes_of_worker(pipeline))
    if wanted is not None:
        return max(1, min(wanted, most))
    workers = max(1, min(has.cores, most, fields // FIELDS_EACH))
    return workers if workers > 1 and _on_processor(pipeline.recipe.device) else 1


def bytes_of_worker(pipeline: Pipeline) -> int:
    """Return the memory that a process of a run takes, in bytes."""
    specs = [step.package.spec for step in pipeline.steps]
    return PROCESS_BYTES + sum(spec.bytes_fixed + spec.tile**2 * spec.bytes_per_pixel for spec in specs)


def _on_processor(device: str) -> bool:
    name = device.upper()
    return name == "CPU" or (name == "AUTO" and has_only_processor())
