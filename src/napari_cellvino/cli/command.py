"""How a command of the command line is declared: its name, the module that runs it, and what all commands have."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from pathlib import Path


def add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, module: str, text: str
) -> argparse.ArgumentParser:
    """Return the parser of a new command, which runs ``run`` of a module beside this one."""
    parser = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    parser.add_argument(
        "-v", "--verbose", action="count", default=0, help="log what is done; -vv: every stage with its seconds"
    )
    parser.add_argument("--log-file", type=Path, metavar="PATH", help="append the whole log to this file")
    parser.set_defaults(command=late(module))
    return parser


def late(module: str) -> Callable[[argparse.Namespace], int]:
    """Return a command that is imported when it is called: ``run`` of a module of this package."""

    def command(options: argparse.Namespace) -> int:
        return int(import_module(f"napari_cellvino.cli.{module}").run(options))

    return command


def one_frame(text: str) -> int:
    """Return a time point."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no time point; they are numbered from 1")
    return int(text)
