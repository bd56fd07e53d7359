"""Where log lines of a command go: to the terminal as many as ``-v`` asks for, and all of them to ``--log-file``."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_cellvino.core.errors import OutputError
from napari_cellvino.core.stage_log import ROOT

LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)  # by how often -v was given
TERMINAL_FORMAT = "%(levelname)s %(name)s: %(message)s"
FILE_FORMAT = "%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"


@contextmanager
def command_logging(verbose: int, file: Path | None) -> Iterator[logging.Logger]:
    """Send log lines of the block to standard error and to a file, which is appended to; give the package's logger.

    Parameters
    ----------
    verbose
        0: nothing on standard error, 1: what a run does, 2 or more: every stage with its seconds.
    file
        Gets every line with its time.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    handlers = [handler for handler in (_terminal(verbose), _file(file)) if handler is not None]
    logger = logging.getLogger(ROOT)
    level = logger.level
    for handler in handlers:
        logger.addHandler(handler)
    if handlers:
        logger.setLevel(min(handler.level for handler in handlers))
    try:
        yield logger
    finally:
        logger.setLevel(level)
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()


class _ProgressSafeHandler(logging.Handler):
    """Writes to standard error, above a progress bar where there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm

        try:
            tqdm.write(self.format(record), file=sys.stderr)
        except Exception:
            self.handleError(record)


def _terminal(verbose: int) -> logging.Handler | None:
    if not verbose:
        return None
    handler = _ProgressSafeHandler(LEVELS[min(verbose, len(LEVELS) - 1)])
    handler.setFormatter(logging.Formatter(TERMINAL_FORMAT))
    return handler


def _file(path: Path | None) -> logging.Handler | None:
    if path is None:
        return None
    try:
        handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        why = error.strerror or error
        raise OutputError(f"the log file {path} cannot be written: {why}; choose another with --log-file") from error
    handler.setLevel(logging.DEBUG)
    handler.setFormatter(logging.Formatter(FILE_FORMAT))
    return handler
