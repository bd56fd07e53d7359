"""Changes in folders, where the system tells of them; many network drives do not."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_logger = logging.getLogger(__name__)


@contextmanager
def told_of_changes(folders: Sequence[Path], wake: threading.Event) -> Iterator[None]:
    """Set ``wake`` when something changes in the folders, where the system can tell."""
    from watchdog.events import FileSystemEvent, FileSystemEventHandler
    from watchdog.observers import Observer

    class Handler(FileSystemEventHandler):
        def on_any_event(self, event: FileSystemEvent) -> None:
            if event.event_type in ("created", "modified", "moved", "closed"):
                wake.set()

    try:
        observer = Observer()
        for folder in folders:
            observer.schedule(Handler(), str(folder), recursive=True)
        observer.start()
    except OSError as error:  # too many folders or programs that watch for the system, or a drive that does not tell
        _logger.info("the system does not tell of changes (%s); folders are listed instead", error)
        yield
        return
    try:
        yield
    finally:
        observer.stop()
        observer.join()
