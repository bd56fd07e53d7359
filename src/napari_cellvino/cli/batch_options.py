"""How a run goes over many fields: which of them, and where they are done."""

from __future__ import annotations

import argparse


def add_batch_choices(parser: argparse.ArgumentParser) -> None:
    """Add processes, cluster, and which fields of an earlier run are done."""
    parser.add_argument(
        "--workers",
        type=_workers,
        metavar="N|auto",
        help="processes that share the fields; auto: as many as cores, fields and free memory are worth (default)",
    )
    text = "run on a cluster: tcp://host:8786 of dask, local:N processes, or a YAML file of dask-jobqueue"
    parser.add_argument("--cluster", metavar="WHERE", help=text)
    text = "where a folder of this computer lies on the cluster, as /mnt/lab=/data/lab; repeatable"
    parser.add_argument("--map", action="append", default=[], metavar="HERE=THERE", help=text)
    text = "fields of an earlier run that failed, were never done, or were rejected (see 'cellvino jobs'); repeatable"
    parser.add_argument("--only", action="append", default=[], choices=["failed", "new", "rejected"], help=text)
    text = "try a field so often again where the cause of its failure may pass, as a network drive that is away (1)"
    parser.add_argument("--retries", type=int, default=1, metavar="N", help=text)


def _workers(text: str) -> int | None:
    """Return a number of processes; None stands for as many as are worth it."""
    if text == "auto":
        return None
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of processes; give 1 or more, or auto")
    return int(text)
