"""The command line: the window's use-cases without a window.

Only argparse is imported here; each command imports what it needs when it runs, so that ``--help`` is quick.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from types import FrameType

from napari_cellvino.cli.interrupts import Interrupts
from napari_cellvino.cli.parser import make_parser
from napari_cellvino.core.errors import CellvinoError, as_utf8

OK, FAILED, USAGE = 0, 1, 2
STOPPING = ("SIGTERM", "SIGHUP")  # from a service manager, or a terminal that closes


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 all went well, 1 something failed, 2 wrong usage."""
    atexit.register(gc.freeze)  # Python would look for garbage in all that was imported, for a sixth of a second
    try:
        options = make_parser().parse_args(arguments)
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # names hold signs that a terminal cannot show
        interrupts = Interrupts()
        options.check_interrupts = interrupts.check
        with _stopped_by_signals(), interrupts.remembered():
            code = _run(options)
        sys.stdout.flush()
        return code
    except CellvinoError as error:
        print(f"cellvino: {error}", file=sys.stderr)
        return _exit_code(error)
    except UnicodeEncodeError as error:  # a name in the encoding of another system, which no table and ledger holds
        print(f"cellvino: the name {as_utf8(error.object)} is not in UTF-8; rename the file or folder", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("cellvino: stopped; finished fields are kept, and the same command goes on from there", file=sys.stderr)
        return FAILED
    except PermissionError as error:
        print(
            f"cellvino: {error.filename} may not be read or entered: permission denied; ask its owner", file=sys.stderr
        )
        return FAILED
    except BrokenPipeError:  # the reader of our output went away; what Python still holds would fail again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Have what stops other programs end a command as Ctrl+C does: tables are written, and finished fields kept.

    A signal that is ignored, as under nohup, stays so.
    """
    numbers = [getattr(signal, name) for name in STOPPING if hasattr(signal, name)]
    caught = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():
        caught = []
    for number in caught:
        signal.signal(number, _stop)
    try:
        yield
    finally:
        for number in caught:
            signal.signal(number, signal.SIG_DFL)


def _stop(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # it may come again while tables are written
    raise KeyboardInterrupt


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
