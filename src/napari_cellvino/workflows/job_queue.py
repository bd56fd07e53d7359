"""Clusters whose workers are jobs of a queue, as Slurm has them, by a file of dask-jobqueue."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from napari_cellvino.core.errors import OptionError

if TYPE_CHECKING:
    from distributed import SpecCluster

WORKERS = 4  # of a file that names no number
_DEFAULTS = "jobqueue"  # where dask-jobqueue keeps what each system knows, and where the file has its own


def job_queue(file: Path) -> tuple[SpecCluster, int]:
    """Return the cluster of a YAML file, its jobs submitted, and the threads of each task there.

    The file has ``jobqueue: {slurm: {cores: 8, …}}`` as dask-jobqueue reads it, and beside it ``workers: N``. Each
    worker runs as many fields at once as it has cores; where a job asks for more processors than that, as with
    ``job_cpu`` of Slurm, each field has several threads.

    Raises
    ------
    OptionError
        If the file is none of dask-jobqueue, asks for what is not possible, or its jobs are not taken.
    """
    import dask

    system, choices, workers = _read(file)
    try:
        import dask_jobqueue
    except ImportError as error:
        raise OptionError(f"{file} needs dask-jobqueue; install it with: pip install dask-jobqueue") from error
    kinds = {name.removesuffix("Cluster").lower(): name for name in dir(dask_jobqueue) if name.endswith("Cluster")}
    if system not in kinds:
        raise OptionError(f"{file} asks for {system!r}; dask-jobqueue knows {', '.join(sorted(kinds))}")
    _check_known(file, system, choices, dask.config.get(f"{_DEFAULTS}.{system}", {}))
    dask.config.update(dask.config.config, {_DEFAULTS: {system: dict(choices)}}, priority="new")
    asked = dask.config.get(f"{_DEFAULTS}.{system}")
    if not (isinstance(asked.get("cores"), int) and asked["cores"] > 0 and asked.get("memory")):
        raise OptionError(f"{file}: a job needs a number of cores and its memory, as cores: 8, memory: 16GB")
    try:
        cluster = getattr(dask_jobqueue, kinds[system])()
    except (ValueError, TypeError, OSError) as error:
        raise OptionError(f"{file} cannot be used: {_sentence(error)}") from error
    try:
        cluster.scale(workers)
        cluster.sync(_submitted, cluster)
    except (RuntimeError, OSError) as error:
        with suppress(AssertionError):  # that all its jobs began
            cluster.close()
        raise OptionError(f"the jobs of {file} are not taken: {_sentence(error)}") from error
    return cluster, max(1, int(dask.config.get(f"{_DEFAULTS}.{system}.job-cpu", None) or 0) // asked["cores"])


def _read(file: Path) -> tuple[str, Mapping[str, object], int]:
    """Return the system of a file, what it says of it, and the number of workers."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        ((system, choices),) = content[_DEFAULTS].items()
        workers = int(content.get("workers", WORKERS))
        choices = dict(choices or {})
    except (OSError, ValueError, TypeError, KeyError, AttributeError, yaml.YAMLError) as error:
        raise OptionError(
            f"{file} is no file of dask-jobqueue: it must have 'jobqueue:' and under it one of slurm, pbs, sge, lsf, …"
        ) from error
    more = sorted(set(content) - {_DEFAULTS, "workers"})
    if more or workers < 1:
        raise OptionError(
            f"{file} has {more[0]!r}, which nothing reads; there are jobqueue and workers"
            if more
            else f"{file} asks for {workers} workers; write 1 or more, or leave it out"
        )
    return str(system), choices, workers


def _check_known(file: Path, system: str, choices: Mapping[str, object], known: Mapping[str, object]) -> None:
    """Raise where something is misspelt, which dask-jobqueue passes over in silence."""
    names = {name.replace("_", "-") for name in known}
    unknown = [name for name in choices if str(name).replace("_", "-") not in names]
    if names and unknown:
        raise OptionError(
            f"{file}: dask-jobqueue knows no {unknown[0]!r} of {system}; there are {', '.join(sorted(names))}"
        )


async def _submitted(cluster: SpecCluster) -> None:
    """Wait until the jobs are submitted; one that was refused is submitted once more and tells why."""
    await cluster
    for job in cluster.workers.values():
        await job


def _sentence(error: Exception) -> str:
    """Return what a queue says, in one line: of a command that failed, what it wrote."""
    said = str(error).rpartition("stderr:")[2]
    return "; ".join(line.strip() for line in said.splitlines() if line.strip()) or type(error).__name__
