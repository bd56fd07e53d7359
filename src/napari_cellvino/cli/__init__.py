"""The command line: the window's use-cases without a window.

Only argparse is imported here; each command imports what it needs when it runs, so that ``--help`` is quick.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

from napari_cellvino.cli.parser import make_parser
from napari_cellvino.core.errors import CellvinoError

OK, FAILED, USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 all went well, 1 something failed, 2 wrong usage."""
    options = make_parser().parse_args(arguments)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name may hold signs that a terminal cannot show
    try:
        code = _run(options)
        sys.stdout.flush()
        return code
    except CellvinoError as error:
        print(f"cellvino: {error}", file=sys.stderr)
        return _exit_code(error)
    except KeyboardInterrupt:
        print("cellvino: stopped; finished fields are kept, and the same command goes on from there", file=sys.stderr)
        return FAILED
    except BrokenPipeError:  # the reader of our output went away; what Python still holds would fail again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _run(options: argparse.Namespace) -> int:
    """Run the command, with a log where one is asked for."""
    if not options.verbose and options.log_file is None:
        return int(options.command(options))
    from napari_cellvino.cli.log_setup import command_logging

    with command_logging(options.verbose, options.log_file) as logger:
        try:
            return int(options.command(options))
        except Exception:
            logger.debug("the command failed", exc_info=True)
            raise


def _exit_code(error: CellvinoError) -> int:
    from napari_cellvino.core.errors import DeviceError, ModelPackageError, OptionError

    return USAGE if isinstance(error, (OptionError, DeviceError, ModelPackageError)) else FAILED
