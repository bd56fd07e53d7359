"""How a run goes over many fields: which of them, and where they are done."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

KINDS = ("plate", "film", "images")  # of inputs, as the rules of a watch take them


class _Recipes(argparse.Action):
    """Takes a file for all inputs, or ``KIND=FILE`` for those of one kind."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, value: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:  # fmt: skip
        """Enter a file, each kind once."""
        kind, equals, file = str(value).partition("=")
        if not equals or (kind not in KINDS and Path(str(value)).exists()):
            namespace.recipe = Path(str(value))
        elif kind not in KINDS:
            parser.error(f"--recipe {value}: there is no kind {kind!r} of inputs; there are {', '.join(KINDS)}")
        elif kind in namespace.recipes:
            parser.error(f"--recipe {value}: {kind} has a recipe already, {namespace.recipes[kind]}")
        else:
            namespace.recipes = namespace.recipes | {kind: Path(file)}


def add_recipes(parser: argparse.ArgumentParser) -> None:
    """Add recipes: one for all inputs, or one for each kind of them."""
    text = (
        "choices saved by the window or an earlier run; plate=FILE, film=FILE or images=FILE are for inputs of that "
        "kind alone, and may stand beside one for all others"
    )
    parser.add_argument("--recipe", action=_Recipes, metavar="[KIND=]FILE", help=text)
    parser.set_defaults(recipes={})


def add_batch_choices(parser: argparse.ArgumentParser) -> None:
    """Add processes, cluster, and which fields of an earlier run are done."""
    parser.add_argument("--dry-run", action="store_true", help="print what each input would get, and run nothing")
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
