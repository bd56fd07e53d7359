"""Log lines of the stages of a run: read, infer, measure, save, journal, each with its field and seconds.

The library logs under ``napari_cellvino`` and never sets up handlers or levels; the command line and the window do.
Beside the message, records have ``stage``, ``field`` and ``seconds``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

ROOT = "napari_cellvino"
logging.getLogger(ROOT).addHandler(logging.NullHandler())  # without a set-up, warnings do not go to the terminal


@contextmanager
def timed_stage(logger: logging.Logger, stage: str, field: str, detail: str = "") -> Iterator[None]:
    """Log at DEBUG how long the block took, unless it raised; costs nothing where DEBUG is off.

    Parameters
    ----------
    logger
        That of the module.
    stage
        ``read``, ``infer``, ``measure``, ``save`` or ``journal``.
    field
        Name of the field of view, or of the file.
    detail
        What else is logged, as ``24 planes``.
    """
    if not logger.isEnabledFor(logging.DEBUG):
        yield
        return
    started = time.perf_counter()
    yield
    log_stage(logger, stage, field, time.perf_counter() - started, detail)


def log_stage(logger: logging.Logger, stage: str, field: str, seconds: float, detail: str = "") -> None:
    """Log at DEBUG that a stage took so many seconds."""
    text = f"{stage} {field}: {seconds:.3f} s" + (f" ({detail})" if detail else "")
    logger.debug("%s", text, extra={"stage": stage, "field": field, "seconds": seconds})
